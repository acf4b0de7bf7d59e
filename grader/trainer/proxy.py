"""Stand in for the student's function inside the trainer: each call crosses to the sandbox and back.

The trainer's protected cells call the entry by its name and get plain arrays; what the student's process
sends is data, whatever it says. A failure there raises `SlotFailure` here, and the ledger keeps the reason.
"""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from grader.errors import Verdict
from grader.sandbox.inside import wire
from grader.sandbox.inside.tracebacks import clean

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from grader.trainer.ledger import Ledger

ENVIRONMENT = "GRADER_SLOT"  # JSON: the two descriptors and `TrainerRun.slot()`
FIRST_CALL = "first_call.frame"
ARGUMENTS_OF = "the arguments of"  # how each sentence of UnsendableArguments begins
_KEPT_BYTES = 64 << 20
# What a student's process may say of itself. All of them are worth 0 points, so lying gains nothing.
_CLAIMS = {
    Verdict.SLOT_ERROR,
    Verdict.INVALID_OUTPUT,
    Verdict.MEMORY_LIMIT,
    Verdict.OUTPUT_LIMIT,
    Verdict.SLOT_CRASHED,
}
_COSTING_AN_ITEM = {Verdict.SLOT_ERROR, Verdict.INVALID_OUTPUT}  # after others the process is gone
_MESSAGE_CHARACTERS, _TRACEBACK_CHARACTERS = 500, 10_000
# Which field of `[limits]` in task.toml raises which cap of arguments.
_SETTINGS = {"payload_bytes": "argument_mb", "header_bytes": "text_mb", "nodes": "values"}
_UNASKED = "the process of your function sent something unasked"


class SlotFailure(Exception):  # noqa: N818 -- the name shown in the executed notebook
    """The student's process failed; the ledger has the verdict."""


class UnsendableArguments(Exception):  # noqa: N818 -- the name shown in the executed notebook
    """Protected code called the student's function with what cannot cross; the task is at fault."""


@dataclass(frozen=True)
class Boundary:
    """What a task lets cross, and what a call that fails costs: the run ("end"), or an item with a default answer.

    `methods` are those of the entries that are classes; `stages` the tables of task.toml, where each has a process of its own.
    """

    crossing: wire.Crossing = field(default_factory=wire.Crossing)
    on_error: str = "end"
    item_default: Any = None
    methods: dict[str, list[str]] = field(default_factory=dict)
    stages: tuple[dict[str, Any], ...] = ()

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Boundary:
        """Return what `asdict` and JSON made of one."""
        return cls(**given | {"crossing": wire.Crossing(**given["crossing"])})


