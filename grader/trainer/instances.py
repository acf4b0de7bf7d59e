"""Stand in for a student's class inside the trainer: an instance is a number, what it stands for stays in the student's process.

The number is the trainer's own, that of the call that made the instance. Nothing that a slot sends is ever taken for one.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grader.trainer.proxy import Channel
    from grader.trainer.staged_channel import StagedChannel


def class_of(channel: Channel | StagedChannel, name: str, methods: Sequence[str]) -> type:
    """Return a class called `name`: to make an instance, and to call one of its `methods`, is a call of the student's.

    What other attributes the student's instances have cannot be seen, and none is copied: a copy would be the same object there,
    and gone with the first of the two.
    """

    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        number = channel.construct(name, args, kwargs)
        self.call_number = number
        weakref.finalize(self, channel.forget, number).atexit = False

    def refuse_copy(self: Any, protocol: int) -> NoReturn:
        del self, protocol
        raise TypeError(f"a {name} cannot be copied: the object it stands for stays in the student's process")

    body = {method: _method(channel, f"{name}.{method}") for method in methods}
    doc = "Stands for the student's class; takes and returns plain values and arrays."
    return type(name, (), {"__init__": construct, "__reduce_ex__": refuse_copy, "__doc__": doc, **body})


def _method(channel: Channel | StagedChannel, entry: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return channel.call(entry, args, kwargs, instance=self.call_number)

    call.__qualname__ = entry
    return call
