"""A machine agrees with the recorded bands, or a class learns it before its points are wrong."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from recorded import Quiet

from grader.errors import UsageError, Verdict
from grader.gradebook.agreement_file import agreement_row, read_agreements
from grader.gradebook.metric import Metric
from grader.gradebook.run_settings import SEED_VERSION, RunSettings
from grader.grading.agreement import (
    ANSWERS,
    CHANCE,
    SEED_SHARE,
    Agreement,
    BandsRecord,
    MeasuredAnswer,
    RecordedAnswer,
    compare,
    half_width,
    read_record,
    sentences,
)
from grader.grading.bands_file import read_bands, seconds_of
from grader.grading.trial import MachineTrial, keep_trial, kept_trial, run_trial, trial_record
from grader.task.build import write
from grader.task.score_table import Score
from grader.task.spec import Task, discover, read_task

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run, Submit

    from grader.grading.engine import LocalEngine

SCORE = Score(floor=0.5, ceiling=0.9)
RECORD = BandsRecord(
    {
        "starter": RecordedAnswer([0.50, 0.52, 0.51, 0.53] * 4, 0.013, 10.0),
        "reference": RecordedAnswer([0.86, 0.84, 0.88, 0.85] * 4, 0.017, 12.0),
    },
    "a secret", same_program=True, dearest_seconds=15.0, origin="cpu, Somebody's, Python 3.11.7, 2026-11-21",
)  # fmt: skip


def measured(
    starter: list[float], reference: list[float], seconds: float = 12.0, processor_seconds: float = 11.0
) -> dict[str, MeasuredAnswer]:
    values = dict(zip(ANSWERS, (starter, reference), strict=True))
    return {
        name: MeasuredAnswer(Verdict.SCORED, "", runs, seconds, processor_seconds)
        for name, runs in values.items()
    }


def test_the_recorded_values_of_the_same_seeds_agree_and_are_called_identical() -> None:
    seen = compare(RECORD, measured([0.50, 0.52], [0.86, 0.84]), SCORE, wall_seconds=100)
    assert seen.agrees
    assert [answer.identical for answer in seen.answers] == [True, True]
    assert sentences(seen) == [
        "agrees with the recorded bands: starter 0.510, identical on each seed; reference 0.850, identical on each seed"
    ]


def test_a_little_off_agrees_and_is_not_identical() -> None:
    seen = compare(RECORD, measured([0.50, 0.52], [0.87, 0.82]), SCORE, wall_seconds=100)
    assert seen.agrees
    assert [answer.identical for answer in seen.answers] == [True, False]


def test_a_reference_that_lost_ten_points_and_more_is_named_with_both_values() -> None:
    seen = compare(RECORD, measured([0.50, 0.52], [0.64, 0.66]), SCORE, wall_seconds=100)
    assert not seen.agrees
    first, *_ = sentences(seen)
    assert first.startswith("reference: balanced accuracy 0.650 (38 points) here, 0.850 (87) in the record")
    assert any(RECORD.origin in line for line in sentences(seen))


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_values_of_any_size_disagree_as_those_of_a_share_do(scale: float) -> None:
    answers = {
        name: RecordedAnswer([scale * value for value in answer.per_seed], scale * answer.sd, answer.seconds)
        for name, answer in RECORD.answers.items()
    }
    record, metric = replace(RECORD, answers=answers), Metric("MSE", "mse", digits=6)
    score = Score(floor=0.5 * scale, ceiling=0.9 * scale)

    def seen(*reference: float) -> Agreement:
        here = measured([0.5 * scale, 0.52 * scale], [value * scale for value in reference])
        return compare(record, here, score, wall_seconds=100, metric=metric)

    assert [answer.identical for answer in seen(0.86, 0.84).answers] == [True, True]
    assert [answer.identical for answer in seen(0.861, 0.84).answers] == [True, False]
    assert seen(0.87, 0.82).agrees
    assert not seen(0.64, 0.66).agrees


def test_an_answer_that_failed_is_a_disagreement() -> None:
    values = measured([0.5, 0.5], [])
    values["reference"] = MeasuredAnswer(Verdict.TIME_LIMIT, "stopped after 100 s", [], 100, 100)
    seen = compare(RECORD, values, SCORE, wall_seconds=1000)
    assert not seen.agrees
    assert "reference: time_limit: stopped after 100 s" in sentences(seen)


@pytest.mark.parametrize(("here", "slow"), [(12.0, False), (80.0, False), (82.0, True)])
def test_a_machine_on_which_the_dearest_answer_comes_near_the_limit_is_told(here: float, slow: bool) -> None:
    seen = compare(RECORD, measured([0.50, 0.52], [0.86, 0.84], here), SCORE, wall_seconds=200)
    assert seen.agrees
    assert bool(seen.slow) == slow


@pytest.mark.parametrize(("clock", "processor", "slow"), [(82.0, 12.0, False), (82.0, 82.0, True)])
def test_a_clock_that_ran_on_beside_other_work_is_no_slow_machine(
    clock: float, processor: float, slow: bool
) -> None:
    record = replace(RECORD, counts_processor=True)
    seen = compare(record, measured([0.50, 0.52], [0.86, 0.84], clock, processor), SCORE, wall_seconds=200)
    assert seen.slow.startswith("a run of the reference takes 82 s of a processor here") == slow
    assert bool(seen.slow) == slow


@pytest.mark.parametrize(
    ("of_processor", "seconds"),
    [
        ({}, {"starter": 4.0, "reference": 10.0, "dear": 20.0}),
        ({"starter": 1.0, "reference": 2.0}, {"starter": 1.0, "reference": 2.0, "dear": 4.0}),
        ({"starter": 1.0, "reference": 2.0, "dear": 5.0}, {"starter": 1.0, "reference": 2.0, "dear": 5.0}),
    ],
    ids=["the clock alone", "of the task's own answers", "of all answers"],
)
def test_what_no_processor_counted_is_in_proportion_to_the_clock(
    of_processor: dict[str, float], seconds: dict[str, float]
) -> None:
    clock = {"starter": 4.0, "reference": 10.0, "dear": 20.0}
    bands = {
        name: {"seconds_per_seed": value, "processor_seconds": of_processor.get(name)}
        for name, value in clock.items()
    }
    assert seconds_of({"strategies": bands}) == seconds


def test_of_an_earlier_version_only_the_mean_is_compared() -> None:
    old = replace(RECORD, same_program=False)
    seen = compare(old, measured([0.51], [0.86]), SCORE, wall_seconds=100)
    assert [answer.recorded for answer in seen.answers] == pytest.approx([0.515, 0.8575])
    assert not any(answer.identical for answer in seen.answers)
    far = compare(old, measured([0.51], [0.60]), SCORE, wall_seconds=100)
    assert any("earlier version" in line for line in sentences(far))


@pytest.mark.parametrize("same_seeds", [True, False])
@pytest.mark.parametrize(("repeats", "seeds"), [(2, 8), (3, 8), (4, 16)])
def test_a_sound_machine_is_reported_about_as_rarely_as_promised(
    repeats: int, seeds: int, same_seeds: bool
) -> None:
    """Both answers together, where no more than `SEED_SHARE` of the variance of a run belongs to its seed."""
    batches, rng = 40_000, np.random.default_rng(1)
    of_seeds = rng.normal(0.7, np.sqrt(SEED_SHARE), (batches, seeds))
    of_others = rng.normal(0.7, np.sqrt(SEED_SHARE), (batches, repeats))
    noise = np.sqrt(1 - SEED_SHARE)
    recorded = of_seeds + rng.normal(0, noise, (batches, seeds))
    here = (of_seeds[:, :repeats] if same_seeds else of_others) + rng.normal(0, noise, (batches, repeats))
    width = half_width(1.0, repeats, seeds, same_seeds=same_seeds) * recorded.std(axis=1, ddof=1)
    expected = recorded[:, :repeats] if same_seeds else recorded
    out = np.mean(np.abs(here.mean(axis=1) - expected.mean(axis=1)) > width)
    assert 0 < out * len(ANSWERS) < 1.5 * CHANCE


@pytest.mark.parametrize("task", discover(), ids=lambda task: task.id)
def test_the_records_of_the_tasks_that_come_along_can_be_read(task: Task) -> None:
    record = read_record(task)
    assert record is not None
    assert set(record.answers) == set(ANSWERS)


def test_without_a_record_there_is_nothing_to_agree_with(toy_task: Task) -> None:
    assert read_record(toy_task) is None


def test_a_damaged_record_is_one_line(own_toy: Path) -> None:
    (own_toy / "bands.json").write_text('{"strategies": {}}', encoding="utf-8")
    task = read_task(own_toy)
    assert read_record(task) is None, "its reference is not built"
    write(task)
    with pytest.raises(UsageError, match=r"bands\.json is damaged: KeyError"):
        read_record(task)


def test_nodes_are_counted_and_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    assert (
        agreement_row({"nodes": {"a": {"agrees": True}, "b": {"agrees": False}}})
        == "as recorded on 1 of 2 nodes"
    )
    (tmp_path / "agreement.json").write_text("[1", encoding="utf-8")
    with pytest.raises(UsageError, match=r"agreement\.json is damaged"):
        read_agreements(tmp_path)


@pytest.mark.parametrize(
    ("about", "same"),
    [
        ({"secret": "s", "run_digest": "now", "task_version": "then"}, True),
        ({"secret": "s", "run_digest": "then", "task_version": "now"}, False),
        ({"secret": "s", "run_digest": "now", "task_version": "now", "seed_version": "1"}, False),
        ({"secret": "s", "task_version": "now"}, True),
        ({"secret": "s", "task_version": "then"}, False),
        ({"run_digest": "now", "task_version": "now"}, False),
    ],
)
def test_seeds_are_compared_one_by_one_only_where_the_record_is_of_the_same_program(
    own_toy: Path, about: dict[str, str], same: bool
) -> None:
    task = read_task(own_toy)
    write(task)
    record(task)
    content = json.loads((own_toy / "bands.json").read_text(encoding="utf-8"))
    for name in ("secret", "run_digest"):
        del content[name]
    now = {"run_digest": task.run_digest, "task_version": task.version}
    content |= {name: now[name] if value == "now" else value for name, value in about.items()}
    (own_toy / "bands.json").write_text(json.dumps(content), encoding="utf-8")
    bands = read_record(task)
    assert bands is not None
    assert bands.same_program is same


def record(task: Task, shift: float = 0.0) -> None:
    """Write bands for the toy task: what its answers get for the recorded seed, plus `shift`."""
    values = {"starter": [0.59, 0.61] * 4, "reference": [0.8, 0.84] * 4}
    strategies = {
        name: {
            "balanced_accuracy": {"per_seed": [v + shift for v in runs], "sd": 0.02},
            "seconds_per_seed": 2.0,
        }
        for name, runs in values.items()
    }
    about = {"cpu": "Somebody's", "cores": 2, "python": "3.11.7", "date": "2026-11-21"}
    content = {"strategies": strategies, "machine": about, "device": "cpu", "secret": "of the tests"}
    content |= {"run_digest": task.run_digest, "seed_version": SEED_VERSION}
    (task.folder / "bands.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def own_task(own_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A toy task of one run, with bands, on a machine that knows nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = own_toy / "task.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("repeats = 3", "repeats = 1"), encoding="utf-8")
    task = read_task(own_toy)
    write(task)
    record(task)
    return task


@pytest.mark.slow
def test_two_trials_on_one_machine_are_identical_and_one_is_kept(own_task: Task, engine: LocalEngine) -> None:
    bands = read_record(own_task)
    assert bands is not None
    trial = MachineTrial(own_task, bands, RunSettings())
    first, second = (run_trial(trial, engine, Quiet(), jobs=2) for _ in range(2))
    assert {name: answer.per_repeat for name, answer in first.items()} == {
        name: answer.per_repeat for name, answer in second.items()
    }
    assert kept_trial(trial) is None
    content = trial_record(trial, first)
    keep_trial(trial, content)
    assert kept_trial(trial) == content
    assert kept_trial(replace(trial, settings=RunSettings(device="cpu"))) is None, (
        "another device is another trial"
    )
    keep_trial(trial, content | {"versions": {}})
    failed = {
        "verdict": "grader_error", "message": "", "per_repeat": [], "seconds": 0, "processor_seconds": 0,
    }  # fmt: skip
    keep_trial(trial, content | {"answers": dict.fromkeys(ANSWERS, failed)})
    kept: dict[str, Any] = kept_trial(trial) or {}
    assert kept["answers"] == content["answers"], "a failure is tried again"


@pytest.mark.slow
def test_the_seconds_of_a_record_are_measured_again_and_nothing_else(
    own_task: Task, run: Run, tmp_path: Path
) -> None:
    path = own_task.folder / "bands.json"
    before, runs = read_bands(path), tmp_path / "runs"
    code, shown, errors = run("bands", own_task.folder, "--speed", "--secret", "of the tests", "--out", runs)
    assert code == 0, errors
    after = read_bands(path)
    seconds = [band.pop("processor_seconds") for band in after["strategies"].values()]
    assert min(seconds) > 0
    assert f"starter {seconds[0]:g} s, reference {seconds[1]:g} s of a processor for a run" in shown
    bands = read_record(own_task)
    assert bands is not None
    assert bands.counts_processor
    assert [answer.seconds for answer in bands.answers.values()] == seconds
    assert after.pop("speed")["seeds"] == 2
    assert after == before


@pytest.mark.slow
def test_grade_warns_refuses_or_skips_and_keeps_what_it_saw(
    own_task: Task, run: Run, submit: Submit, tmp_path: Path
) -> None:
    out, path = tmp_path / "out", submit("def your_weights(targets, losses):\n    return 1 / 0\n")
    grade = ("grade", own_task.folder, path, "--out", out)
    code, _, errors = run(*grade, "--require-agreement")
    assert code == 0
    assert "first use of toy_task with this machine" in errors
    assert "note: this machine agrees with the recorded bands: starter 0." in errors
    seen = json.loads((out / "agreement.json").read_text(encoding="utf-8"))["toy_task"]
    assert seen["agrees"]
    assert seen["versions"]["torch"]
    assert agreement_row(seen).startswith("as recorded: starter 0.")
    assert run("explain", out, "student")[0] == 0
    (page,) = (out / "explanations").glob("*.html")
    assert agreement_row(seen) in page.read_text(encoding="utf-8")
    record(own_task, shift=-0.25)
    code, _, errors = run(*grade)
    assert (code, "first use" in errors) == (0, False), "the machine is known"
    assert "note: this machine does not give the recorded points of toy_task" in errors
    assert not json.loads((out / "agreement.json").read_text(encoding="utf-8"))["toy_task"]["agrees"]
    shutil.rmtree(out)
    code, _, errors = run(*grade, "--require-agreement")
    assert (code, "does not give the recorded points" in errors) == (2, True)
    assert not (out / "results.csv").exists(), "nothing was graded"
    code, _, errors = run(*grade, "--no-agreement")
    assert (code, "recorded points" in errors) == (0, False)


def test_agreement_cannot_be_required_of_a_task_without_bands(
    run: Run, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    path = submit("def your_weights(targets, losses):\n    return 1\n")
    code, _, errors = run(
        "grade", toy_task.folder, path, "--out", tmp_path / "out", "--require-agreement", "--unsafe"
    )
    assert (code, "toy_task has no recorded bands to agree with" in errors) == (2, True)
    code, _, errors = run(
        "grade", toy_task.folder, path, "--out", "x", "--require-agreement", "--no-agreement"
    )
    assert (code, "exclude each other" in errors) == (2, True)
