"""Build the feedback on one submission: how it ended, how its points were computed, and what to do next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import fmean
from typing import TYPE_CHECKING

from grader.errors import Explanation, GraderFault, Verdict, explanation_of
from grader.languages import IN_ENGLISH, Translator
from grader.report import charts
from grader.report.advice import NEAR, advice, advice_on_file, near_memory_limit
from grader.report.highlight import FAILED, Line, code_lines, marks_of, plain_lines
from grader.report.training_curves import curves
from grader.task.scoring import part_points, value_of
from grader.task.scoring import points as points_of
from grader.text import Pair, only_differences, printed, side_by_side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.gradebook.result import Result
    from grader.report.confusion import Confusion
    from grader.report.run_files import RepeatView, RunFiles
    from grader.task.score_table import Score
    from grader.task.spec import Task

_NUMBERED_CLASS = re.compile(r"\b(?:label|class) (\d{1,3})\b")


@dataclass(frozen=True)
class RepeatRow:
    """One repeat: its number from 1, its value, and the points that it alone would give, if the map is known."""

    number: int
    value: float
    points: int | None


@dataclass(frozen=True)
class PartRow:
    """A part of the score, or a gate: what it measures, the mean, the points of the mean repeat, and how they come about."""

    label: str
    value: float
    points: str
    rule: str


@dataclass(frozen=True)
class Use:
    """What was used of a limit; `gauge` is a drawing, "" where nothing was measured. `warning` says that it was nearly met."""

    name: str
    used: str
    limit: str
    gauge: str
    warning: str = ""


@dataclass(frozen=True)
class Difference:
    """A protected cell that was changed: its name, and the lines around what differs, none where it is missing."""

    label: str
    lines: list[Pair]


@dataclass(frozen=True)
class Feedback:
    """Everything on a feedback page but who it is for. Drawings are SVG; all other texts are plain."""

    result: Result
    explanation: Explanation
    happened: str  # in this submission, if it is more than the explanation
    advice: list[str]
    file: str
    score: Score | None
    score_map: str
    repeats: list[RepeatRow]
    parts: list[PartRow]
    curves: list[tuple[str, str, str]]  # what it shows, a note, and the drawing
    curve_lines: int  # of each curve, one for each repeat
    pictures: list[tuple[int, str]]  # the repeat, and a PNG as base64
    logs: list[tuple[int, str]]  # the repeat, and what the notebook's own cells printed below the slot
    confusion: Confusion | None
    classes: list[str]  # of the confusion, as the story calls them
    elsewhere: bool
    code: list[Line]
    of_file: bool  # the code is the beginning of a file of predictions
    failed_line: int | None
    traceback: str
    printed: list[tuple[str, str]]  # which repeats, and what they printed
    differences: list[Difference]
    limits: list[Use]
    exact: bool = True  # whether exact scores on hidden data are shown


def feedback(
    result: Result,
    files: RunFiles,
    task: Task | None,
    wall_seconds: float | None,
    translate: Translator = IN_ENGLISH,
) -> Feedback:
    """Return what a student reads, in the language of `translate`. `task` is None where its folder is not known.

    `wall_seconds` is the limit of a repeat.
    """
    score = _map_of(result, task)
    marks = marks_of(result.traceback, files.source or "")
    code = _code(files, marks)
    ours = result.verdict is Verdict.GRADER_ERROR  # its message is for the instructor, and may name paths
    explanation = explanation_of(result.verdict, of_files=files.is_file)
    next_steps = (advice_on_file if files.is_file else advice)(result, score, translate)
    limits = _limits(result, files, task, wall_seconds, translate)
    names = task.spec.class_names if task else ()
    histories = [repeat.history for repeat in files.repeats if repeat.history is not None]
    return Feedback(
        result=result,
        explanation=explanation,
        happened="" if ours or result.message == explanation.sentence else result.message,
        advice=[*(use.warning for use in limits if use.warning), *next_steps],
        file=PurePosixPath(result.submission.replace("\\", "/")).name,
        score=score,
        score_map=_drawn_map(result, score, translate),
        repeats=_repeats(result, score),
        parts=_parts(result, score, translate),
        curves=[(with_class_names(curve.name, names), "", charts.curve(curve, translate)) for curve in curves(histories)],
        curve_lines=len(histories),
        pictures=[(repeat.number + 1, picture) for repeat in files.repeats for picture in repeat.pictures],
        logs=[(repeat.number + 1, with_class_names("\n".join(repeat.log), names)) for repeat in files.repeats if repeat.log],
        confusion=files.confusion,
        classes=files.confusion.named(names) if files.confusion else [],
        elsewhere=files.elsewhere,
        code=code,
        of_file=files.is_file,
        failed_line=next((line.number for line in code if line.mark == FAILED), None),
        traceback="" if ours else printed(result.traceback),
        printed=_printed(files.repeats, translate),
        differences=[
            Difference(change.label, [] if change.theirs is None else only_differences(side_by_side(change.ours, change.theirs)))
            for change in files.changes
        ],
        limits=limits,
    )  # fmt: skip


def _code(files: RunFiles, marks: dict[int, str]) -> list[Line]:
    if not files.source:
        return []
    return plain_lines(files.source) if files.is_file else code_lines(files.source, marks)


def with_class_names(text: str, names: Sequence[str]) -> str:
    """Return `text` in which the story's name of a class stands behind each number of a class."""

    def named(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"{match[0]} ({names[number]})" if number < len(names) else match[0]

    return _NUMBERED_CLASS.sub(named, text)


def _map_of(result: Result, task: Task | None) -> Score | None:
    """Return the task's map, if it is the one that the points come from."""
    metrics = result.metrics
    if task is None or metrics is None or metrics.metric.scorer != task.metric.scorer:
        return None
    score = task.spec.score
    try:
        fits = points_of(metrics.value, score) == result.points
        if score.parts:
            fits = fits and metrics.per_repeat == [value_of(values, score) for values in metrics.repeats]
    except GraderFault:
        return None
    return score if fits else None


def _drawn_map(result: Result, score: Score | None, translate: Translator) -> str:
    if score is None or result.metrics is None or result.points is None or score.parts:
        return ""
    return charts.score_map(score.floor, score.ceiling, result.metrics, result.points, translate)


def _repeats(result: Result, score: Score | None) -> list[RepeatRow]:
    values = result.metrics.per_repeat if result.metrics else []
    return [
        RepeatRow(number, value, points_of(value, score) if score else None)
        for number, value in enumerate(values, start=1)
    ]


def _parts(result: Result, score: Score | None, translate: Translator) -> list[PartRow]:
    """Return what the parts earned; a gate that was not kept in a repeat took all of its points."""
    if score is None or result.metrics is None or not score.parts:
        return []
    measured, mean = result.metrics.measured, result.metrics.per_model
    rows = []
    for part in score.parts:
        earned = fmean(part_points(part, value) for value in measured[part.label])
        rows.append(
            PartRow(
                part.label,
                mean[part.label],
                translate("{earned} of {points}", earned=f"{earned:.1f}", points=f"{part.points:g}"),
                translate.sentence(part.rule),
            )
        )
    for gate in score.gates:
        kept = sum(map(gate.holds, measured[gate.label]))
        held = translate("kept in {kept} of {number}", kept=kept, number=len(measured[gate.label]))
        rows.append(PartRow(gate.label, mean[gate.label], held, translate.sentence(gate.rule)))
    return rows


def _printed(repeats: Sequence[RepeatView], translate: Translator) -> list[tuple[str, str]]:
    """Return what was printed, once where several repeats printed the same."""
    repeats_of: dict[str, list[int]] = {}
    for repeat in repeats:
        if repeat.printed:
            repeats_of.setdefault(repeat.printed, []).append(repeat.number + 1)
    if len(repeats) > 1 and [len(numbers) for numbers in repeats_of.values()] == [len(repeats)]:
        return [(translate("in every repeat"), text) for text in repeats_of]
    return [
        (translate("in repeat {numbers}", numbers=", ".join(map(str, numbers))), text)
        for text, numbers in repeats_of.items()
    ]


def _limits(
    result: Result, files: RunFiles, task: Task | None, wall_seconds: float | None, translate: Translator
) -> list[Use]:
    limits = task.spec.limits if task else None
    longest = max((repeat.seconds or 0.0 for repeat in files.repeats), default=0.0)
    uses = []
    if result.verdict is Verdict.TIME_LIMIT or longest:
        limit = wall_seconds or (limits.wall_seconds if limits else None)
        uses.append(_time(result, longest, limit, translate))
    if result.slot_calls:
        seconds = result.seconds.slot_calls
        times = {"time": duration(seconds), "each": duration(seconds / result.slot_calls)}
        calls = (
            translate("1 call, {time}, {each} each", **times)
            if result.slot_calls == 1
            else translate("{number} calls, {time}, {each} each", number=result.slot_calls, **times)
        )
        uses.append(Use(translate("your function"), calls, "", ""))
    if limits and (uses or result.verdict is Verdict.MEMORY_LIMIT):
        uses.append(_memory(result, limits.memory_mb, translate))
    return uses


def duration(seconds: float) -> str:
    """Return a time as people write it: 0.8 ms, 25 ms, 1.5 s, 2 min."""
    if seconds < 1:
        return f"{1000 * seconds:.1f} ms" if seconds < 0.01 else f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _time(result: Result, longest: float, limit: float | None, translate: Translator) -> Use:
    share = 1.0 if result.verdict is Verdict.TIME_LIMIT else longest / limit if limit else 0.0
    used = translate("stopped at the limit") if share >= 1 else f"{longest:.1f} s"
    allowed, drawing = (f"{limit:g} s", charts.gauge(share)) if limit else ("", "")
    theirs = result.seconds.slot_calls > 0.5 * result.seconds.total  # else it is the training that is slow
    warning = (
        translate(
            "The longest repeat took {used} of its {limit}. On a slower machine it would have been stopped: make your function faster.",
            used=used,
            limit=allowed,
        )
        if theirs and NEAR <= share < 1
        else ""
    )
    return Use(translate("longest repeat"), used, allowed, drawing, warning)


def _memory(result: Result, limit_mb: int, translate: Translator) -> Use:
    taken, limit = result.most_memory_mb, f"{limit_mb} MB"
    if result.verdict is Verdict.MEMORY_LIMIT:
        return Use(translate("memory"), translate("stopped at the limit"), limit, charts.gauge(1.0))
    if taken is None:
        return Use(translate("memory"), translate("not measured"), limit, "")
    share, warning = min(1.0, taken / limit_mb), near_memory_limit(result, limit_mb, translate)
    return Use(translate("memory at its peak"), f"{taken:.0f} MB", limit, charts.gauge(share), warning)
