"""Show answers in a terminal, in colour where there is one and plainly where there is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.progress import track
from rich.text import Text

from grader.cli.console import err, one_line
from grader.cli.console import out as _out
from grader.cli.tables import TableColumn, table
from grader.errors import Verdict
from grader.gradebook.metric import heading_of
from grader.gradebook.standings import Credit, credits_of, reason_of
from grader.submissions.confusable import confused
from grader.task.spec import DEFAULT_SIZE
from grader.task.translation import languages
from grader.text import count, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from grader.findings import Finding
    from grader.gradebook.gradebook import Absence, Recorded
    from grader.gradebook.result import Result
    from grader.grading.rerun import Replay
    from grader.redteam.arena import AttackOutcome
    from grader.task.spec import Spec, Task

STYLES = {Verdict.SCORED: "green", Verdict.GRADER_ERROR: "bold magenta"}
LISTED = 12  # names in a line
_SHOWN_MESSAGES = 20
FileCredits = dict[tuple[str, str, str], Credit]  # by task, student and the file's hash


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
    """Print the lines of a traceback of ours, for whoever is to fix it."""
    err.print(Text(text.rstrip()), soft_wrap=True)


def counted(items: Sequence[Recorded]) -> Iterable[Recorded]:
    """Pass on each item, and show in a terminal how many are done."""
    return track(items, "writing pages", console=err, transient=True, disable=not err.watched)


def show_tasks(tasks: Sequence[Task]) -> None:
    """Print the table of tasks."""
    if not tasks:
        say("no tasks here; `grader check` finds that of your notebook in the folder that you were given")
        return
    names = {task.metric.name for task in tasks}
    columns = [
        TableColumn("task", [Text(task.id) for task in tasks]),
        TableColumn("you write", [Text(_asked_for(task.spec)) for task in tasks]),
        TableColumn("metric", [Text(task.metric.heading if len(names) > 1 else "") for task in tasks]),
        TableColumn("0 at", [Text(f"{task.spec.score.floor:g}") for task in tasks]),
        TableColumn("100 at", [Text(f"{task.spec.score.ceiling:g}") for task in tasks]),
        TableColumn("repeats", [Text(str(task.spec.repeats)) for task in tasks]),
        TableColumn("limit", [Text(f"{task.spec.limits.wall_seconds:g} s") for task in tasks]),
    ]
    _print_table(columns)
    metric = names.pop() if len(names) == 1 else "value of the metric"
    say(f"0 at, 100 at: the {metric} that gives 0 and 100 points. limit: wall seconds of a repeat.")
    for task in tasks:
        say(f"{task.id}: {task.spec.title}")
        say(f"  {task.spec.story}")
        if others := languages(task.folder):
            say(f"  also in other languages: {', '.join(others)}")
        if task.spec.sizes:
            say(f"  sizes: {', '.join([DEFAULT_SIZE, *task.spec.sizes])}")


def _asked_for(spec: Spec) -> str:
    """Return what students write, or the file that they hand in."""
    return spec.files.name if spec.files else "\n".join(spec.entries)


def show_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Print where the data are and what is in them."""
    say(f"public data  {folder / 'public'}")
    say(f"to hand out  {folder / 'public.zip'}  sha256 {manifest['zip_sha256']}")
    if (folder / "inputs").is_dir():
        say(f"inputs       {folder / 'inputs'}")
    say(f"answers      {folder / 'answers'}  (keep these to yourself)")
    say(f"manifest     {folder / 'manifest.json'}")


def show_findings(findings: Sequence[Finding], *, aligned: bool = True) -> None:
    """Print a line for each finding: its details in one column, or right after its name."""
    width = max((len(finding.name) for finding in findings), default=0) + 2
    for finding in findings:
        mark = Text("ok    ", style="green") if finding.ok else Text("WRONG ", style="bold red")
        name = f"{finding.name:<{width}}" if aligned else f"{finding.name}: "
        show(mark + one_line(f"{name}{finding.detail.strip(' :')}"))


def credits_by_file(board: Sequence[Mapping[str, Any]], current: Sequence[Recorded]) -> FileCredits:
    """Return what each file is worth, from the leaderboard and the results that count."""
    worth = credits_of(board, current)
    return {_file(entry.result): worth[entry.id] for entry in current}


def result_json(result: Result, worth: FileCredits) -> dict[str, Any]:
    """Return a result for a program: `points` are those that count, `graded` those before lateness and adjustments."""
    credit = _credit(result, worth)
    return result.as_json() | {"points": credit.points, "graded": result.points, "reason": credit.reason}


def absence_lines(absences: Mapping[str, Absence]) -> list[str]:
    """Return a line for each task that names who of its roster handed in nothing."""
    return [
        f"nothing from {len(absence.names)} of {absence.expected}"
        f"{f' for {task}' * (len(absences) > 1)}: {listed(absence.names, LISTED)}"
        for task, absence in absences.items()
        if absence.names
    ]


