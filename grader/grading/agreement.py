"""Compare what starter and reference get on this machine with the task's recorded bands."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scipy.special import stdtrit

from grader.errors import Verdict
from grader.gradebook.metric import BALANCED_ACCURACY
from grader.gradebook.run_settings import SEED_VERSION
from grader.grading.bands_file import counts_processor, damaged, read_bands, seconds_of
from grader.task.scorers import is_share
from grader.task.scoring import points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.gradebook.metric import Metric
    from grader.gradebook.result import Result
    from grader.task.score_table import Score
    from grader.task.spec import Task

ANSWERS = ("starter", "reference")
CHANCE = 0.001  # that a sound machine is reported, for both answers together
LEAST_SD = (
    0.005  # of a balanced accuracy: about one test image. An answer that never varied would allow no rounding
)
SAME = 0.0001  # of a map up to 1 wide: records are rounded to four digits
# With the kernels of AVX2 instead of AVX-512, same seeds of learning_to_defer gave the same values (8 runs), and those of
# noisy_labels differed by 0.027 (SD of 6 differences; the SD of single runs is 0.038): a share of 0.75 and more.
SEED_SHARE = 0.5
# A clock runs on while the machine does other work: answers of crowd_hpo, which train the same models, took from 20 to 32
# seconds in one recording. The limit is one of the clock.
SLACK = 2.0


@dataclass(frozen=True)
class RecordedAnswer:
    """The value of an answer for each recorded seed, the SD of single runs, and the seconds of a run."""

    per_seed: Sequence[float]
    sd: float
    seconds: float


@dataclass(frozen=True)
class BandsRecord:
    """What a task's `bands.json` says of starter and reference.

    `secret` is the text that its seeds came from. `same_program` says that the record is of the task as it is now, so that
    the same seeds are the same runs. `dearest_seconds` is a run of the recorded answer that takes longest; `origin` says
    where and when the record was made. Seconds are those of a processor where `counts_processor`, else those of the clock.
    """

    answers: Mapping[str, RecordedAnswer]
    secret: str
    same_program: bool
    dearest_seconds: float
    origin: str
    counts_processor: bool = False


@dataclass(frozen=True)
class MeasuredAnswer:
    """What an answer got here: its verdict and message, the value of each run, and the seconds of a run: clock and processor."""

    verdict: Verdict
    message: str
    per_repeat: Sequence[float]
    seconds: float
    processor_seconds: float


@dataclass(frozen=True)
class ComparedAnswer:
    """An answer here and in the record: mean values, and the range from `low` to `high` that a sound machine keeps.

    `here` is None where the answer got no score; `problem` says then why, and else is empty where the answer is within
    the range. `identical`: each run has the recorded value of its seed.
    """

    name: str
    recorded: float
    low: float
    high: float
    here: float | None
    identical: bool
    problem: str


@dataclass(frozen=True)
class Agreement:
    """Whether this machine gives the points of the record, and what was seen; `slow` warns of the time limit, or is empty."""

    answers: Sequence[ComparedAnswer]
    recorded_seconds: float
    seconds: float
    slow: str
    same_program: bool
    origin: str

    @property
    def agrees(self) -> bool:
        """Whether no answer is out of its range."""
        return not any(answer.problem for answer in self.answers)


def read_record(task: Task) -> BandsRecord | None:
    """Return what the task's `bands.json` says of starter and reference; None where nothing was recorded, or the reference is not here.

    Raises UsageError where the record is damaged.
    """
    path = task.folder / "bands.json"
    if task.handout or not path.is_file() or not task.solution.is_file():
        return None
    content = read_bands(path)
    try:
        return _record(content, task)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(path, error) from error


def _record(content: dict[str, Any], task: Task) -> BandsRecord:
    bands, machine, seconds = content["strategies"], content["machine"], seconds_of(content)
    answers = {
        name: RecordedAnswer(
            [float(value) for value in bands[name]["value"]["per_seed"]],
            float(bands[name]["value"]["sd"]),
            seconds[name],
        )
        for name in ANSWERS
    }
    if any(len(answer.per_seed) < 2 for answer in answers.values()):
        raise ValueError("fewer than two seeds")
    secret = content.get("secret")
    return BandsRecord(
        answers,
        str(secret or "a record that does not name its seeds"),
        same_program=bool(secret) and _is_of(content, task),
        dearest_seconds=max(seconds.values()),
        origin=f"{content['device']}, {machine['cpu']}, Python {machine['python']}, {machine['date']}",
        counts_processor=counts_processor(content),
    )


def _is_of(content: dict[str, Any], task: Task) -> bool:
    """Return whether a record is of the task as it is now, texts and score map aside; older records know only the version."""
    if "run_digest" in content:
        return bool(content["run_digest"] == task.run_digest and content["seed_version"] == SEED_VERSION)
    return bool(content["task_version"] == task.version)


def measured_of(result: Result) -> MeasuredAnswer:
    """Return what a graded answer got."""
    per_repeat = result.metrics.per_repeat if result.metrics else []
    runs = max(1, len(per_repeat))
    clock, processor = result.seconds.total / runs, result.seconds.processor / runs
    return MeasuredAnswer(result.verdict, result.message, per_repeat, round(clock, 1), round(processor, 2))


@dataclass(frozen=True)
class _Scale:
    """How values are written, and what they are worth."""

    metric: Metric
    score: Score

    @property
    def unit(self) -> float:
        """What stands for 1 in values of a metric that does not end there: the width of the map."""
        width = abs(self.score.ceiling - self.score.floor)
        return max(1.0, width) if is_share(self.metric.scorer) else width


def compare(
    record: BandsRecord,
    measured: Mapping[str, MeasuredAnswer],
    score: Score,
    *,
    wall_seconds: float,
    metric: Metric = BALANCED_ACCURACY,
) -> Agreement:
    """Return how the answers of this machine compare with the record, and whether `wall_seconds` of a run are enough here."""
    shown = _Scale(metric, score)
    compared = [
        _compared(name, record.answers[name], measured[name], shown, same_seeds=record.same_program)
        for name in ANSWERS
    ]
    recorded, reference = record.answers["reference"].seconds, measured["reference"]
    here = reference.processor_seconds if record.counts_processor else reference.seconds
    dearest = record.dearest_seconds * here / recorded if recorded > 0 else here
    slow = ""
    if SLACK * dearest > wall_seconds:
        slow = (
            f"a run of the reference takes {here:g} s {'of a processor ' if record.counts_processor else ''}here "
            f"({recorded:g} s in the record), so the dearest recorded answer "
            f"would take about {dearest:.0f} s of the {wall_seconds:g} s that a run may take"
        )
    return Agreement(compared, recorded, here, slow, record.same_program, record.origin)


def half_width(sd: float, repeats: int, seeds: int, *, same_seeds: bool) -> float:
    """Return how far the mean of `repeats` runs on a sound machine may lie from the record.

    `sd`, of single runs, was estimated from `seeds` of them. Two-sided t with `seeds` - 1 degrees of freedom; each answer has
    half of `CHANCE`. On the same seeds two means of `repeats` runs are compared; data and initial weights account for at least
    `SEED_SHARE` of the variance of a single run, and cancel. On others a mean of `repeats` runs is compared with that of all
    recorded ones.
    """
    variance = 2 * (1 - SEED_SHARE) / repeats if same_seeds else 1 / repeats + 1 / seeds
    quantile = float(stdtrit(seeds - 1, 1 - CHANCE / len(ANSWERS) / 2))
    return quantile * sd * math.sqrt(variance)


def _compared(
    name: str, recorded: RecordedAnswer, measured: MeasuredAnswer, shown: _Scale, *, same_seeds: bool
) -> ComparedAnswer:
    runs = measured.per_repeat
    seeds = len(recorded.per_seed)
    same = same_seeds and len(runs) <= seeds
    expected = statistics.fmean(recorded.per_seed[: len(runs)] if same and runs else recorded.per_seed)
    width = half_width(max(recorded.sd, LEAST_SD * shown.unit), max(1, len(runs)), seeds, same_seeds=same)
    low, high = expected - width, expected + width
    if measured.verdict is not Verdict.SCORED:
        problem = f"{name}: {measured.verdict}: {measured.message}"
        return ComparedAnswer(name, expected, low, high, None, identical=False, problem=problem)
    here = statistics.fmean(runs)
    identical = same and all(
        abs(value - then) < SAME * min(shown.unit, 1.0)
        for value, then in zip(runs, recorded.per_seed, strict=False)
    )
    problem = ""
    if not low <= here <= high:
        problem = (
            f"{name}: {shown.metric.name} {shown.metric.text(here)} ({points(here, shown.score)} points) here, {shown.metric.text(expected)} "
            f"({points(expected, shown.score)}) in the record; a sound machine stays between {shown.metric.text(low)} and {shown.metric.text(high)}"
        )
    return ComparedAnswer(name, expected, low, high, here, identical, problem)


def sentences(agreement: Agreement) -> list[str]:
    """Return in one line what agrees, or in several what was expected, what was seen, what it means and what to do."""
    lines = [answer.problem for answer in agreement.answers if answer.problem]
    if lines:
        lines.append(f"the record: {agreement.origin}")
        if not agreement.same_program:
            lines.append(
                "the record is of an earlier version of the task, so the difference may be the task's: grader bands measures anew"
            )
        lines.append(
            "other processors, GPUs or versions of PyTorch move the points of everybody who is graded here; install the versions "
            "of constraints.txt, or grade on a machine like that of the record"
        )
    else:
        bands = (
            "the recorded bands" if agreement.same_program else "the bands of an earlier version of the task"
        )
        lines.append(f"agrees with {bands}: {'; '.join(map(_seen, agreement.answers))}")
    return [*lines, agreement.slow] if agreement.slow else lines


def _seen(answer: ComparedAnswer) -> str:
    if answer.identical:
        return f"{answer.name} {answer.here:.3f}, identical on each seed"
    return f"{answer.name} {answer.here:.3f}, within {answer.low:.3f} to {answer.high:.3f}"
