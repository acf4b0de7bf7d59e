"""The commands. Only the files of commands print, and only they decide exit codes.

0: done, whatever the verdicts; 1: something was looked for and found wrong; 2: wrong usage or input of the caller;
3: some result is `grader_error`.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from grader.cli import check, completion, grade, output, progress, report
from grader.cli.console import plain_help
from grader.cli.errors import complaint
from grader.cli.export import COMMANDS as EXPORTING
from grader.cli.options import (
    AsJson,
    AttackOut,
    Attacks,
    AttackSeconds,
    AttackWindow,
    Corpus,
    DataOut,
    LintSeeds,
    Quick,
    RepoUrl,
    Seed,
    SizeName,
    Source,
    TaskName,
)
from grader.cli.settings import made, recreate, source_of
from grader.errors import UsageError
from grader.redteam.window import WINDOW
from grader.task.spec import DEFAULT_SIZE, Task, discover, load_task

app = typer.Typer(
    help="Grade competition notebooks: the student's function runs in a sandbox of its own.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None if plain_help else "rich",
    context_settings={"color": False} if plain_help else {},
)


@app.command()
def tasks(*, as_json: AsJson = False) -> None:
    """List the tasks with slot, limits and score map."""
    found = discover()
    if as_json:
        output.print_json(
            [{**task.spec.model_dump(), "id": task.id, "version": task.version} for task in found]
        )
    else:
        output.show_tasks(found)


@app.command()
def build(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]...", autocompletion=completion.task_ids)
    ] = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say what is out of step.")] = False,
    repo_url: RepoUrl = None,
    as_json: AsJson = False,
) -> None:
    """Generate the starter and solution notebooks from the author's notebook."""
    from grader.task import build as builder  # noqa: PLC0415 -- jupytext is only needed here

    stale: list[str] = []
    written: list[Path] = []
    chosen = _chosen(names)
    if check:
        stale = [line for task in chosen for line in builder.check(task, repo_url)]
    elif repo_url is None:
        written = [path for task in chosen for path in builder.write(task)]
    else:  # it is one for all tasks of a folder
        for folder in sorted({task.folder.parent for task in chosen}):
            written += builder.move(discover(folder), repo_url)
    if as_json:
        output.print_json({"stale": stale, "written": [str(path) for path in written]})
    for path in [] if as_json else written:
        output.say(f"wrote {path}")
    if stale:
        raise UsageError("; ".join(stale))
    if not as_json and not written:
        output.say("every notebook is in step with its source")


@app.command()
def prepare(
    task_name: TaskName,
    *,
    seed: Seed = 0,
    out: DataOut = None,
    source: Source = None,
    size: SizeName = DEFAULT_SIZE,
    as_json: AsJson = False,
) -> None:
    """Build the data folders, and the zip of the public part that is handed out."""
    from grader.task import data as preparing  # noqa: PLC0415 -- keeps `grader --help` quick

    task = load_task(task_name)
    folder = out or Path("data") / task.id
    manifest = preparing.prepare(task, folder, seed=seed, source=source_of(task, source, size), size=size)
    if as_json:
        output.print_json(manifest)
    else:
        output.show_manifest(folder, manifest)


@app.command()
def lint(task_name: TaskName, *, quick: Quick = False, seeds: LintSeeds = 3, as_json: AsJson = False) -> None:
    """Look for an author's mistakes: in notebooks, data and runs of a task; exit code 1 where something is wrong."""
    from grader.lint import task as linting  # noqa: PLC0415 -- keeps `grader --help` quick

    task = load_task(task_name)
    quiet = as_json or not output.is_terminal()
    with (
        tempfile.TemporaryDirectory(prefix="grader-lint-") as scratch,
        progress.watcher(2, quiet=quiet) as watch,
    ):
        findings = linting.lint(task, Path(scratch), quick=quick, seeds=seeds, watcher=watch)
    if as_json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        output.show_findings(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Say whether this machine is fit to grade, and prove that the sandbox confines."""
    from grader.cli.doctor import examine  # noqa: PLC0415 -- keeps `grader --help` quick

    if not as_json:
        output.say("looking at this machine; this takes some seconds")
    findings = examine()
    if as_json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        output.show_findings(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(2)


@app.command()
def redteam(
    task_name: TaskName,
    *,
    names: Attacks = None,
    corpus: Corpus = None,
    time_limit: AttackSeconds = None,
    window: AttackWindow = WINDOW,
    out: AttackOut = Path("redteam_runs"),
    as_json: AsJson = False,
) -> None:
    """Attack a task with every hostile submission of the corpus; exit code 1 where one of them does not hold."""
    from grader.redteam.arena import SEEDS, Outcome, open_arena, order_for  # noqa: PLC0415
    from grader.redteam.corpus import corpus_folder, handed_in, read_corpus  # noqa: PLC0415 -- keeps `grader --help` quick

    task = load_task(task_name)
    attacks = read_corpus(corpus or corpus_folder(), names)
    told = {
        "repeats": SEEDS, "time_limit": task.spec.limits.wall_seconds, "device": "auto", "secret_file": None,
        "source": source_of(task, None, DEFAULT_SIZE), "size": DEFAULT_SIZE, "unsafe": False,
    }  # fmt: skip
    order = order_for(task, *recreate(task, made(out), told))
    for attack in attacks:
        handed_in(attack, order.starter, {})  # one that cannot be built is known before an hour has gone
    outcomes: list[Outcome] = []
    faced = 0

    def note(outcome: Outcome) -> None:
        nonlocal faced
        faced += 1
        if not as_json:
            output.note_attack(faced, len(attacks), outcome)

    try:
        with (
            progress.watcher(1, quiet=True) as watch,
            open_arena(order, out, watcher=watch, wall_seconds=time_limit) as arena,
        ):
            for begin in range(0, len(attacks), window):
                outcomes += arena.face_window(attacks[begin : begin + window], note)
            changed = arena.changed_libraries()
    except KeyboardInterrupt:
        output.complain(f"stopped after {faced} of {len(attacks)} attacks")
        raise typer.Exit(grade.INTERRUPTED) from None
    if as_json:
        output.print_json([outcome.as_json() for outcome in outcomes])
    else:
        output.show_attacks(outcomes, arena.honest.band)
    for difference in changed:
        output.complain(f"the installed libraries are not as they were: {difference}")
    if changed or not all(outcome.held for outcome in outcomes):
        raise typer.Exit(1)


for _command in (
    check.check,
    grade.grade,
    grade.results,
    grade.regrade,
    grade.rescore,
    grade.replay,
    report.report,
):
    app.command()(_command)
for _exporting in EXPORTING:
    app.command()(_exporting)


def main() -> None:
    """Run a command; what is wrong with it is one line on standard error, and SIGTERM is as good as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="grader", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the last line says what to do
        found = complaint(error)
        if found.traceback:
            output.confess(found.traceback)
        output.complain(found.line)
        sys.exit(found.code)
    sys.exit(code if isinstance(code, int) else 0)


def _chosen(names: list[str] | None) -> list[Task]:
    return [load_task(name) for name in names] if names else discover()
