# attack: forging-wire-module  expect: scored=honest
"""Replaces the code that sends answers, in its own process: every answer claims points, a verdict and metrics
as well.

The other side takes from an answer its value and nothing else.
"""

import sys

CLAIMS = {"verdict": "scored", "points": 100, "metrics": {"balanced_accuracy": 1.0}, "failure": None}
CLAIMS |= {"predictions": np.zeros(10, np.int64), "labels": np.zeros(10, np.int64), "penalties": []}
wire = sys.modules.get("grader.sandbox.inside.wire")
if wire is not None:
    true_send = wire.send
    for name in ("caps", "payload_bytes", "header_bytes", "depth", "nodes"):
        object.__setattr__(wire.DEFAULT_CAPS, name, 1 << 60)

    def boasting_send(sock, value, caps=wire.DEFAULT_CAPS):
        return true_send(sock, {**CLAIMS, **value, **{"args": (), "entry": "performance"}}, caps)

    wire.send = boasting_send
for module in [module for name, module in sys.modules.items() if name.startswith("grader.")]:
    for name in ("score", "points", "balanced_accuracy", "open_slot", "Ledger", "performance"):
        if hasattr(module, name):
            reached(f"{name} of {module.__name__} is in this process")


def attack(honest, *arguments):
    return honest(*arguments)
