"""Slow down who guesses codes: after some failures, an address or a code has to wait."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_KEYS = 10_000  # remembered at a time; the one that failed longest ago is forgotten first


@dataclass(frozen=True)
class FailureLimit:
    """So many failures in so many seconds."""

    failures: int
    seconds: float


# A school may have one address, so an address has many tries; 39 secret bits of a code withstand them.
PER_ADDRESS = FailureLimit(100, 600.0)
PER_CODE = FailureLimit(10, 600.0)


class Throttle:
    """Counts failures by key. May be used by several threads; `clock` gives seconds that only go forward."""

    def __init__(self, limit: FailureLimit, clock: Callable[[], float]) -> None:
        self._limit, self._clock = limit, clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str) -> float:
        """Return for how many seconds a key has to wait; 0 where it need not."""
        with self._lock:
            times = self._recent(key)
            if len(times) < self._limit.failures:
                return 0.0
            return times[0] + self._limit.seconds - self._clock()

    def fail(self, key: str) -> None:
        """Count a failure of a key."""
        with self._lock:
            times = self._recent(key)
            times.append(self._clock())
            self._failures[key] = times
            self._failures.move_to_end(key)
            while len(self._failures) > _MOST_KEYS:
                self._failures.popitem(last=False)

    def _recent(self, key: str) -> deque[float]:
        times = self._failures.get(key, deque(maxlen=self._limit.failures))
        while times and times[0] <= self._clock() - self._limit.seconds:
            times.popleft()
        return times
