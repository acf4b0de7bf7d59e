"""Show answers and progress in a terminal, in colour where there is one and plainly where there is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import track
from rich.table import Table
from rich.text import Text

from grader.cli.console import err, one_line
from grader.cli.console import out as _out
from grader.errors import Verdict
from grader.task.spec import DEFAULT_SIZE, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grader.findings import Finding
    from grader.gradebook.gradebook import Recorded
    from grader.gradebook.result import Result
    from grader.grading.rerun import Replay
    from grader.redteam.arena import Outcome

_SHOWN_PATHS = 20
STYLES = {Verdict.SCORED: "green", Verdict.GRADER_ERROR: "bold magenta"}


def is_terminal() -> bool:
    """Return whether somebody watches."""
    return err.watched


def say(text: str) -> None:
    """Print one line."""
    _out.print(one_line(text), soft_wrap=True)


def show(text: Text) -> None:
    """Print a text that has colours where there is a terminal."""
    _out.print(text, soft_wrap=True)


def warn(text: str) -> None:
    """Print one line that the caller should not miss."""
    err.print(one_line(f"note: {text}", "yellow"), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value for programs."""
    print(json.dumps(value, indent=2))  # noqa: T201 -- rich would wrap it


def complain(text: str) -> None:
    """Print the one line that says why nothing was done."""
    err.print(one_line(f"grader: {text}", "red"), soft_wrap=True)


def confess(text: str) -> None:
    """Print the lines of a traceback of ours, for whoever is to mend it."""
    err.print(Text(text.rstrip()), soft_wrap=True)


def counted(items: Sequence[Recorded]) -> Iterable[Recorded]:
    """Pass on each item, and show in a terminal how many are done."""
    return track(items, "writing pages", console=err, transient=True, disable=not err.watched)


def show_tasks(tasks: Sequence[Task]) -> None:
    """Print the table of tasks."""
    table = Table()
    for name in ("task", "you write", "0 points at", "100 at", "repeats", "limit", "sizes"):
        table.add_column(name, no_wrap=name in ("task", "you write"))
    for task in tasks:
        spec = task.spec
        table.add_row(
            task.id, "\n".join(spec.entries), f"{spec.score.floor:g}", f"{spec.score.ceiling:g}",
            str(spec.repeats), f"{spec.limits.wall_seconds:g} s", ", ".join([DEFAULT_SIZE, *spec.sizes]),
        )  # fmt: skip
    _out.print(table)
    for task in tasks:
        say(f"{task.id}: {task.spec.title}")
        say(f"  {task.spec.story}")


