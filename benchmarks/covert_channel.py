"""Bits a second that two slots on one machine can tell each other by how busy they keep its caches and cores.

    python benchmarks/covert_channel.py [--walls any] [--bits 400]

Both must want it: one sweeps through memory, or rests, for each bit; the other times sweeps of its own. What each could learn about
a neighbour who does not take part is less. Bits are sent by the clock that both read. Errors are those of a threshold
between the two halves of a known beginning, and the capacity that of a binary symmetric channel with as many.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from measure import report

from grader.sandbox import SlotSource
from grader.sandbox.inside import wire
from grader.sandbox.pool import SandboxSource
from grader.sandbox.proof import required_walls
from grader.task.limits import Limits

if TYPE_CHECKING:
    from grader.sandbox import Sandbox

SEND = """
import time
import numpy as np
memory = np.zeros(64 << 17)
def turn(bits, begin, seconds):
    for number, bit in enumerate(bits):
        end = begin + (number + 1) * seconds
        while time.time() < end:
            if bit:
                memory[:] += 1
            else:
                time.sleep(max(0.0, min(0.001, end - time.time())))
    return len(bits)
"""
LISTEN = """
import time
import numpy as np
memory = np.zeros(8 << 17)
def turn(bits, begin, seconds):
    heard = []
    time.sleep(max(0.0, begin - time.time()))
    for number in range(len(bits)):
        end, times = begin + (number + 1) * seconds, []
        while time.time() < end:
            start = time.perf_counter()
            memory.sum()
            times.append(time.perf_counter() - start)
        heard.append(min(times) if times else 0.0)
    return np.array(heard)
"""


def ask(sandbox: Sandbox, program: str, arguments: tuple[Any, ...], answers: dict[str, Any]) -> None:
    """Run `program` in a slot, and keep what its function returns."""
    running = sandbox.start_slot(SlotSource("import numpy as np\n", program, ("turn",), 1))
    wire.receive(running.socket)
    wire.send(running.socket, {"kind": "call", "number": 1, "entry": "turn", "args": arguments})
    answers[program] = wire.receive(running.socket)["value"]
    running.close()


def errors(source: SandboxSource, limits: Limits, bits: np.ndarray, seconds: float) -> float:
    """Return the share of `bits` (n,) that the listener takes for the other one."""
    answers: dict[str, Any] = {}
    arguments = (bits, time.time() + 2, seconds)
    with contextlib.closing(source.open(limits)) as one, contextlib.closing(source.open(limits)) as other:
        threads = [
            threading.Thread(target=ask, args=(sandbox, program, arguments, answers))
            for sandbox, program in ((one, SEND), (other, LISTEN))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    heard, known = answers[LISTEN], len(bits) // 4
    levels = [np.median(heard[:known][bits[:known] == bit]) for bit in (0, 1)]
    taken = (heard[known:] > sum(levels) / 2) == (levels[1] > levels[0])
    return float(np.mean(taken != bits[known:].astype(bool)))


def capacity(share: float) -> float:
    """Return the bits that one sent bit is worth if that share of them is taken for the other one (Shannon 1948)."""
    share = min(share, 0.5)
    if not share:
        return 1.0
    return 1 + share * math.log2(share) + (1 - share) * math.log2(1 - share)


def main() -> None:
    """Measure at several speeds and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--walls", choices=["any", "namespaces", "landlock"], default="any")
    parser.add_argument("--bits", type=int, default=400)
    told = parser.parse_args()
    limits = Limits(memory_mb=1024)
    walls = required_walls(limits) if told.walls == "any" else told.walls
    bits = np.random.default_rng(0).integers(0, 2, told.bits)
    figures = {}
    with contextlib.closing(SandboxSource("import numpy as np\n", limits, walls)) as source:
        for milliseconds in (5, 10, 20, 50):
            share = errors(source, limits, bits, milliseconds / 1000)
            figures[f"{milliseconds} ms a bit"] = {
                "errors": round(share, 3),
                "bits_a_second": round(capacity(share) * 1000 / milliseconds, 1),
            }
    report("covert_channel", walls=walls, bits=told.bits, figures=figures)


if __name__ == "__main__":
    main()