def show_results(
    results: Sequence[Result], names: Mapping[str, str], worth: FileCredits | None = None
) -> None:
    """Print the table of a batch by name, and a line for each copy, each result without points and each changed one."""
    worth = worth or {}
    ordered = sorted(results, key=lambda result: _name_of(result, names))
    _print_table(
        [
            *_who(ordered, names),
            TableColumn("verdict", [_verdict(result) for result in ordered]),
            TableColumn(_heading(ordered), [Text(_value(result)) for result in ordered]),
            TableColumn("points", [_points(_credit(result, worth)) for result in ordered], right=True),
            TableColumn("seconds", [Text(f"{result.seconds.total:.1f}") for result in ordered], right=True),
            TableColumn("penalties", [_number(len(result.penalties)) for result in ordered], right=True),
            TableColumn("changed", [_number(len(result.changed_cells)) for result in ordered], right=True),
        ]
    )
    for line in _legend(results):
        say(line)
    _show_messages(ordered)
    _show_reasons(ordered, worth)


def show_recorded(
    recorded: Sequence[Recorded],
    names: Mapping[str, str],
    worth: FileCredits | None = None,
    *,
    times: bool,
) -> None:
    """Print results of a gradebook by name; with `times`, each ever recorded in the order of time."""
    worth = worth or {}

    def by_name(entry: Recorded) -> tuple[str, str, int]:
        return entry.result.task, _name_of(entry.result, names), entry.attempt

    ordered = recorded if times else sorted(recorded, key=by_name)
    results = [entry.result for entry in ordered]
    several_tasks = len({result.task for result in results}) > 1
    _print_table(
        [
            *_who(results, names),
            TableColumn("task", [Text(result.task if several_tasks else "") for result in results]),
            TableColumn("attempt", [Text(str(entry.attempt)) for entry in ordered], right=True),
            TableColumn("verdict", [_verdict(result) for result in results]),
            TableColumn(_heading(results), [Text(_value(result)) for result in results]),
            TableColumn("points", [_points(_credit(result, worth)) for result in results], right=True),
            TableColumn(
                "recorded",
                [Text(entry.recorded[:16].replace("T", " ") if times else "") for entry in ordered],
            ),
            TableColumn(_copies(results), [_original(result) for result in results], folds=True),
        ]
    )
    _show_reasons(results, worth)
    say(count(len(recorded), "result"))


def show_leaderboard(rows: Sequence[dict[str, Any]], results: Mapping[int, Result]) -> None:
    """Print the leaderboards of a gradebook; columns in which all have the same are dropped."""

    def column(name: str) -> TableColumn:
        return TableColumn(name, [one_line(str(row[name])) for row in rows], folds=True)

    points = ["-" if row["points"] is None else str(row["points"]) for row in rows]
    metrics = [results[row["result"]].metrics for row in rows]
    values = [metric.metric.text(metric.value) if metric else "" for metric in metrics]
    attempts = [f"{row['attempt']} of {row['attempts']}{', late' * bool(row['late'])}" for row in rows]
    distinct = [name for name in ("task", "name", "section") if len({row[name] for row in rows}) > 1]
    _print_table(
        [
            *map(column, distinct),
            TableColumn("rank", [Text(str(row["rank"])) for row in rows], right=True),
            column("student"),
            _confused([row["student"] for row in rows]),
            TableColumn("points", [Text(text) for text in points], right=True),
            TableColumn(_heading(results.values()), [Text(text) for text in values]),
            TableColumn("attempt", [Text(text) for text in attempts]),
            TableColumn("", [one_line(_reasons(row)) for row in rows], folds=True),
        ]
    )


def _reasons(row: dict[str, Any]) -> str:
    """Return why other points or another attempt count than by the rules."""
    chosen = f"attempt {row['chosen']} was chosen: {row['choice']}" if row["choice"] else ""
    return "; ".join(filter(None, (reason_of(row), chosen)))


def show_replay(replay: Replay) -> None:
    """Print whether a replay gave what is recorded, and what differs around it."""
    if replay.different:
        answer = one_line(f"differs from the record: {', '.join(replay.different)}", "red")
    else:
        repeats = count(replay.compared, "repeat")
        answer = Text(f"{replay.recorded.verdict}, {repeats} ") + Text("the same bit for bit", "green")
    show(one_line(f"{replay.student}: ") + answer)
    for name, (then, now) in replay.environment.items():
        say(f"  {name} was {then}, is {now}")
    say(f"files of the replay: {replay.result.run_folder}")


def note_attack(done: int, total: int, outcome: AttackOutcome) -> None:
    """Print the line of progress that an attack is over."""
    line = Text(f"[{done}/{total}] ") + one_line(f"{outcome.attack}: ", "bold") + _held(outcome)
    err.print(line + one_line(f", {outcome.verdict}, {outcome.seconds:.1f} s"), soft_wrap=True)
    for problem in outcome.problems:
        err.print(one_line(f"    {problem}"), soft_wrap=True)


