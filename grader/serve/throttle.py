"""Slow down who guesses codes or floods a form: after so many in a while, an address, a person or a code has to wait."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_KEYS = 10_000  # remembered at a time; the one that was counted longest ago is forgotten first


@dataclass(frozen=True)
class RateLimit:
    """So many in so many seconds."""

    most: int
    seconds: float


# A school may have one address, so an address has many tries; 39 secret bits of a code withstand them.
PER_ADDRESS = RateLimit(100, 600.0)
PER_CODE = RateLimit(10, 600.0)
REFUSALS = RateLimit(1000, 3600.0)  # of sign-ins at providers, which events keep


class Throttle:
    """Counts by key. May be used by several threads; `clock` gives seconds that only go forward."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float]) -> None:
        self._limit, self._clock = limit, clock
        self._counted: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str) -> float:
        """Return for how many seconds a key has to wait; 0 where it need not."""
        with self._lock:
            return self._wait(key)

    def count(self, key: str) -> None:
        """Count one of a key."""
        with self._lock:
            self._count(key)

    def take(self, key: str) -> float:
        """Count one of a key and return 0, or return for how many seconds it has to wait, and count nothing."""
        with self._lock:
            seconds = self._wait(key)
            if not seconds:
                self._count(key)
            return seconds

    def _wait(self, key: str) -> float:
        times = self._recent(key)
        if len(times) < self._limit.most:
            return 0.0
        return times[0] + self._limit.seconds - self._clock()

    def _count(self, key: str) -> None:
        times = self._recent(key)
        times.append(self._clock())
        self._counted[key] = times
        self._counted.move_to_end(key)
        while len(self._counted) > _MOST_KEYS:
            self._counted.popitem(last=False)

    def _recent(self, key: str) -> deque[float]:
        times = self._counted.get(key, deque(maxlen=self._limit.most))
        while times and times[0] <= self._clock() - self._limit.seconds:
            times.popleft()
        return times
