"""The plain back end of systems that cannot fork: the same answers, verdicts and prints, from a process that starts anew."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sandbox_client import ENTRY, arguments, eventually, function, has_ended

from grader.errors import GraderFault, StudentFault, Verdict
from grader.sandbox import SlotSource
from grader.sandbox.alone import AloneSandbox, AloneSlot
from grader.sandbox.inside import wire
from grader.sandbox.inside.loopback import connect
from grader.task.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

IMPORTS = "import numpy as np\n"
LIMITS = Limits(memory_mb=128, processes=8, file_mb=8, output_kb=64, return_mb=1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[AloneSandbox]:
    made = AloneSandbox(LIMITS)
    yield made
    made.close()


def answers(slot: AloneSlot, calls: int) -> Iterator[dict[str, Any]]:
    """Yield what the slot says: that it is ready, then its answers."""
    with connect(**slot.socket.trainer) as trainer:
        trainer.settimeout(60)
        for number in range(calls + 1):
            if number:
                question = {"kind": "call", "number": number, "entry": ENTRY, "args": arguments()}
                wire.send(trainer, question)
            yield wire.receive(trainer)


def started(sandbox: AloneSandbox, slot: str) -> AloneSlot:
    return sandbox.start_slot(SlotSource(IMPORTS, slot, (ENTRY,), 3))


def test_a_slot_answers_keeps_its_state_and_its_prints_are_complete(sandbox: AloneSandbox) -> None:
    slot = started(
        sandbox,
        "calls = []\n" + function("calls.append(1)\nprint('żółw', len(calls))\nreturn targets * len(calls)"),
    )
    ready, first, second = answers(slot, 2)
    assert ready == {"kind": "ready"}
    assert np.array_equal(second["value"], 2 * first["value"])
    assert slot.output() == "żółw 1\nżółw 2\n"


def test_the_seed_decides(sandbox: AloneSandbox) -> None:
    drawn = []
    for _ in range(2):
        _, answer = answers(started(sandbox, function("return float(np.random.rand())")), 1)
        drawn.append(answer["value"])
    assert drawn[0] == drawn[1]


def test_what_is_raised_has_the_students_own_lines(sandbox: AloneSandbox) -> None:
    _, answer = answers(started(sandbox, function("return 1 / 0")), 1)
    assert (answer["kind"], answer["verdict"]) == ("failed", "slot_error")
    assert answer["traceback"].startswith(f"your solution, line 2, in {ENTRY}\n    return 1 / 0")


def fault_of(slot: AloneSlot) -> StudentFault:
    with pytest.raises(wire.Closed):
        list(answers(slot, 1))
    fault = slot.fault()
    assert fault is not None
    return fault


def test_a_process_that_ends_is_the_students_fault_with_its_exit_code(sandbox: AloneSandbox) -> None:
    fault = fault_of(started(sandbox, function("import os\nos._exit(7)")))
    assert (fault.verdict, fault.message) == (
        Verdict.SLOT_CRASHED, "your code ended its process with exit code 7",
    )  # fmt: skip


def test_too_much_output_ends_it(sandbox: AloneSandbox) -> None:
    slot = started(sandbox, function("while True:\n    print('x' * 1000)"))
    assert fault_of(slot).verdict is Verdict.OUTPUT_LIMIT
    assert len(slot.output()) <= 64 * 1024


def test_nothing_of_a_closed_slot_is_left(sandbox: AloneSandbox) -> None:
    body = "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\nreturn child.pid"
    slot = started(sandbox, function(body))
    _, answer = answers(slot, 1)
    slot.close()
    slot.close()
    assert eventually(lambda: has_ended(answer["value"]))  # the kernel takes a moment
    assert slot.fault(0.1) is None


def test_a_slot_that_is_closed_again_ends_no_process_that_has_its_number_now(sandbox: AloneSandbox) -> None:
    slot = started(sandbox, function("return 1"))
    slot.close()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    ) as later:
        slot._process.pid = later.pid
        slot.close()
        later.communicate(b"\n", timeout=60)
    assert later.returncode == 0


def test_who_does_not_know_the_secret_is_not_let_in(sandbox: AloneSandbox) -> None:
    slot = started(sandbox, function("return 1"))
    with connect(slot.socket.port, "00" * 16) as stranger:
        stranger.settimeout(0.3)
        with pytest.raises(TimeoutError):
            stranger.recv(1)
    _, answer = answers(slot, 1)
    assert answer["value"] == 1


def test_a_closed_sandbox_starts_nothing() -> None:
    made = AloneSandbox(LIMITS)
    made.close()
    assert not made.is_running()
    with pytest.raises(GraderFault, match="closed"):
        started(made, function("return 1"))
