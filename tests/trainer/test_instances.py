"""An instance of the student's class is a number in the trainer; nothing that the slot sends is taken for one."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from grader.sandbox.inside import wire
from grader.trainer.instances import class_of
from grader.trainer.ledger import Ledger
from grader.trainer.proxy import Boundary, Channel, SlotFailure, UnsendableArguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

METHODS = {"YourModel": ["fit", "predict"]}


class Peer:
    """A slot that answers as it is told and keeps the calls that it got."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.ours, self._theirs = socket.socketpair()
        self.calls: list[dict[str, Any]] = []
        threading.Thread(target=self._serve, args=(answers,), daemon=True).start()

    def _serve(self, answers: tuple[dict[str, Any], ...]) -> None:
        with self._theirs, contextlib.suppress(wire.Closed):
            for number, answer in enumerate(answers, start=1):
                self.calls.append(wire.receive(self._theirs))
                wire.send(self._theirs, {"kind": "answer", "number": number, "value": None} | answer)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    made = Ledger()
    yield made
    made.close()


def test_an_instance_is_the_number_of_the_call_that_made_it(ledger: Ledger) -> None:
    peer = Peer({}, {}, {"value": 5})
    model_class = class_of(
        Channel(peer.ours, ledger, Boundary(methods=METHODS)), "YourModel", ["fit", "predict"]
    )
    first, second = model_class(3), model_class(depth=4)
    assert second.predict([1], scale=2) == 5
    assert [call["entry"] for call in peer.calls] == ["YourModel", "YourModel", "YourModel.predict"]
    assert (peer.calls[0]["args"], peer.calls[1]["kwargs"]) == ((3,), {"depth": 4})
    assert [call.get("instance") for call in peer.calls] == [None, None, 2]
    assert peer.calls[2]["kwargs"] == {"scale": 2}
    assert first.call_number == 1


@pytest.mark.parametrize("value", [7, {"instance": 7}, "YourModel", [2]], ids=str)
def test_what_a_slot_answers_to_a_construction_is_never_taken_for_a_handle(
    value: Any, ledger: Ledger
) -> None:
    peer = Peer({"value": value, "instance": 9}, {})
    model = class_of(Channel(peer.ours, ledger, Boundary(methods=METHODS)), "YourModel", ["fit"])()
    model.fit()
    assert peer.calls[1]["instance"] == 1


def test_an_instance_that_is_not_needed_any_more_is_dropped_with_the_next_call(ledger: Ledger) -> None:
    peer = Peer({}, {}, {}, {})
    model_class = class_of(Channel(peer.ours, ledger, Boundary(methods=METHODS)), "YourModel", ["fit"])
    kept, dropped = model_class(), model_class()
    del dropped
    gc.collect()
    kept.fit()
    kept.fit()
    assert [call.get("dropped") for call in peer.calls] == [None, None, [2], None]


def test_an_instance_is_dropped_with_a_later_call_where_the_next_one_cannot_be_sent(ledger: Ledger) -> None:
    peer = Peer({}, {}, {"number": 4})
    model_class = class_of(Channel(peer.ours, ledger, Boundary(methods=METHODS)), "YourModel", ["fit"])
    kept, dropped = model_class(), model_class()
    del dropped
    gc.collect()
    with pytest.raises(UnsendableArguments):
        kept.fit({1})
    kept.fit()
    assert peer.calls[-1]["dropped"] == [2]


def test_an_instance_cannot_be_an_argument_and_has_no_other_attributes(ledger: Ledger) -> None:
    peer = Peer({})
    channel = Channel(peer.ours, ledger, Boundary(methods=METHODS))
    model = class_of(channel, "YourModel", ["fit"])()
    with pytest.raises(UnsendableArguments, match="hold a YourModel, which cannot cross"):
        model.fit(model)
    with pytest.raises(AttributeError):
        model.weights  # noqa: B018


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, pickle.dumps])
def test_an_instance_is_not_copied_as_the_copy_would_be_the_same_object(
    copying: Callable[[object], object], ledger: Ledger
) -> None:
    model = class_of(Channel(Peer({}).ours, ledger, Boundary(methods=METHODS)), "YourModel", ["fit"])()
    with pytest.raises(TypeError, match="a YourModel cannot be copied: the object it stands for"):
        copying(model)


def test_an_instance_that_cannot_be_made_ends_the_run_even_where_calls_cost_items(ledger: Ledger) -> None:
    peer = Peer({"kind": "failed", "verdict": "slot_error", "message": "no", "traceback": ""})
    channel = Channel(peer.ours, ledger, Boundary(on_error="item", methods=METHODS))
    with pytest.raises(SlotFailure):
        class_of(channel, "YourModel", ["fit"])()
