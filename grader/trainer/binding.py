"""Bind the entries of a task to the student's process, inside the trainer: the one file of it that imports torch."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from grader.sandbox.inside.loopback import connect
from grader.trainer.instances import class_of
from grader.trainer.ledger import Ledger
from grader.trainer.proxy import ENVIRONMENT, FIRST_CALL, Boundary, Channel
from grader.trainer.staged_channel import StagedChannel

if TYPE_CHECKING:
    from collections.abc import Callable


def open_slot(entries: list[str]) -> list[Callable[..., Any]]:
    """Return one function or class for each of `entries`, bound to this trainer's slot process.

    Raises SlotFailure where the student's cell could not be loaded.
    """
    given = json.loads(os.environ[ENVIRONMENT])
    exchange = given["exchange"]
    ledger = Ledger.at(given["ledger"]) if exchange else Ledger(given["ledger"])
    cuda = torch.cuda.is_available()
    ledger.note(device=torch.cuda.get_device_name(0) if cuda else "cpu")
    if cuda and given["card_share"]:
        torch.cuda.set_per_process_memory_fraction(given["card_share"])  # others run on the same card
    boundary = Boundary.from_json(given["boundary"])
    open_channel = StagedChannel if boundary.stages else Channel
    channel = open_channel(
        connect(**exchange) if exchange else socket.socket(fileno=given["socket"]),
        ledger,
        boundary,
        first_call=Path(FIRST_CALL)
        if given["keep_first_call"]
        else None,  # in the run folder, where the trainer runs
    )
    channel.wait_until_loaded()
    methods = boundary.methods
    return [
        class_of(channel, entry, methods[entry]) if entry in methods else _bind(channel, entry)
        for entry in entries
    ]


def _bind(channel: Channel | StagedChannel, entry: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return channel.call(entry, args, kwargs)

    call.__name__ = call.__qualname__ = entry
    call.__doc__ = "Call the student's function in its sandbox; takes and returns plain values and arrays."
    return call
