"""Fuzzing of the trainer's end of the boundary: whatever a slot sends is an answer, or a failure of the student's own."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fuzzing import examples, kept
from hostile_frames import arrays, frames, values
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import StudentFault, Verdict
from grader.sandbox.inside import wire
from grader.trainer import first_call
from grader.trainer.attribution import blame_slot
from grader.trainer.ledger import Ledger
from grader.trainer.proxy import Boundary, Channel, SlotFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

    Receive = Callable[[socket.socket, wire.Caps], Any]

SECONDS = 20
RECEIVERS = pytest.mark.parametrize("receive", [wire.receive, wire.receive_outline], ids=["trainer", "gate"])

words = st.sampled_from(["ready", "answer", "failed", *Verdict, 0, 1, 2, True, 1.0])
anything: SearchStrategy[Any] = values | arrays | words
odd_texts = st.text(max_size=700) | st.sampled_from(
    ["", "\x1b[2J", "a\n\tb\x85", '"' * 20_000, "\u202e\U0001f600" * 4_000]
)


def mostly(right: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.booleans().flatmap(lambda is_right: right if is_right else anything)


FIELDS = {
    "kind": mostly(st.sampled_from(["ready", "answer", "failed", "call"])),
    "number": mostly(st.integers(0, 3)),
    "verdict": mostly(st.sampled_from([*map(str, Verdict)])),
    "message": mostly(odd_texts),
    "traceback": mostly(odd_texts),
    "value": anything,
}
READY = wire.frame({"kind": "ready"})


@st.composite
def streams(draw: DrawFn) -> bytes:
    """Return the frames that a slot sends in its life: some as they should be, of some every field may be anything."""
    odd = st.fixed_dictionaries({}, optional=FIELDS)
    sent = [READY]
    for number in range(1, draw(st.integers(1, 4))):
        answer = {"kind": "answer", "number": number, "value": draw(anything)}
        failed = {
            "kind": "failed",
            "verdict": "slot_error",
            "message": "m",
            "traceback": "",
            "number": number,
        }
        message = draw(st.sampled_from([answer, answer, failed, failed, {}]))
        name = draw(st.sampled_from(sorted(FIELDS)))
        nearly = st.fixed_dictionaries({name: FIELDS[name]}).map(message.__or__)
        sent.append(wire.frame(draw(st.just(message) | nearly | odd.map(message.__or__) | values)))
    if draw(st.booleans()):
        number = draw(st.integers(0, len(sent) - 1))
        sent[number] = draw(frames(st.fixed_dictionaries({}, optional=FIELDS)))
    return b"".join(sent)


class Gone:
    """A slot of which nothing is known but its socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def output(self) -> str:
        return ""

    def cpu_seconds(self) -> float:
        return 0.0

    def memory_mb(self) -> float | None:
        return None

    def fault(self, wait_seconds: float = 2.0) -> StudentFault | None:
        del wait_seconds
        return None

    def lack_of_threads(self) -> str:
        return ""

    def close(self) -> None:
        self.socket.close()


def check_stream(data: bytes, receive: Receive, on_error: str = "end") -> None:
    """Take `data` for the whole of what a slot says: each call is answered, or fails as the student's own."""
    left, right = socket.socketpair()
    ledger = Ledger()
    with left, right, contextlib.closing(ledger):
        left.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            left.sendall(data)
        left.shutdown(socket.SHUT_WR)
        right.settimeout(SECONDS)
        channel = Channel(right, ledger, Boundary(wire.Crossing(return_mb=1), on_error), receive=receive)
        said = ""
        try:
            channel.wait_until_loaded()
            for _ in range(3):
                channel.call("f", (np.arange(3), "x"))
        except SlotFailure as failure:
            said = str(failure)
            fault = blame_slot(ledger, Gone(right))
            assert isinstance(fault, StudentFault)
            assert fault.message.isprintable()
            assert len(fault.message) < 600
            assert all(line.isprintable() for line in fault.traceback.replace("\t", " ").split("\n"))
        assert said.isprintable()
        assert not ledger.running


@pytest.mark.slow
@RECEIVERS
@examples(6)
@given(data=streams(), on_error=st.sampled_from(["end", "item"]))
def test_whatever_a_slot_sends_is_an_answer_or_a_failure_of_its_own(
    data: bytes, on_error: str, receive: Receive
) -> None:
    with kept(data, ".frames"):
        check_stream(data, receive, on_error)


@pytest.mark.xdist_group("alone")  # it looks at a clock
@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["fast", "slow"])
def test_a_slot_that_drips_its_answer_does_not_hold_the_gate(
    pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_call, "_SECONDS", 0.4)
    left, right = socket.socketpair()

    def drip() -> None:
        with left, contextlib.suppress(OSError):
            left.sendall(READY + wire.PREFIX.pack(wire.MAGIC, 1 << 20, 0))
            for _ in range(1 << 20):
                left.sendall(b" ")
                time.sleep(pause)

    dripping = threading.Thread(target=drip)
    dripping.start()
    begun = time.monotonic()
    with right:
        first_call.try_first_call(Gone(right), wire.frame({"kind": "call", "number": 1}), Boundary())
    dripping.join()
    assert time.monotonic() - begun < SECONDS
