"""Who is alone on a machine is alone, and who was not is told so."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from grader.errors import GraderFault
from grader.grading import occupancy
from grader.grading.occupancy import Occupancy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> Occupancy:
    return Occupancy(tmp_path)


@pytest.fixture
def go_on() -> threading.Event:
    return threading.Event()


def test_a_run_by_itself_had_no_company(machine: Occupancy, go_on: threading.Event) -> None:
    for _ in range(2):
        with machine.beside_others(go_on) as company:
            assert not company.was_shared()


def test_whoever_was_there_before_or_came_later_is_company(
    machine: Occupancy, go_on: threading.Event
) -> None:
    with ExitStack() as first, ExitStack() as second:
        early = first.enter_context(machine.beside_others(go_on))
        late = second.enter_context(machine.beside_others(go_on))
        assert early.was_shared()
        first.close()
        assert late.was_shared(), "though the other one has gone"


def test_who_wants_to_be_alone_waits_for_the_others_and_lets_nobody_in(
    machine: Occupancy, go_on: threading.Event
) -> None:
    events: list[str] = []
    waits, leave = threading.Event(), threading.Event()

    def be_alone() -> None:
        waits.set()
        with machine.alone(go_on):
            events.append("alone")
            leave.wait(10)
            events.append("leaves")

    def come_later() -> None:
        with machine.beside_others(go_on) as company:
            events.append("came in")
            assert not company.was_shared()

    with machine.beside_others(go_on):
        first = threading.Thread(target=be_alone)
        first.start()
        waits.wait(10)
        events.append("the first goes")
    while "alone" not in events:
        assert first.is_alive()
    second = threading.Thread(target=come_later)
    second.start()
    second.join(0.3)
    assert second.is_alive(), "it waits at the door"
    leave.set()
    first.join(10)
    second.join(10)
    assert events == ["the first goes", "alone", "leaves", "came in"]


def test_other_processes_are_company_too(machine: Occupancy, go_on: threading.Event) -> None:
    inside, leave = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        with machine.beside_others(go_on):
            os.write(inside[1], b".")
            os.read(leave[0], 1)
        os._exit(0)
    assert os.read(inside[0], 1) == b"."
    with machine.beside_others(go_on) as company:
        assert company.was_shared()
    os.write(leave[1], b".")
    os.waitpid(child, 0)
    with machine.alone(go_on):
        pass


def test_a_batch_that_is_stopped_waits_no_longer(machine: Occupancy, go_on: threading.Event) -> None:
    with machine.beside_others(go_on):
        go_on.set()
        with pytest.raises(GraderFault, match="stopped"), machine.alone(go_on):
            pass


def test_a_folder_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go_on: threading.Event
) -> None:
    monkeypatch.setattr(occupancy.tempfile, "gettempdir", lambda: str(tmp_path))  # type: ignore[attr-defined]
    taken = tmp_path / "elsewhere"
    taken.mkdir()
    (tmp_path / f"grader-{os.getuid()}").symlink_to(taken)
    with Occupancy().beside_others(go_on) as company:
        assert not company.was_shared()
    assert list(taken.iterdir()) == []
