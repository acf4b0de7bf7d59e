"""Write one page that shows all that decided the points of a submission, to answer an appeal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.files import write_atomic
from grader.gradebook.agreement_file import agreement_row, read_agreements
from grader.gradebook.run_folder import RunFolder
from grader.languages import ENGLISH
from grader.report.feedback import feedback
from grader.report.leaderboard import minute
from grader.report.page_renderer import PageRenderer
from grader.report.run_files import run_files, trainer_seeds, without_paths
from grader.task.translation import title_in
from grader.text import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from grader.gradebook.gradebook import Adjustment, Recorded
    from grader.gradebook.late import LateRule
    from grader.gradebook.standings import Standing
    from grader.languages import Translator
    from grader.report.feedback import Feedback
    from grader.task.spec import Task

Table = list[tuple[str, str]]


@dataclass(frozen=True)
class Evidence:
    """What is recorded of one attempt: its results, oldest first, the last of which counts, and all that changed its points.

    `executed` is the result whose run it is, `run` the call that ran it, and `seeds` has the derived seeds of each repeat by
    purpose; empty where the secret is elsewhere. `replays` are what `replay` wrote.
    """

    standing: Standing
    results: Sequence[Recorded]
    executed: Recorded
    run: Mapping[str, Any]
    rule: LateRule | None
    adjustments: Sequence[Adjustment]
    seeds: Sequence[Mapping[str, int]] = field(default_factory=list)
    replays: Sequence[Mapping[str, Any]] = field(default_factory=list)


def write_appeal(
    path: Path, out: Path, evidence: Evidence, task: Task | None, *, language: str = ENGLISH
) -> None:
    """Write the page to `path`, in `language`. Raises UsageError where it cannot be written."""
    recorded, executed = evidence.results[-1], evidence.executed.result
    result = recorded.result
    if path.is_dir():
        raise UsageError(f"{path} is a folder; --out needs the name of a file")
    pages = PageRenderer(language)
    files, seconds = run_files(out, result, executed), evidence.run["settings"].get("wall_seconds")
    content = feedback(result, files, task, seconds, pages.translate)
    page = pages.render(
        "appeal.html",
        feedback=content,
        evidence=evidence,
        title=title_in(task, language) if task else result.task,
        message=without_paths(result.message, out, result, executed),
        arithmetic=_arithmetic(content, pages.translate),
        seeds=_seeds(evidence, RunFolder.of(out, executed)),
        history=[(entry, minute(entry.recorded)) for entry in evidence.results],
        adjustments=[(row, minute(row.recorded)) for row in evidence.adjustments],
        lateness=f"{count(recorded.days_late, 'day')} late, {count(recorded.penalty, 'point')} less",
        submitted=minute(recorded.submitted or ""),
        replays=[
            (record, minute(record["moment"]), count(record["compared"], "repeat"))
            for record in evidence.replays
        ],
        settings=_table(evidence.run["settings"]),
        machine=_table({**evidence.run["machine"], **_own_answers(out, result.task)}),
        versions=_table({**evidence.run["versions"], **executed.versions, "device": executed.device}),
        began=minute(evidence.run["began"]),
    )
    write_atomic(path, page.encode())


def _arithmetic(content: Feedback, translate: Translator) -> list[str]:
    """Return the steps from what was measured to points, as one would write them down."""
    result, score = content.result, content.score
    if result.metrics is None:
        known = result.points is not None
        return [
            f"{result.verdict}: {result.points} {translate('points')}" if known else translate("no points")
        ]
    values, mean, points = result.metrics.per_repeat, result.metrics.value, translate("points")
    total = f"({' + '.join(f'{value:.6f}' for value in values)}) / {len(values)}"
    steps = [f"{translate('mean')} = {total} = {mean:.6f}"]
    if score is None:
        other = translate("under a score map that is not the task's of today")
        return [*steps, f"{points} = {result.points}, {other}"]
    rounded = f"{translate('rounded')}: {result.points}"
    if score.parts:
        return [*steps, f"{points} = {mean:.6f}, {rounded}"]
    share = score.share(mean)
    clipped = min(max(share, 0.0), 1.0)
    steps.append(
        f"{translate('share')} = ({mean:.6f} - {score.floor:g}) / ({score.ceiling:g} - {score.floor:g}) = {share:.6f}, "
        f"{translate('clipped to 0 to 1')}: {clipped:.6f}"
    )
    return [*steps, f"{points} = 100 x {clipped:.6f}, {rounded}"]


def _seeds(evidence: Evidence, folder: RunFolder) -> list[tuple[int, Table]]:
    """Return the seeds of each repeat, from 1: those of the trainer as its notebook has them, the others as derived."""
    seeds = []
    for number, trainer in trainer_seeds(folder).items():
        derived = evidence.seeds[number] if number < len(evidence.seeds) else {}
        fits = str(derived.get("trainer")) == trainer  # else the secret is another one
        others = [(name, str(seed)) for name, seed in derived.items() if name != "trainer"] if fits else []
        seeds.append((number + 1, [("trainer", trainer), *others]))
    return seeds


def _own_answers(out: Path, task_id: str) -> dict[str, str]:
    """Return a row that says whether starter and reference got their recorded points there; none where nobody knows."""
    with contextlib.suppress(
        UsageError, KeyError, TypeError, AttributeError
    ):  # the page is of something else
        return {"starter and reference": agreement_row(read_agreements(out)[task_id])}
    return {}


def _table(values: Mapping[str, Any]) -> Table:
    return [
        (name.replace("_", " "), "default" if value is None else str(value)) for name, value in values.items()
    ]
