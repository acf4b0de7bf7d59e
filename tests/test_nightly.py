"""Parts of the night go on where they were, end within their hour, and say what came of them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from nightly import CLASSES, PART_SECONDS, PARTS, TASKS, Step, run_part

from grader.redteam.corpus import CLASSES as CLASSES_OF_ATTACKS
from grader.task.spec import discover

if TYPE_CHECKING:
    from pathlib import Path

STEPS = [Step(name, ("true",)) for name in "abc"]


class Night:
    """Runs steps that take `minutes` each and end with the exit codes of `codes`; it only counts."""

    def __init__(self, minutes: float, codes: dict[str, int] | None = None) -> None:
        self.seconds, self.codes, self.now = 60 * minutes, codes or {}, 0.0
        self.ran: list[str] = []

    def clock(self) -> float:
        return self.now

    def run(self, step: Step, left: float) -> int:
        self.ran.append(step.name)
        self.now += min(self.seconds, left)
        if self.seconds > left:
            raise subprocess.TimeoutExpired(step.command, left)
        return self.codes.get(step.name, 0)


def run(night: Night, record: Path) -> str:
    return run_part(STEPS, record, run=night.run, clock=night.clock)


def test_a_part_that_is_complete_is_not_run_again(tmp_path: Path) -> None:
    record = tmp_path / "commit" / "part.json"
    assert run(Night(1), record) == "complete: 3 of 3 steps passed"
    again = Night(1)
    assert run(again, record) == "complete: 3 of 3 steps passed"
    assert again.ran == []
    assert run(Night(1), tmp_path / "another commit" / "part.json").startswith("complete")


def test_a_part_that_fails_goes_on_with_the_step_that_failed(tmp_path: Path) -> None:
    record = tmp_path / "part.json"
    assert run(Night(1, {"b": 3}), record) == "failed: b ended with exit code 3"
    assert json.loads(record.read_text()) == ["a"]
    again = Night(1)
    assert run(again, record).startswith("complete")
    assert again.ran == ["b", "c"]


def test_a_part_takes_an_hour_at_most_and_goes_on_in_the_next(tmp_path: Path) -> None:
    record = tmp_path / "part.json"
    first = Night(25)
    assert run(first, record) == "to be continued: c was stopped when the hour was over; run the same again"
    assert first.now == PART_SECONDS
    second = Night(60)
    assert run(second, record).startswith("complete")
    assert second.ran == ["c"]


def test_no_step_begins_when_the_hour_is_over(tmp_path: Path) -> None:
    night = Night(30)
    assert run(night, tmp_path / "part.json").startswith("to be continued: 2 of 3 steps are done")
    assert night.ran == ["a", "b"]


def test_the_corpus_of_the_night_is_every_class_against_every_task() -> None:
    assert CLASSES == CLASSES_OF_ATTACKS
    assert set(TASKS) == {task.id for task in discover() if task.spec.runs_code}
    assert len(PARTS["corpus"]) == 1 + len(CLASSES) * len(TASKS)


@pytest.mark.parametrize("part", PARTS)
def test_the_steps_of_a_part_have_names_of_their_own(part: str) -> None:
    names = [step.name for step in PARTS[part]]
    assert sorted(set(names)) == sorted(names)