class Channel:
    """The trainer's end of the connection to one fresh process of the student's.

    After a failure that ends the run, each further call raises the same: the first failure is the one that counts.
    """

    def __init__(
        self,
        sock: socket.socket,
        ledger: Ledger,
        boundary: Boundary,
        *,
        receive: Callable[[socket.socket, wire.Caps], Any] = wire.receive,
        first_call: Path | None = None,
        calls_before: int = 0,
    ) -> None:
        """Talk over `sock`; the frame of the first call is kept in the file `first_call`, where one is named.

        `calls_before` were those of earlier stages. Their number is kept from the process, whose frames count from 1.
        """
        self._socket = sock
        self._ledger = ledger
        self._boundary = boundary
        self._receive_value = receive
        self._first_call = first_call
        self._calls_before = calls_before
        self._number = 0
        self._dropped: list[int] = []
        self._failure = ""

    @property
    def calls(self) -> int:
        """How many calls there were, with those of earlier stages."""
        return self._calls_before + self._number

    def wait_until_loaded(self) -> None:
        """Wait for the slot cell to be run in its process.

        Raises SlotFailure where that failed.
        """
        self._ledger.begin(call=False)
        message = self._receive()
        if _text(message.get("kind")) != "ready":
            self._fail(message)
        self._ledger.end()

    def call(
        self,
        entry: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None = None,
        *,
        instance: int | None = None,
    ) -> Any:
        """Return what the student's `entry` answers to `args` and `kwargs`; a method's, on the instance of call `instance`.

        Raises SlotFailure where their process failed, and UnsendableArguments where *our* arguments cannot cross.
        """
        question = {"kind": "call", "number": self._number + 1, "entry": entry, "args": args}
        dropped, self._dropped = self._dropped, []
        more = {"kwargs": kwargs, "dropped": dropped}
        question |= {name: value for name, value in more.items() if value}
        question |= {} if instance is None else {"instance": instance - self._calls_before}
        caps = self._boundary.crossing.arguments
        try:
            if self._first_call is not None:
                _keep(self._first_call, question, caps)
                self._first_call = None
            return self._exchange(entry, lambda: wire.send(self._socket, question, caps))
        except wire.Unsendable as error:
            if self._ledger.running:
                self._ledger.end()  # nothing was sent
            self._dropped += dropped
            raise UnsendableArguments(_advice(entry, error)) from None

    def construct(self, entry: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Return the number of the call that made an instance of the student's class `entry`; it stands for that from now on.

        Raises SlotFailure where that failed, and UnsendableArguments as `call` does.
        """
        self.call(entry, args, kwargs)
        return self.calls

    def forget(self, instance: int) -> None:
        """Let the student's process drop an instance, with the next call; one of an earlier stage is gone already."""
        if instance > self._calls_before:
            self._dropped.append(instance - self._calls_before)

    def refuse(self, verdict: Verdict, message: str) -> NoReturn:
        """End the run as the student's fault: an answer was not allowed. Raises SlotFailure."""
        self._note(verdict, message, "")

    def replay(self, frame: bytes) -> Any:
        """Return the answer to a call that was kept as `first_call`.

        Raises SlotFailure where the student's process failed.
        """
        return self._exchange("", lambda: self._socket.sendall(frame))

    def _exchange(self, entry: str, ask: Callable[[], None]) -> Any:
        if self._failure:
            raise SlotFailure(self._failure)
        self._number += 1
        self._ledger.begin()
        try:
            ask()
        except (wire.Closed, ConnectionError):
            self._gone()
        message = self._receive()
        kind, number = _text(message.get("kind")), _whole(message.get("number"))
        is_item = self._boundary.on_error == "item" and entry not in self._boundary.methods
        if is_item and (kind, number) == ("failed", self._number) and self._costs_an_item(message):
            self._ledger.end()
            return copy.deepcopy(self._boundary.item_default)
        if (kind, number) != ("answer", self._number):
            self._fail(message)
        self._ledger.end()
        return message.get("value")

    def _costs_an_item(self, message: dict[str, Any]) -> bool:
        """Return whether a failed call costs no more than its item; it is counted, and the first one's words are kept."""
        claim, text = _text(message.get("verdict")), _text(message.get("message"))
        if claim not in _COSTING_AN_ITEM or not text:
            return False
        earlier = self._ledger.facts().get("items", {})
        sentence, lines = cleaned(text, _text(message.get("traceback")))
        first = {"message": sentence, "traceback": lines, "number": self.calls}
        self._ledger.note(items=first | earlier | {"count": earlier.get("count", 0) + 1})
        return True

    def _receive(self) -> dict[str, Any]:
        try:
            message = self._receive_value(self._socket, self._boundary.crossing.returns)
        except wire.Closed:
            self._gone()
        except wire.WireError as error:
            self._note(Verdict.INVALID_OUTPUT, f"what your function sent back cannot be read: {error}", "")
        if not isinstance(message, dict):
            self._note(Verdict.SLOT_CRASHED, _UNASKED, "")
        return dict(message)

    def _fail(self, message: dict[str, Any]) -> NoReturn:
        kind, claim, text = (_text(message.get(name)) for name in ("kind", "verdict", "message"))
        if kind != "failed" or claim not in _CLAIMS or not text:
            self._note(Verdict.SLOT_CRASHED, _UNASKED, "")
        self._note(Verdict(claim), text, _text(message.get("traceback")))

    def _gone(self) -> NoReturn:
        # Only the grader can tell why: it watches the process.
        self._end("the process of your function ended", {"verdict": None})

    def _note(self, verdict: Verdict, message: str, traceback: str) -> NoReturn:
        text, lines = cleaned(message, traceback)
        self._end(text, {"verdict": verdict.value, "message": text, "traceback": lines})

    def _end(self, text: str, failure: dict[str, Any]) -> NoReturn:
        if self._ledger.running:
            self._ledger.end()
        if "failure" not in self._ledger.facts():  # of an earlier stage
            self._ledger.note(failure=failure | {"number": self.calls if self._number else 0})
        self._failure = text or "the process of your function failed"
        raise SlotFailure(text) from None


def cleaned(message: str, traceback: str) -> tuple[str, str]:
    """Return what is kept of a failure's message, on one line, and of its traceback."""
    return " ".join(clean(message, _MESSAGE_CHARACTERS).split()), clean(traceback, _TRACEBACK_CHARACTERS)


def _advice(entry: str, error: wire.Unsendable) -> str:
    """Return the sentence on arguments that cannot cross: the entry, the cap, and the setting that raises it."""
    if not error.cap:
        return f"{ARGUMENTS_OF} {entry} hold {error.what}, which cannot cross; pass arrays, numbers, texts or bytes"
    setting = _SETTINGS[error.cap]
    return (
        f"{ARGUMENTS_OF} {entry} hold {error.what}; pass less at once, or raise limits.{setting} in task.toml"
    )


def _keep(path: Path, question: dict[str, Any], caps: wire.Caps) -> None:
    """Keep a call's frame for the gate, which saves time; a disk that cannot take it costs only that."""
    body = wire.frame(question, caps)
    if len(body) <= _KEPT_BYTES:
        with contextlib.suppress(OSError):
            path.write_bytes(body)


def _text(value: Any) -> str:
    """Return a text of a hostile message as it is, and anything else, arrays included, as no text."""
    return value if type(value) is str else ""


def _whole(value: Any) -> int:
    return value if type(value) is int else -1
