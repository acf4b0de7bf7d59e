"""Read two clocks at once: the wall clock, which rules and receipts go by, and one that only moves forward, for leases."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Moment:
    """One reading of a machine's clocks.

    `wall` is the time in UTC. `ticks` are seconds of a clock that all processes of this machine share until it is started
    anew, which `boot` names; no administrator and no time server moves it.
    """

    wall: datetime
    ticks: float
    boot: str

    @property
    def text(self) -> str:
        """The time as ISO 8601 in UTC, to the millisecond."""
        return iso(self.wall)

    @property
    def offset(self) -> float:
        """Seconds between the two clocks: another offset on the same boot means that the wall clock was moved."""
        return self.wall.timestamp() - self.ticks


def read_clocks() -> Moment:
    """Return what the clocks of this machine show now."""
    return Moment(datetime.now(UTC), time.monotonic(), _boot())


def iso(moment: datetime) -> str:
    """Return a time with its zone as ISO 8601 in UTC, to the millisecond: as texts, these sort like the times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""  # no Linux: the clock of this boot is the only one known
