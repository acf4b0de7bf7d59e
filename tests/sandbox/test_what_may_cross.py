"""The page docs/what_may_cross.md shows what crosses: its examples do, its numbers and sentences are those of the code."""

from __future__ import annotations

import re
import socket
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sandbox_client import cross

from grader.sandbox.inside import wire
from grader.sandbox.process import crossing_of
from grader.task.limits import Limits
from grader.task.spec import Spec
from grader.trainer.ledger import Ledger
from grader.trainer.proxy import Boundary, Channel, UnsendableArguments

if TYPE_CHECKING:
    from grader.task.spec import Task

PAGE = (Path(__file__).parents[2] / "docs" / "what_may_cross.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    """Return a block of the page of this language."""
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number])


@pytest.mark.parametrize("call", block("python").splitlines())
def test_each_example_crosses_both_ways(call: str) -> None:
    calls: list[Any] = []

    def record(*args: Any, **kwargs: Any) -> None:
        calls.append((args, kwargs))

    exec(call, {"np": np, "torch": torch} | dict.fromkeys(re.findall(r"your_\w+", call), record))
    for caps in (wire.Crossing().arguments, wire.Crossing().returns):
        assert repr(cross(calls[0], caps)) == repr(calls[0])


def test_values_may_be_nested_as_deep_as_the_page_says_in_both_directions() -> None:
    levels = int(re.findall(r"nested up to (\d+) levels", PAGE)[0])
    value: Any = 1
    for _ in range(levels):
        value = [value]
    frames = [
        {"kind": "call", "number": 1, "entry": "f", "args": (value,)},
        {"kind": "answer", "number": 1, "value": value},
    ]
    assert [cross(frame) for frame in frames] == frames
    with pytest.raises(wire.Unsendable, match="nested deeper"):
        wire.frame({**frames[0], "args": ([value],)})


def test_the_table_of_sizes_and_the_example_are_fields_of_limits() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE)
    assert {name: int(default) for name, default in rows} == {
        name: getattr(Limits(), name) for name in ("argument_mb", "return_mb", "text_mb", "values")
    }
    limits = Limits.model_validate(tomllib.loads(block("toml"))["limits"])
    assert crossing_of(limits) == wire.Crossing(argument_mb=256, text_mb=8, values=500_000)


def test_the_stages_of_the_page_are_a_task(toy_task: Task) -> None:
    tables = tomllib.loads(block("toml", 1))
    toy = tomllib.loads((toy_task.folder / "task.toml").read_text(encoding="utf-8"))
    spec = Spec.model_validate(toy | {"entries": ["your_fit", "your_predict"]} | tables)
    assert [(stage.max_values, stage.max_kb) for stage in spec.stages] == [(50_000, 200), (0, 0)]
    calls = re.findall(r"(\w+)\(", block("text"))
    assert calls == [name for stage in spec.stages for name in stage.entries]


def test_the_sentence_is_that_of_the_trainer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(UnsendableArguments) as raised:
        Channel(ours, Ledger(), Boundary()).call("your_fit", ([0] * 100_000,))
    assert block("text", 1) == f"Training (cell 14): {raised.value}\n"


REFUSED = {
    "set": {1},
    "generator": (x for x in "a"),
    "texts": np.array(["a"]),
    "complex": 1j,
    "sparse": torch.zeros(2, 2).to_sparse(),
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED.keys())
def test_what_the_page_says_is_refused_is_refused(value: Any) -> None:
    with pytest.raises(wire.Unsendable):
        wire.frame(value)
