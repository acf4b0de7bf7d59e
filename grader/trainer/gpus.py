"""Pack trainers on GPUs: so many on each, and one alone where its share of the memory was too small."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import GraderFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class Place:
    """Where one trainer computes: a GPU as `CUDA_VISIBLE_DEVICES` names it, and its share of that GPU's memory.

    `card` "" leaves the choice to PyTorch, `share` 0.0 the memory.
    """

    card: str = ""
    share: float = 0.0

    def environment(self) -> dict[str, str]:
        """Return what a trainer's environment needs for this place."""
        return {"CUDA_VISIBLE_DEVICES": self.card} if self.card else {}


ANYWHERE = Place()


class Cards:
    """The places on some GPUs, `per_card` on each. Safe to use from several threads."""

    def __init__(self, cards: Sequence[str], per_card: int) -> None:
        self._per_card = per_card
        self._free = dict.fromkeys(cards, per_card)
        self._changed = threading.Condition()
        self._alone_waits = 0
        self._withdrawn = ""  # why the last one was

    @property
    def places(self) -> int:
        """How many trainers fit at once."""
        return self._per_card * len(self._free)

    @contextlib.contextmanager
    def place(self, *, alone: bool = False) -> Iterator[Place]:
        """Yield a place on the GPU with the most free ones; `alone`, a whole GPU. Waits until there is one.

        Raises GraderFault where all of them were withdrawn.
        """
        wanted = self._per_card if alone else 1
        card = self._take(wanted)
        try:
            yield Place(card, wanted / self._per_card if self._per_card > 1 else 0.0)
        finally:
            with self._changed:
                if card in self._free:
                    self._free[card] += wanted
                self._changed.notify_all()

    def withdraw(self, card: str, reason: str) -> None:
        """Let nobody have a place on this GPU any more; who has one keeps it."""
        with self._changed:
            self._free.pop(card, None)
            self._withdrawn = reason
            self._changed.notify_all()

    def _take(self, wanted: int) -> str:
        with self._changed:
            alone = wanted > 1
            self._alone_waits += alone
            # Who wants a whole card goes first: with others always ready it would never be empty.
            self._changed.wait_for(
                lambda: (
                    not self._free
                    or (max(self._free.values()) >= wanted and (alone or not self._alone_waits))
                )
            )
            self._alone_waits -= alone
            if not self._free:
                self._changed.notify_all()
                raise GraderFault(f"no GPU is left: {self._withdrawn}")
            card = max(self._free, key=lambda name: self._free[name])
            self._free[card] -= wanted
            self._changed.notify_all()
            return card


def split(cards: str, count: int) -> list[str]:
    """Return the names of the GPUs that `--gpus` names: "all", or numbers such as "0,1"; `count` are there.

    The names are those of `CUDA_VISIBLE_DEVICES`, so that a scheduler's choice is kept. Raises ValueError with a
    sentence.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    visible = [name.strip() for name in given.split(",") if name.strip()] or [
        str(number) for number in range(count)
    ]
    visible = visible[:count]
    return [visible[number] for number in numbers(cards, len(visible))]


def numbers(cards: str, count: int) -> list[int]:
    """Return which of `count` GPUs `--gpus` names. Raises ValueError with a sentence."""
    if not count:
        raise ValueError("this machine has no GPU")
    if cards == "all":
        return list(range(count))
    parts = [part.strip() for part in cards.split(",")]
    if not all(part.isdecimal() and int(part) < count for part in parts) or len(set(parts)) < len(parts):
        raise ValueError(f"{cards!r} names no GPUs; give all, or numbers from 0 to {count - 1} such as 0,1")
    return [int(part) for part in parts]


def cards() -> int:
    """Return how many CUDA devices PyTorch sees."""
    return int(_asked_of_torch("torch.cuda.device_count()") or 0)


def identities() -> list[str]:
    """Return the UUIDs of the CUDA devices that PyTorch sees, as `CUDA_VISIBLE_DEVICES` takes them, in CUDA's order."""
    about = "[f'GPU-{torch.cuda.get_device_properties(n).uuid}' for n in range(torch.cuda.device_count())]"
    return _asked_of_torch(f"*{about}").split()


def _asked_of_torch(expression: str) -> str:
    """Return what another process prints, and "" where it fails: ours never touches the driver."""
    command = [sys.executable, "-c", f"import torch; print({expression})"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""
