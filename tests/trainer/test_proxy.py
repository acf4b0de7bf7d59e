"""What the trainer makes of an honest, a broken and a lying slot process."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from grader.sandbox.inside import wire
from grader.trainer.ledger import Ledger
from grader.trainer.proxy import Boundary, Channel, SlotFailure, UnsendableArguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    made = Ledger()
    yield made
    made.close()


def channel_to(
    peer: Callable[[socket.socket], None],
    ledger: Ledger,
    boundary: Boundary = Boundary(wire.Crossing(return_mb=1)),  # noqa: B008 -- frozen
) -> Channel:
    """Return a channel whose other end is served by `peer` in a thread."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs, contextlib.suppress(wire.Closed):  # the channel may hang up in the middle
            peer(theirs)

    threading.Thread(target=serve, daemon=True).start()
    return Channel(ours, ledger, boundary)


def answering(**frame: Any) -> Callable[[socket.socket], None]:
    def peer(sock: socket.socket) -> None:
        wire.send(sock, {"kind": "ready"})
        wire.receive(sock)
        wire.send(sock, frame)

    return peer


def test_an_answer_to_the_call_is_returned_and_counted(ledger: Ledger) -> None:
    channel = channel_to(answering(kind="answer", number=1, value=np.arange(3)), ledger)
    channel.wait_until_loaded()
    assert channel.call("f", (1,)).tolist() == [0, 1, 2]
    assert ledger.calls == 1
    assert not ledger.running


@pytest.mark.parametrize(
    ("frame", "verdict", "words"),
    [
        pytest.param(
            {"kind": "failed", "verdict": "slot_error", "message": "ValueError: no", "traceback": "t", "number": 1},
            "slot_error", "ValueError: no", id="an exception of the student",
        ),
        pytest.param({"kind": "answer", "number": 2, "value": 1}, "slot_crashed", "unasked", id="another number"),
        pytest.param({"kind": "ready"}, "slot_crashed", "unasked", id="a second ready"),
        pytest.param(
            {"kind": "failed", "verdict": "scored", "message": "100 points", "traceback": "", "number": 1},
            "slot_crashed", "unasked", id="a claim to be scored",
        ),
        pytest.param(
            {"kind": "failed", "verdict": "grader_error", "message": "not my fault", "traceback": "", "number": 1},
            "slot_crashed", "unasked", id="a claim that the grader failed",
        ),
        pytest.param(
            {"kind": "failed", "verdict": ["slot_error"], "message": "x", "traceback": "", "number": 1},
            "slot_crashed", "unasked", id="a verdict that is a list",
        ),
        pytest.param(
            {"kind": np.zeros(3), "number": np.zeros(3), "value": 1}, "slot_crashed", "unasked", id="arrays for words",
        ),
        pytest.param({"kind": "answer", "number": True, "value": 1}, "slot_crashed", "unasked", id="a bool for 1"),
        pytest.param(
            {"kind": "failed", "verdict": "slot_error", "message": 7, "traceback": "", "number": 1},
            "slot_crashed", "unasked", id="a message that is a number",
        ),
    ],
)  # fmt: skip
def test_every_other_frame_is_a_failure_of_the_student(
    frame: dict[str, Any], verdict: str, words: str, ledger: Ledger
) -> None:
    channel = channel_to(answering(**frame), ledger)
    channel.wait_until_loaded()
    with pytest.raises(SlotFailure, match=words):
        channel.call("f", (1,))
    assert ledger.facts()["failure"]["verdict"] == verdict


def failing(number: int, verdict: str = "slot_error", message: str = "ValueError: no") -> dict[str, Any]:
    return {"kind": "failed", "verdict": verdict, "message": message, "traceback": "t", "number": number}


def saying(*frames: dict[str, Any]) -> Callable[[socket.socket], None]:
    def peer(sock: socket.socket) -> None:
        wire.send(sock, {"kind": "ready"})
        for frame in frames:
            wire.receive(sock)
            wire.send(sock, frame)

    return peer


ITEMS = Boundary(on_error="item", item_default=[0.5])


