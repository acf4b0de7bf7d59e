"""Read from the events how long submissions waited for their grading to begin, and draw it over the contest."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from grader.contest.events import EventKind
from grader.report import charts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grader.contest.events import Event

_STEPS = 40  # of time that the drawing has at most
_LEAST_SECONDS = 60.0  # of a step
_RECENT = timedelta(hours=1)
_HIGH = 0.9
_BEGINS = (EventKind.STARTED, EventKind.VERDICT)  # a verdict without a start: it could not start
_UNWAITED = (EventKind.CANCELLED, EventKind.REPLACED)


@dataclass(frozen=True)
class Wait:
    """A submission that waited from its arrival until its grading began, or it was answered without."""

    received: datetime
    seconds: float


@dataclass(frozen=True)
class WaitingTimes:
    """How long people waited in the last hour, half of them at most and nine of ten at most; None where nobody did.

    `drawing` is SVG over the whole contest, "" where there is nothing to draw yet.
    """

    median_seconds: float | None
    high_seconds: float | None
    drawing: str


def waits_of(events: Iterable[Event]) -> list[Wait]:
    """Return how long each submission waited the first time; replaced and cancelled ones waited for nothing."""
    received: dict[int, datetime] = {}
    waits = []
    for event in events:
        number = event.submission
        if number is None:
            continue
        if event.kind is EventKind.RECEIVED:
            received[number] = datetime.fromisoformat(event.data["received"])
        elif event.kind in _UNWAITED:
            received.pop(number, None)
        elif event.kind in _BEGINS and (since := received.pop(number, None)):
            waits.append(Wait(since, max(0.0, (event.moment - since).total_seconds())))
    return sorted(waits, key=lambda wait: wait.received)


def waiting_times(events: Iterable[Event], now: datetime) -> WaitingTimes:
    """Return how long people waited, lately and over the contest."""
    waits = waits_of(events)
    recent = [wait.seconds for wait in waits if wait.received > now - _RECENT]
    median, high = (statistics.median(recent), _high(recent)) if recent else (None, None)
    return WaitingTimes(median, high, _drawn(waits))


def _drawn(waits: Sequence[Wait]) -> str:
    if len(waits) < 2:
        return ""
    first, last = waits[0].received, waits[-1].received
    step = max(_LEAST_SECONDS, (last - first).total_seconds() / _STEPS)
    steps: dict[int, list[float]] = {}
    for wait in waits:
        number = min(int((wait.received - first).total_seconds() // step), _STEPS - 1)
        steps.setdefault(number, []).append(wait.seconds / 60)
    if len(steps) < 2:
        return ""
    unit, name = charts.time_unit((last - first).total_seconds())
    lines = [
        [(number * step / unit, of(minutes)) for number, minutes in sorted(steps.items())]
        for of in (_high, statistics.median)
    ]
    names = ("nine of ten wait at most", "half wait at most")
    return charts.curve(
        charts.Curve("minutes until grading begins", f"{name} since the first attempt", lines, names)
    )


def _high(values: Sequence[float]) -> float:
    """Return what nine of ten values do not exceed."""
    return sorted(values)[math.ceil(_HIGH * len(values)) - 1]
