"""Each stage has a fresh process, and what one gives to the next is counted whatever its shape."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sandbox_client import IMPORTS, eventually

from grader.errors import GraderFault
from grader.sandbox import Sandbox, SlotSource
from grader.sandbox.inside import wire
from grader.trainer.instances import class_of
from grader.trainer.ledger import Ledger
from grader.trainer.proxy import Boundary, SlotFailure
from grader.trainer.staged_channel import StagedChannel, StageOver, size_of
from grader.trainer.stages import NEXT, OPEN, StagedSlot

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["sandbox_fixtures"]
STAGES = (
    {"entries": ["your_fit", "your_more"], "max_values": 10, "max_kb": 1},
    {"entries": ["your_predict"], "max_values": 0, "max_kb": 0},
)
SLOT = """
import os, sys
print("loaded")
memory = []
def your_fit(x):
    memory.append(1)
    sys.modules["numpy"].memory = memory
    return [len(memory), x]
def your_more(n):
    return np.zeros(n)
def your_predict(x):
    if x is None:
        os._exit(3)
    return [len(memory), hasattr(np, "memory")]
"""


@contextlib.contextmanager
def program(sandbox: Sandbox, slot: str = SLOT) -> Iterator[tuple[StagedChannel, StagedSlot, Ledger]]:
    """Yield a program of two stages as a trainer has it, the slot behind it, and their ledger."""
    entries = ("your_fit", "your_more", "your_predict")
    staged, ledger = StagedSlot(sandbox, [SlotSource(IMPORTS, slot, entries, 1)] * 2), Ledger()
    with contextlib.closing(staged), contextlib.closing(ledger), staged.socket.dup() as door:
        channel = StagedChannel(door, ledger, Boundary(stages=STAGES))
        channel.wait_until_loaded()
        yield channel, staged, ledger


@pytest.mark.slow
def test_a_stage_remembers_nothing_of_the_one_before(sandbox: Sandbox) -> None:
    with program(sandbox) as (channel, staged, ledger):
        assert [channel.call("your_fit", (5,)) for _ in range(2)] == [[1, 5], [2, 5]]
        assert channel.call("your_predict", (1,)) == [0, False]
        with pytest.raises(StageOver, match="your_more belongs to stage 1, and stage 2 has begun"):
            channel.call("your_more", (1,))
        assert staged.output() == "loaded\nloaded\n"
        assert staged.cpu_seconds() > 0
        assert ledger.calls == 3
        assert "failure" not in ledger.facts()
    assert staged.memory_mb() is not None


LEAVING = """
import glob, os, time
FOLDERS = (os.environ["HOME"], "/tmp", "/dev/shm")
def your_fit(x):
    for folder in FOLDERS:
        try:
            open(folder + "/left", "w").write("learned")
        except OSError:
            pass
    if not os.fork():
        time.sleep(600)
    return os.path.exists(FOLDERS[0] + "/left")
def your_more(n): pass
def your_predict(x):
    processes = [name for name in os.listdir("/proc") if name.isdigit()]
    return [[glob.glob(folder + "/left") for folder in FOLDERS], len(processes)]
