"""The command for students, check: what can be said at once, then a rehearsal on the public data, again on each save."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli import completion, output, progress
from grader.cli.grade import INTERRUPTED, exit_for
from grader.cli.options import (
    AsJson,
    CheckOut,
    CheckRepeats,
    Cold,
    Device,
    PublicData,
    Quick,
    TimeLimit,
    Watching,
)
from grader.cli.settings import made, settings_for
from grader.errors import StudentFault, UsageError, Verdict
from grader.task.spec import Task, load_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.cli.watch import Watch
    from grader.gradebook.result import Result
    from grader.lint.notebook import Diagnostic
    from grader.notebooks.reading import Json


@dataclass(frozen=True)
class _Wanted:
    """What is to be checked, and how."""

    notebook: Path
    task: Task
    starter: Json
    repeats: int
    wall_seconds: float
    device: str
    public: Path | None
    out: Path
    warm: bool
    quiet: bool


def check(
    notebook: Path,
    *,
    task_name: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="Its task.",
            show_default="what the notebook says",
            autocompletion=completion.task_ids,
        ),
    ] = None,
    repeats: CheckRepeats = 1,
    quick: Quick = False,
    watch: Watching = False,
    time_limit: TimeLimit = None,
    device: Device = "auto",
    data: PublicData = None,
    out: CheckOut = Path("check_runs"),
    cold: Cold = False,
    as_json: AsJson = False,
) -> None:
    """Say what a notebook's function will miss when it is graded, and rehearse the grading on the public data.

    The exit code is 0 whatever the verdict and the warnings; with --quick, it is 1 where there is an error.
    """
    from grader.grading import rehearsal  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.task.starter import load_starter  # noqa: PLC0415

    if watch and as_json:
        raise UsageError("--watch goes on for ever, and --json is one answer: give one of them")
    task = load_task(task_name or rehearsal.task_of(notebook))
    wall_seconds = time_limit or task.spec.limits.wall_seconds
    wanted = _Wanted(
        notebook, task, load_starter(task), repeats, wall_seconds, device, data, out, not cold, as_json
    )
    try:
        _watch(wanted, quick=quick) if watch else _once(wanted, quick=quick)
    except KeyboardInterrupt:
        output.complain("stopped")
        raise typer.Exit(INTERRUPTED) from None


def _once(wanted: _Wanted, *, quick: bool) -> None:
    content = _content(wanted)
    diagnostics = _diagnose(content, wanted)
    if quick:
        if wanted.quiet:
            output.print_json({"submission": str(wanted.notebook), "diagnostics": _plain(diagnostics)})
        if any(diagnostic.severity == "error" for diagnostic in diagnostics):
            raise typer.Exit(1)
        return
    with _rehearsal(wanted) as rehearse:
        result = rehearse(content)
    _answer(result, diagnostics, wanted)
    exit_for([result])


def _watch(wanted: _Wanted, *, quick: bool) -> None:
    """Check the notebook again each time that it is saved with other cells, until Ctrl-C.

    A save ends the rehearsal of what was saved before; where the slot is the same, its points are, too.
    """
    from grader.cli.watch import Watch  # noqa: PLC0415 -- keeps `grader --help` quick

    _content(wanted)  # a file that is not there at all is a mistake
    watch = Watch(wanted.notebook)
    content = watch.wait()
    rehearsed: tuple[str, Result] | None = None
    with ExitStack() as stack:
        rehearse: Callable[[bytes], Result] | None = None
        while True:
            diagnostics, slot = _diagnose(content, wanted), _slot(content, wanted)
            later: bytes | None = None
            if rehearsed and slot == rehearsed[0]:
                output.say(f"your solution is as it was: {rehearsed[1].points} points")
            elif not quick:
                rehearse = rehearse or stack.enter_context(_rehearsal(wanted))
                result, later = _unless_saved(partial(rehearse, content), watch)
                rehearsed = None
                if result is not None:
                    _answer(result, diagnostics, wanted)
                    ours = result.verdict is Verdict.GRADER_ERROR
                    rehearsed = None if ours or slot is None else (slot, result)
            if later is None:
                output.say(f"waiting for {wanted.notebook} to be saved; Ctrl-C ends this")
            content = watch.wait() if later is None else later
            output.say("")


def _unless_saved(run: Callable[[], Result], watch: Watch) -> tuple[Result | None, bytes | None]:
    """Return the result of a run, None if a save ended it, and what was saved meanwhile."""
    from grader.cli.watch import Saving  # noqa: PLC0415 -- keeps `grader --help` quick

    saving, result = Saving(watch), None
    try:
        with saving:
            result = run()
    except KeyboardInterrupt:
        if saving.data is None:  # it was Ctrl-C
            raise
    return result, saving.data


@contextmanager
def _rehearsal(wanted: _Wanted) -> Iterator[Callable[[bytes], Result]]:
    """Give a function that rehearses the grading of a notebook; what all its runs share is prepared once."""
    from grader.grading import rehearsal  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.grading.batch import Job, run_batch  # noqa: PLC0415
    from grader.sandbox.proof import confines  # noqa: PLC0415

    confined = confines()
    if not confined:
        output.warn("no sandbox on this machine: your function runs in a plain process for this rehearsal")
    settings = settings_for(wanted.device, wanted.wall_seconds, backend="bubblewrap" if confined else "plain")
    with tempfile.TemporaryDirectory(prefix="grader-check-") as scratch:
        rounds = rehearsal.rounds(
            wanted.task, wanted.notebook, wanted.public, Path(scratch), repeats=wanted.repeats
        )

        def run(content: bytes) -> Result:
            # The data are the same each time, and so would be the result: a rehearsal is run all the same.
            job = Job(
                wanted.task,
                [rehearsal.submission_of(wanted.notebook, content)],
                rounds,
                settings,
                made(wanted.out),
                1,
                warm=wanted.warm,
                command="check",
                again=True,
            )
            with progress.bar(len(rounds), quiet=wanted.quiet) as watcher:
                (result,) = run_batch(job, watcher)
            return result

        yield run


def _content(wanted: _Wanted) -> bytes:
    from grader.grading.rehearsal import submission_of  # noqa: PLC0415 -- keeps `grader --help` quick

    return submission_of(wanted.notebook).data or b""


def _diagnose(content: bytes, wanted: _Wanted) -> list[Diagnostic]:
    """Return what can be said at once, shown already unless a program reads."""
    from grader.cli.diagnostics import show_diagnostics  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.lint.notebook import diagnose  # noqa: PLC0415

    diagnostics = diagnose(content, wanted.starter)
    if not wanted.quiet:
        show_diagnostics(wanted.notebook, diagnostics)
    return diagnostics


def _slot(content: bytes, wanted: _Wanted) -> str | None:
    from grader.notebooks.reading import read_notebook  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.notebooks.slot import find_slot  # noqa: PLC0415 -- keeps `grader --help` quick

    try:
        return find_slot(read_notebook(content), wanted.starter)
    except StudentFault:
        return None


def _answer(result: Result, diagnostics: list[Diagnostic], wanted: _Wanted) -> None:
    from grader.cli.diagnostics import show_check  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.report.advice import outlook  # noqa: PLC0415

    spec = wanted.task.spec
    said = outlook(result, spec.score, wanted.wall_seconds, spec.limits.memory_mb)
    if wanted.quiet:
        output.print_json(result.as_json() | {"diagnostics": _plain(diagnostics), "outlook": said})
    else:
        show_check(result, said)


def _plain(diagnostics: list[Diagnostic]) -> list[dict[str, Any]]:
    return [asdict(diagnostic) for diagnostic in diagnostics]