def show_attacks(outcomes: Sequence[AttackOutcome], band: float) -> None:
    """Print what came of every attack; `band` is the most that "scored<=baseline" allows."""
    ends = [
        outcome.verdict if outcome.merit is None else f"{outcome.verdict} {outcome.merit:.4f}"
        for outcome in outcomes
    ]
    _print_table(
        [
            TableColumn("attack", [one_line(outcome.attack) for outcome in outcomes], folds=True),
            TableColumn(
                "expected",
                [one_line(outcome.expected.replace("|", " ")) for outcome in outcomes],
                folds=True,
            ),
            TableColumn("ended as", [Text(text) for text in ends]),
            TableColumn("", [_held(outcome) for outcome in outcomes]),
        ]
    )
    for outcome in outcomes:
        for problem in outcome.problems:
            show(one_line(outcome.attack, "bold") + one_line(f": {problem}"))
    say(f"scored=honest: exactly the value of the baseline; scored<=baseline: at most {band:.4f}")
    say(f"{sum(outcome.held for outcome in outcomes)} of {count(len(outcomes), 'attack')} held")


def summary(results: Sequence[Result]) -> str:
    """Return how many submissions of a batch ended with each verdict."""
    verdicts = [result.verdict.value for result in results]
    kinds = ", ".join(f"{verdicts.count(name)} {name}" for name in Verdict if name in verdicts)
    return f"{count(len(results), 'submission')}: {kinds or 'nothing to grade'}"


def _print_table(columns: Sequence[TableColumn]) -> None:
    _out.print(table(columns, _out.width))


def _value(result: Result) -> str:
    return result.metrics.text if result.metrics else ""


def _heading(results: Iterable[Result]) -> str:
    """Return what stands over the column of values."""
    return heading_of({result.metrics.metric for result in results if result.metrics})


def _name_of(result: Result, names: Mapping[str, str]) -> str:
    """Return what people are sorted by: their name, or their id where no roster has one."""
    return (names.get(result.student) or result.student).casefold()


def _who(results: Sequence[Result], names: Mapping[str, str]) -> list[TableColumn]:
    """Return the columns of names, which only a roster knows, of ids, and of ids that look like them."""
    return [
        TableColumn("name", [one_line(names.get(result.student, "")) for result in results], folds=True),
        TableColumn("student", [one_line(result.student) for result in results], folds=True),
        _confused([result.student for result in results]),
    ]


def _confused(students: Sequence[str]) -> TableColumn:
    """Return the column of the ids that each of these is easily taken for."""
    others = confused(students)
    return TableColumn(
        "easily taken for", [one_line(others.get(student, "")) for student in students], folds=True
    )


def _legend(results: Sequence[Result]) -> list[str]:
    lines = []
    metrics = {result.metrics.metric: None for result in results if result.metrics}
    lines += [
        f"{metric.heading}: {metric.name} on hidden data, mean ± SD over repeats." for metric in metrics
    ]
    if any(result.penalties for result in results):
        lines.append("penalties: forbidden returns; the results and executed notebooks have the sentences.")
    if any(result.changed_cells for result in results):
        lines.append("changed: protected cells that were changed; the changes are ignored.")
    return lines


def _show_messages(results: Sequence[Result]) -> None:
    """Print a line for each result that needs one: copies, and what has no points and why."""
    messages = [
        (result.student, message)
        for result in results
        for message in (
            *([_copied(result)] if result.identical_to else []),
            *([result.message] if result.verdict is not Verdict.SCORED else []),
        )
    ]
    for student, message in messages[:_SHOWN_MESSAGES]:
        show(one_line(student, "bold") + one_line(f": {message}"))
    if len(messages) > _SHOWN_MESSAGES:
        say(f"and {len(messages) - _SHOWN_MESSAGES} more; the report has all of them")


def _verdict(result: Result) -> Text:
    return Text(result.verdict.value, style=STYLES.get(result.verdict, "red"))


def _held(outcome: AttackOutcome) -> Text:
    return Text("held", "green") if outcome.held else Text("NOT HELD", "bold red")


def _copied(result: Result) -> str:
    return f"{result.same_as}, {'run' if result.is_of_program else 'read'} once"


def _copies(results: Sequence[Result]) -> str:
    """Return the heading over those whose program or file was handed in more than once."""
    copies = [result.is_of_program for result in results if result.identical_to]
    return "same program as" if all(copies) else "same file as"


def _original(result: Result) -> Text:
    return one_line(result.identical_to.partition(" (")[0])


def _number(number: int) -> Text:
    return Text(str(number) if number else "")


def _file(result: Result) -> tuple[str, str, str]:
    return result.task, result.student, result.submission_sha256


def _credit(result: Result, worth: FileCredits) -> Credit:
    """Return what a result is worth: its own points where nothing else is known."""
    return worth.get(_file(result)) or Credit(result.points)


def _show_reasons(results: Sequence[Result], worth: FileCredits) -> None:
    """Print a line for each result whose points are not the graded ones."""
    for result in results:
        if reason := _credit(result, worth).reason:
            show(one_line(result.student, "bold") + one_line(f": {reason}"))


def _points(credit: Credit) -> Text:
    return Text("-", "dim") if credit.points is None else Text(str(credit.points), "bold")