def test_a_call_that_fails_costs_its_item_and_the_first_one_is_told(ledger: Ledger) -> None:
    right = {"kind": "answer", "number": 2, "value": 1}
    peer = saying(failing(1), right, failing(3, "invalid_output", "a set"), failing(4))
    channel = channel_to(peer, ledger, ITEMS)
    channel.wait_until_loaded()
    answers = [channel.call("f", ()) for _ in range(4)]
    assert answers == [[0.5], 1, [0.5], [0.5]]
    answers[0].append("changed")
    assert answers[2] == [0.5]
    assert "failure" not in ledger.facts()
    assert ledger.facts()["items"] == {
        "message": "ValueError: no",
        "traceback": "t",
        "number": 1,
        "count": 3,
    }


def test_floods_of_text_in_a_failed_item_and_in_the_end_fit_the_ledger_together(ledger: Ledger) -> None:
    text = "\N{GRINNING FACE}" * 30_000
    floods = [failing(number, verdict, text) for number, verdict in ((1, "slot_error"), (2, "memory_limit"))]
    peer = saying(*(frame | {"traceback": text} for frame in floods))
    channel = channel_to(peer, ledger, ITEMS)
    channel.wait_until_loaded()
    assert channel.call("f", ()) == [0.5]
    with pytest.raises(SlotFailure):
        channel.call("f", ())
    assert ledger.facts()["failure"]["verdict"] == "memory_limit"
    assert ledger.facts()["items"]["count"] == 1


@pytest.mark.parametrize(
    "frame",
    [
        failing(1, "slot_crashed"),
        failing(1, "memory_limit"),
        failing(1, "scored"),
        failing(1, "grader_error"),
        failing(2),
        failing(0),
        failing(1, message=""),
        failing(1) | {"kind": "answered"},
    ],
    ids=["a crash", "memory", "scored", "grader_error", "ahead", "of the definition", "no words", "another kind"],
)  # fmt: skip
def test_what_is_no_failure_of_its_item_ends_the_run_all_the_same(
    frame: dict[str, Any], ledger: Ledger
) -> None:
    channel = channel_to(saying(frame), ledger, ITEMS)
    channel.wait_until_loaded()
    with pytest.raises(SlotFailure):
        channel.call("f", ())
    assert "items" not in ledger.facts()
    assert ledger.facts()["failure"]["verdict"] != "scored"


def test_the_first_failure_is_the_one_that_counts_whoever_catches_it(ledger: Ledger) -> None:
    channel = channel_to(saying(failing(1)), ledger)
    channel.wait_until_loaded()
    for _ in range(3):
        with pytest.raises(SlotFailure, match="ValueError: no"):
            channel.call("f", ())
    failure = ledger.facts()["failure"]
    assert (failure["verdict"], failure["number"], ledger.calls) == ("slot_error", 1, 1)


@pytest.mark.parametrize("value", [7, None, "ready", ["ready"]], ids=repr)
def test_a_frame_that_is_no_message_is_a_failure_of_the_student(value: Any, ledger: Ledger) -> None:
    channel = channel_to(lambda sock: wire.send(sock, value), ledger)
    with pytest.raises(SlotFailure, match="unasked"):
        channel.wait_until_loaded()
    assert ledger.facts()["failure"]["verdict"] == "slot_crashed"


