"""Check the honest submission once for several attacks, and find out which of them is to blame where it is graded otherwise.

What an attack does to the machine is looked for after every one. Whether the next submission is still graded as before
takes a whole run, so it is asked after a window of attacks. Where the answer is no, the attacks of the window are faced
again one by one, each with its own check, and with everything started anew after each that is found to blame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.redteam.corpus import Attack

WINDOW = 8  # attacks between two honest submissions


class Attackable(Protocol):
    """What attacks are faced by: an arena."""

    def face(self, attack: Attack) -> object:
        """Grade `attack`."""

    def honest_difference(self) -> str:
        """Grade the honest submission and return how it ended otherwise than before any attack; "" where it did not."""

    def renew(self) -> None:
        """Start everything anew, from the files that were there before any attack."""


def culprits(arena: Attackable, window: Sequence[Attack]) -> dict[str, str]:
    """Return the attacks of `window`, which were just faced, that change how the honest submission is graded, and how.

    Where none of them does so alone, all of them are to blame together.
    """
    together = arena.honest_difference()
    if not together:
        return {}
    arena.renew()
    if len(window) == 1:
        return {window[0].name: f"the submission after it was graded otherwise: {together}"}
    blamed: dict[str, str] = {}
    for attack in window:
        arena.face(attack)
        if alone := arena.honest_difference():
            blamed[attack.name] = f"the submission after it was graded otherwise: {alone}"
            arena.renew()
    names = ", ".join(attack.name for attack in window)
    jointly = f"the submission after {names} was graded otherwise, and after none of them alone: {together}"
    return blamed or {attack.name: jointly for attack in window}
