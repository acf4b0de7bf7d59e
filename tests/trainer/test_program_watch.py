"""A program has a clock of its own, which counts while the trainer waits for it, and what it prints is passed on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

import pytest

from grader.errors import Verdict
from grader.trainer import program_watch
from grader.trainer.attribution import blame_program
from grader.trainer.ledger import Ledger
from grader.trainer.program_watch import ProgramWatch

if TYPE_CHECKING:
    from grader.sandbox import Slot


class Printing:
    """As much of a slot as is looked at."""

    def __init__(self) -> None:
        self.text = ""

    def output(self) -> str:
        return self.text

    def lack_of_threads(self) -> str:
        return ""


class Used(Ledger):
    """A ledger of a program that took so many seconds."""

    seconds = 0.0

    def slot_seconds(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("limit", "used", "is_over"),
    [(0, 100.0, False), (5, 4.9, False), (5, 5.1, True)],
    ids=["no limit", "below", "above"],
)
def test_the_clock_of_a_program_is_over_when_it_has_used_it_up(
    limit: float, used: float, is_over: bool
) -> None:
    slot = cast("Slot", Printing())
    with contextlib.closing(Used()) as ledger:
        ledger.seconds = used
        watch = ProgramWatch(limit, lambda _: None, ledger, slot)
        assert watch.is_over() is is_over
        fault = blame_program(ledger, slot, limit)
        assert (fault is not None) is is_over
        if fault is not None:
            sentence = "your program was stopped after 5.1 s; it may take 5 s"
            assert (fault.verdict, fault.message) == (Verdict.TIME_LIMIT, sentence)


def test_each_new_last_line_is_passed_on_once_and_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_watch, "_LINE_SECONDS", 0.0)
    slot, lines = Printing(), list[str]()
    with contextlib.closing(Ledger()) as ledger:
        watch = ProgramWatch(0, lines.append, ledger, cast("Slot", slot))
        for text in ("", "epoch 1\n", "epoch 1\n", "epoch 1\nepoch 2\n\n", "x" * 500):
            slot.text = text
            watch.is_over()
    assert lines == ["epoch 1", "epoch 2", "x" * 80]
