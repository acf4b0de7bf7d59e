"""Make one finding of the sentences that a check has to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.doctor import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Finding", "found"]

_MOST_SHOWN = 4


def found(name: str, wrong: Iterable[str], right: str) -> Finding:
    """Return that `wrong` was found, shortened and each sentence once; where it is empty, that all is well: `right`."""
    sentences = list(dict.fromkeys(wrong))
    shown = "; ".join(sentences[:_MOST_SHOWN])
    if len(sentences) > _MOST_SHOWN:
        shown += f"; and {len(sentences) - _MOST_SHOWN} more"
    return Finding(name, not sentences, shown or right)