"""


@pytest.mark.slow
def test_files_and_processes_that_a_stage_leaves_are_gone_in_the_next(forking: Sandbox) -> None:
    with program(forking, LEAVING) as (channel, _, _):
        assert channel.call("your_fit", (1,)) is True, "it can write"
        files, processes = channel.call("your_predict", (1,))
        assert files == [[], [], []]
        assert processes <= 2, "the slot, and the first process of its namespace"


@pytest.mark.slow
def test_a_stage_that_gives_more_than_it_may_ends_the_run(sandbox: Sandbox) -> None:
    with program(sandbox) as (channel, _, ledger):
        channel.call("your_more", (6,))
        with pytest.raises(SlotFailure, match="gave 11 values to the next; at most 10 values are allowed"):
            channel.call("your_more", (5,))
        assert ledger.facts()["failure"]["verdict"] == "invalid_output"


@pytest.mark.slow
def test_a_process_that_ends_in_a_later_stage_is_explained(sandbox: Sandbox) -> None:
    with program(sandbox) as (channel, staged, ledger):
        channel.call("your_fit", (5,))
        with pytest.raises(SlotFailure, match="ended"):
            channel.call("your_predict", (None,))
        assert ledger.facts()["failure"]["verdict"] is None
        fault = staged.fault()
        assert fault is not None
        assert "exit code 3" in fault.message


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", [GraderFault("no room"), OSError(24, "Too many open files")], ids=["ours", "the system's"]
)
def test_a_stage_that_cannot_be_started_is_no_fault_of_the_student(
    sandbox: Sandbox, fault: Exception
) -> None:
    with program(sandbox) as (channel, staged, _):
        channel.call("your_fit", (5,))
        staged._sandbox = Broken(fault)
        channel._door.settimeout(60)
        with pytest.raises(RuntimeError, match=f"did not start: .*{fault.args[-1]}"):
            channel.call("your_predict", (1,))
        assert eventually(lambda: not staged._thread.is_alive())


class Broken:
    """A sandbox that starts nothing any more."""

    name = "broken"

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    def start_slot(self, source: SlotSource) -> Any:
        del source
        raise self.fault

    def is_running(self) -> bool:
        return False

    def close(self) -> None: ...


@dataclass
class Door:
    """A door behind which each stage is a peer whose first frame is `first`, and whose call `failing` fails; the calls are kept."""

    failing: int = 0
    first: dict[str, Any] = field(default_factory=lambda: {"kind": "ready"})
    stages: list[list[dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ours, self._theirs = socket.socketpair()
        threading.Thread(target=self._open, daemon=True).start()

    def _open(self) -> None:
        with self._theirs:
            while self._theirs.recv(len(NEXT)):
                ours, theirs = socket.socketpair()
                self.stages.append([])
                threading.Thread(target=self._serve, args=(ours, self.stages[-1]), daemon=True).start()
                with theirs:
                    socket.send_fds(self._theirs, [OPEN], [theirs.fileno()])

    def _serve(self, sock: socket.socket, calls: list[dict[str, Any]]) -> None:
        with sock, contextlib.suppress(wire.Closed):
            wire.send(sock, self.first)
            while True:
                calls.append(wire.receive(sock))
                answer = {"kind": "answer", "number": len(calls), "value": None}
                words = {"kind": "failed", "verdict": "slot_error", "message": "no", "traceback": ""}
                wire.send(sock, answer | (words if len(calls) == self.failing else {}))


def test_a_failure_in_a_later_stage_has_the_number_of_its_call_in_the_run() -> None:
    door, ledger = Door(failing=2), Ledger()
    with contextlib.closing(ledger), door.ours:
        channel = StagedChannel(door.ours, ledger, Boundary(stages=STAGES, on_error="item"))
        channel.wait_until_loaded()
        channel.call("your_fit", ())
        for _ in range(2):
            channel.call("your_predict", ())
        assert ledger.facts()["items"]["number"] == ledger.calls == 3
        numbers = [[call["number"] for call in stage] for stage in door.stages]
        assert numbers == [[1], [1, 2]], "how many calls there were before is kept from a stage"


def test_the_cell_of_a_later_stage_that_fails_to_load_failed_in_no_call() -> None:
    door, ledger = Door(), Ledger()
    with contextlib.closing(ledger), door.ours:
        channel = StagedChannel(door.ours, ledger, Boundary(stages=STAGES))
        channel.wait_until_loaded()
        channel.call("your_fit", ())
        door.first = {"kind": "failed", "verdict": "slot_error", "message": "no", "traceback": ""}
        with pytest.raises(SlotFailure, match="no"):
            channel.call("your_predict", ())
        assert ledger.facts()["failure"]["number"] == 0


def test_each_stage_drops_its_instances_and_no_others() -> None:
    methods = {"YourFit": ["fit"], "YourGuess": ["fit"]}
    stages = tuple({"entries": [name], "max_values": 0, "max_kb": 0} for name in methods)
    door, ledger = Door(), Ledger()
    with contextlib.closing(ledger), door.ours:
        channel = StagedChannel(door.ours, ledger, Boundary(methods=methods, stages=stages))
        channel.wait_until_loaded()
        first, second = (class_of(channel, name, ["fit"]) for name in methods)
        early, dropped = first(), first()
        del dropped
        early.fit()
        late, other = second(), second()
        del early, other
        gc.collect()
        late.fit()
        late.fit()
    dropped_with = [[call.get("dropped") for call in stage] for stage in door.stages]
    assert dropped_with == [[None, None, [2]], [None, None, [2], None]]
    assert [call.get("instance") for call in door.stages[1]] == [None, None, 1, 1]


@pytest.mark.parametrize(
    ("value", "values", "size"),
    [
        (np.zeros((100, 50), np.float32), 5000, 20_000),
        (torch.zeros(10, dtype=torch.float64), 10, 80),
        ([1, 2.5, True, None], 5, 40),
        ({"w": np.zeros(3), "b": 1}, 7, 56),
        (np.zeros((0, 12345)), 1, 8),
        ([[], {}, (), ""], 5, 40),
        ("x" * 17, 3, 17),
        ("\u0142" * 8, 2, 16),
        (b"x" * 800, 100, 800),
        ({"k" * 80: None}, 12, 96),
        ([np.int8(1).repeat(1)] * 5, 6, 48),
        ([[(1,)]], 4, 32),
    ],
    ids=["array", "tensor", "numbers", "dict", "a shape", "empty", "text", "letters", "bytes", "a key", "small arrays", "nested"],
)  # fmt: skip
def test_no_shape_of_a_value_holds_more_than_is_counted(value: Any, values: int, size: int) -> None:
    assert size_of(value) == (values, size)