def test_bytes_that_are_no_frame_are_an_invalid_output(ledger: Ledger) -> None:
    channel = channel_to(lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\n" * 4), ledger)
    with pytest.raises(SlotFailure, match="cannot be read"):
        channel.wait_until_loaded()
    assert ledger.facts()["failure"]["verdict"] == "invalid_output"


def test_keyword_arguments_cross_by_their_names(ledger: Ledger) -> None:
    def peer(sock: socket.socket) -> None:
        wire.send(sock, {"kind": "ready"})
        call = wire.receive(sock)
        wire.send(sock, {"kind": "answer", "number": 1, "value": [call["args"], call["kwargs"]]})

    channel = channel_to(peer, ledger)
    channel.wait_until_loaded()
    assert channel.call("f", (1, b"x"), {"seed": 2}) == [(1, b"x"), {"seed": 2}]


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ([0] * 100_001, "more than 100000 values outside arrays; pass less at once, or raise limits.values in task.toml"),
        ("x" * (2 << 20), "more than 1 MB of texts and numbers outside arrays; pass less at once, or raise limits.text_mb in task.toml"),
        (bytes(65 << 20), "more than 64 MB of arrays and bytes; pass less at once, or raise limits.argument_mb in task.toml"),
        ({1}, "a set, which cannot cross; pass arrays, numbers, texts or bytes"),
    ],
    ids=["values", "text", "bytes", "a set"],
)  # fmt: skip
@pytest.mark.parametrize("kept", [True, False], ids=["first call", "later"])
def test_arguments_that_cannot_cross_name_the_entry_the_cap_and_the_setting(
    argument: Any, sentence: str, ledger: Ledger, tmp_path: Path, *, kept: bool
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        frame = tmp_path / "first_call.frame"
        channel = Channel(ours, ledger, Boundary(), first_call=frame if kept else None)
        with pytest.raises(UnsendableArguments) as raised:
            channel.call("your_fit", (argument,))
    assert str(raised.value) == f"the arguments of your_fit hold {sentence}"
    assert not ledger.running
    assert not frame.exists()


def test_an_answer_above_the_cap_is_an_invalid_output(ledger: Ledger) -> None:
    channel = channel_to(answering(kind="answer", number=1, value=np.zeros(1 << 20)), ledger)
    channel.wait_until_loaded()
    with pytest.raises(SlotFailure, match="larger than 1"):
        channel.call("f", (1,))
    assert ledger.facts()["failure"]["verdict"] == "invalid_output"


def test_a_process_that_is_gone_is_left_for_the_grader_to_explain(ledger: Ledger) -> None:
    channel = channel_to(lambda sock: wire.send(sock, {"kind": "ready"}), ledger)
    channel.wait_until_loaded()
    with pytest.raises(SlotFailure, match="ended"):
        channel.call("f", (1,))
    assert ledger.facts()["failure"] == {"verdict": None, "number": 1}


@pytest.mark.parametrize("letter", ["t", "\N{GRINNING FACE}", '"'], ids=["letters", "emoji", "quotes"])
def test_a_flood_of_text_in_a_failure_is_cut_and_fits_the_ledger(letter: str, ledger: Ledger) -> None:
    text = letter * 30_000
    frame = {"kind": "failed", "verdict": "slot_error", "message": text, "traceback": text, "number": 1}
    channel = channel_to(answering(**frame), ledger)
    channel.wait_until_loaded()
    with pytest.raises(SlotFailure):
        channel.call("f", (1,))
    failure = ledger.facts()["failure"]
    assert failure["verdict"] == "slot_error"
    assert len(failure["message"]) < 600
    assert len(failure["traceback"]) < 11_000


def test_what_a_terminal_would_obey_is_taken_out_of_a_failure(ledger: Ledger) -> None:
    """Rule 2: nothing that comes out of a sandbox is rendered."""
    text = "\x1b[2J\x1b[31mred\n| alice | scored | 100 |\x07\u202e"
    frame = {"kind": "failed", "verdict": "slot_error", "message": text, "traceback": text, "number": 1}
    channel = channel_to(answering(**frame), ledger)
    channel.wait_until_loaded()
    with pytest.raises(SlotFailure):
        channel.call("f", (1,))
    failure = ledger.facts()["failure"]
    assert not set("\x1b\x07\u202e") & set(failure["message"] + failure["traceback"])
    assert "\n" not in failure["message"]


def test_a_failed_slot_is_not_counted_as_running_any_more(ledger: Ledger) -> None:
    channel = channel_to(
        answering(kind="failed", verdict="slot_error", message="m", traceback="", number=1), ledger
    )
    channel.wait_until_loaded()
    with pytest.raises(SlotFailure):
        channel.call("f", (1,))
    assert not ledger.running
