"""The outcome of one check: whether all is well, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_SHOWN = 4


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: whether it is as it should be, and what was seen."""

    name: str
    ok: bool
    detail: str


def found(name: str, wrong: Iterable[str], right: str) -> Finding:
    """Return that `wrong` was found, shortened and each sentence once; where it is empty, that all is well: `right`."""
    sentences = list(dict.fromkeys(wrong))
    shown = "; ".join(sentences[:_MOST_SHOWN])
    if len(sentences) > _MOST_SHOWN:
        shown += f"; and {len(sentences) - _MOST_SHOWN} more"
    return Finding(name, not sentences, shown or right)