def show_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Print where the data are and what is in them."""
    say(f"public data  {folder / 'public'}")
    say(f"to hand out  {folder / 'public.zip'}  sha256 {manifest['zip_sha256']}")
    say(f"inputs       {folder / 'inputs'}")
    say(f"answers      {folder / 'answers'}  (keep these to yourself)")
    say(f"manifest     {folder / 'manifest.json'}")


def show_findings(findings: Sequence[Finding]) -> None:
    """Print what the doctor found."""
    for finding in findings:
        mark = Text("ok    ", style="green") if finding.ok else Text("WRONG ", style="bold red")
        _out.print(mark + one_line(f"{finding.name:<42} {finding.detail.strip(' :')}"), soft_wrap=True)


def show_results(results: Sequence[Result], out: Path) -> None:
    """Print the table of a batch and where everything is."""
    table = Table()
    table.add_column("student", overflow="fold")
    penalised = any(result.penalties for result in results)
    for name in ("verdict", "BAC", "points", "seconds", *(["penalties"] if penalised else []), "changed"):
        table.add_column(name, no_wrap=True)
    for result in results:
        table.add_row(
            one_line(result.student),
            Text(result.verdict.value, style=STYLES.get(result.verdict, "red")),
            accuracy(result),
            _points(result),
            f"{result.seconds.total:.1f}",
            *([str(len(result.penalties) or "")] if penalised else []),
            str(len(result.changed_cells) or ""),
        )
    _out.print(table)
    say("BAC: balanced accuracy on hidden data, mean ± SD over repeats. changed: protected cells, ignored.")
    if penalised:
        say(
            "penalties: returns that were not allowed; the sentences are in the results and executed notebooks."
        )
    for result in results:
        if result.identical_to:
            _out.print(
                one_line(result.student, "bold")
                + one_line(f": the same program as {result.identical_to}, run once"),
                soft_wrap=True,
            )
        if result.verdict is not Verdict.SCORED:
            _out.print(one_line(result.student, "bold") + one_line(f": {result.message}"), soft_wrap=True)
    executed = [folder for result in results for folder in _executed(result)]
    for path in executed[:_SHOWN_PATHS]:
        say(f"executed  {path}")
    if len(executed) > _SHOWN_PATHS:
        say(f"executed  and {len(executed) - _SHOWN_PATHS} more in {out / 'runs'}")
    say(f"results   {out / 'results.csv'}  {out / 'gradebook.sqlite'}")


def show_recorded(found: Sequence[Recorded], *, times: bool) -> None:
    """Print results of a gradebook, with the time of each where the same submission may come several times."""
    tasks = len({one.result.task for one in found}) > 1
    copies = any(one.result.identical_to for one in found)
    table = Table()
    table.add_column("student", overflow="fold", min_width=12)
    for name in (
        *(["task"] if tasks else []),
        "attempt",
        "verdict",
        "BAC",
        "points",
        *(["recorded"] if times else []),
    ):
        table.add_column(name, no_wrap=True)
    if copies:
        table.add_column("same program as", overflow="fold", min_width=12)
    for one in found:
        result = one.result
        table.add_row(
            one_line(result.student), *([result.task] if tasks else []), str(one.attempt),
            Text(result.verdict.value, style=STYLES.get(result.verdict, "red")), accuracy(result),
            _points(result), *([one.recorded[:16].replace("T", " ")] if times else []),
            *([one_line(result.identical_to.partition(" (")[0])] if copies else []),
        )  # fmt: skip
    _out.print(table)
    say(f"{len(found)} result{'s' * (len(found) != 1)}")


def show_leaderboard(rows: Sequence[dict[str, Any]]) -> None:
    """Print the leaderboards of a gradebook; columns in which nobody has anything are left out."""
    given = [name for name in ("task", "name", "section") if len({row[name] for row in rows}) > 1]
    table = Table()
    for name in (*given, "rank", "student", "points", "BAC", "attempt"):
        table.add_column(name, overflow="fold")
    for row in rows:
        accuracy = "" if row["balanced_accuracy"] is None else f"{row['balanced_accuracy']:.3f}"
        attempt = f"{row['attempt']} of {row['attempts']}{', late' if row['late'] else ''}"
        points = "-" if row["points"] is None else str(row["points"])
        cells = [*(row[name] for name in given), str(row["rank"]), row["student"], points, accuracy, attempt]
        table.add_row(*map(one_line, cells))
    _out.print(table)


def show_replay(found: Replay) -> None:
    """Print whether a replay gave what is recorded, and what differs around it."""
    if found.different:
        said = one_line(f"not what is recorded: {', '.join(found.different)}", "red")
    else:
        count = f"{found.compared} repeat{'s' * (found.compared != 1)}"
        said = Text(f"{found.recorded.verdict}, {count} ") + Text("the same bit for bit", "green")
    _out.print(one_line(f"{found.student}: ") + said, soft_wrap=True)
    for name, (then, now) in found.environment.items():
        say(f"  {name} was {then}, is {now}")
    say(f"files of the replay: {found.result.run_folder}")


def note_attack(done: int, total: int, outcome: Outcome) -> None:
    """Print the line of progress that an attack is over."""
    said = Text("held", "green") if outcome.held else Text("NOT HELD", "bold red")
    line = Text(f"[{done}/{total}] ") + one_line(f"{outcome.attack}: ", "bold") + said
    err.print(line + one_line(f", {outcome.verdict}, {outcome.seconds:.1f} s"), soft_wrap=True)
    for problem in outcome.problems:
        err.print(one_line(f"    {problem}"), soft_wrap=True)


def show_attacks(outcomes: Sequence[Outcome], band: float) -> None:
    """Print what came of every attack; `band` is the most that "scored<=baseline" allows."""
    table = Table()
    table.add_column("attack", overflow="fold")
    table.add_column("expected", overflow="fold", min_width=16)
    table.add_column("ended as", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in outcomes:
        table.add_row(
            one_line(one.attack), one.expected.replace("|", " "),
            one.verdict if one.accuracy is None else f"{one.verdict} {one.accuracy:.4f}",
            Text("held", "green") if one.held else Text("NOT HELD", "bold red"),
        )  # fmt: skip
    _out.print(table)
    for one in outcomes:
        for problem in one.problems:
            _out.print(one_line(one.attack, "bold") + one_line(f": {problem}"), soft_wrap=True)
    say(f"scored=honest: the very accuracy of the baseline; scored<=baseline: at most {band:.4f}")
    say(f"{sum(one.held for one in outcomes)} of {len(outcomes)} attacks held")


def _executed(result: Result) -> list[Path]:
    """Return the executed notebook of the last repeat of a result, if it came that far."""
    return sorted(Path(result.run_folder).glob("repeat-*/executed.ipynb"))[-1:]


def _points(result: Result) -> Text:
    return Text("-", "dim") if result.points is None else Text(str(result.points), "bold")


def accuracy(result: Result) -> str:
    """Return the balanced accuracy with its spread over repeats."""
    if result.metrics is None:
        return ""
    spread = f" ± {result.metrics.spread:.3f}" if len(result.metrics.per_repeat) > 1 else ""
    return f"{result.metrics.balanced_accuracy:.3f}{spread}"
