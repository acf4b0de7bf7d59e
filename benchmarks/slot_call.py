"""Added time per slot call, for the arrays of a 128-sample batch, for a small observation and for 10 MB of arrays.

    python benchmarks/slot_call.py [--calls 2000]

The same function is called in this process and across the boundary, in turns; added time is the difference of
the medians. Throughput counts the bytes of both directions over the whole time of a call.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import time
from typing import TYPE_CHECKING, Any

import torch
from measure import report, spread

from grader.sandbox import SlotSource, open_sandbox
from grader.task.limits import Limits
from grader.trainer.ledger import Ledger
from grader.trainer.proxy import Boundary, Channel

if TYPE_CHECKING:
    from collections.abc import Callable

SLOT = """
def select(targets, losses):
    order = losses[1].argsort()[: len(targets) // 2]
    return [order, losses[0].argsort()[: len(targets) // 2]]

def act(observation):
    return int(observation["casts"].argmin())

def echo(values):
    return values
"""
LARGE_BYTES = 10 << 20


def timed(call: Callable[..., Any], *args: Any) -> float:
    """Return the wall seconds of one call."""
    begun = time.perf_counter()
    call(*args)
    return time.perf_counter() - begun


def main() -> None:
    """Measure all sizes in one sandbox."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    calls = parser.parse_args().calls
    torch.set_num_threads(1)
    here: dict[str, Any] = {"torch": torch}
    exec(SLOT, here)
    sandbox = open_sandbox(Limits(), imports="import torch", walls="namespaces")
    slot = sandbox.start_slot(SlotSource("import torch", SLOT, ("select", "act", "echo"), 0))
    try:
        channel = Channel(slot.socket, Ledger(), Boundary())
        channel.wait_until_loaded()
        batch = (torch.randint(0, 2, (128,)), [torch.rand(128), torch.rand(128)])
        direct, crossed = [], []
        for _ in range(calls):
            direct.append(timed(here["select"], *batch))
            crossed.append(timed(channel.call, "select", batch))
        observation = {"casts": torch.arange(8).numpy(), "bites": torch.arange(8).numpy(), "night": True}
        acted = [timed(channel.call, "act", (observation,)) for _ in range(calls)]
        large = torch.rand(LARGE_BYTES // 4)
        heavy = [timed(channel.call, "echo", (large,)) for _ in range(max(20, calls // 40))]
    finally:
        slot.close()
        sandbox.close()
    report(
        "slot_call",
        direct_ms=spread([value * 1e3 for value in direct]),
        crossed_ms=spread([value * 1e3 for value in crossed]),
        added_ms=round((statistics.median(crossed) - statistics.median(direct)) * 1e3, 4),
        action_ms=spread([value * 1e3 for value in acted]),
        large_ms=spread([value * 1e3 for value in heavy]),
        gigabytes_per_second=round(2 * LARGE_BYTES / statistics.median(heavy) / 1e9, 2),
        socket=socket.AF_UNIX.name,
        targets={"added_ms": "<= 0.2", "action_ms": "<= 0.2", "gigabytes_per_second": ">= 1"},
    )


if __name__ == "__main__":
    main()
