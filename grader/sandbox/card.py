"""A GPU that a student's program may have to itself: what it is called, which device nodes open it, what clears its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderFault

DRIVER, DEVICES = Path("/proc/driver/nvidia"), Path("/dev")
_OF_ALL_CARDS = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")
_CLEAR_SECONDS = 300.0  # PyTorch from a cold disk, and 141 GB
_LAST_CHARACTERS = 300


@dataclass(frozen=True)
class Card:
    """A GPU, by its UUID as `CUDA_VISIBLE_DEVICES` takes it, and the device nodes that a process opens to use it and no other."""

    name: str
    nodes: tuple[Path, ...]


def installed_cards(driver: Path = DRIVER, devices: Path = DEVICES) -> dict[str, Card]:
    """Return the GPUs that NVIDIA's driver names and that have all their nodes, by UUID.

    A number in CUDA's order is not that of a node: only the driver knows which belong together.
    """
    cards = {}
    for path in sorted(driver.glob("gpus/*/information")):
        lines = path.read_text(encoding="utf-8").splitlines()
        about = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        name, minor = about.get("GPU UUID", ""), about.get("Device Minor", "")
        nodes = tuple(devices / node for node in (f"nvidia{minor}", *_OF_ALL_CARDS))
        if name and minor.isdecimal() and all(node.exists() for node in nodes):
            cards[name] = Card(name, nodes)
    return cards


def clear_memory(card: Card) -> None:
    """Fill all memory of a GPU that is free with zeros, in a process of its own, which then ends.

    Raises GraderFault where that fails: nobody may get the GPU then.
    """
    chosen = {"CUDA_VISIBLE_DEVICES": card.name, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    command = [sys.executable, "-m", "grader.sandbox.card_memory"]
    try:
        done = subprocess.run(
            command,
            env=os.environ | chosen,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_CLEAR_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GraderFault(f"the memory of {card.name} was not cleared: {error}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise GraderFault(f"the memory of {card.name} was not cleared: {lines[-1][-_LAST_CHARACTERS:]}")
