"""Run a student's function in a process of its own that only ever sees the function's arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from grader.errors import GraderFault
from grader.sandbox.bwrap import BubblewrapSandbox, find_bwrap
from grader.sandbox.contract import Sandbox, Slot, SlotSource
from grader.sandbox.plain import PlainSandbox
from grader.sandbox.proof import LIMITS, Check
from grader.sandbox.proof import prove as prove_sandbox

if TYPE_CHECKING:
    from grader.task import Limits

__all__ = ["Backend", "Check", "Sandbox", "Slot", "SlotSource", "find_bwrap", "open_sandbox", "prove"]

Backend = Literal["bubblewrap", "plain"]


def open_sandbox(limits: Limits, *, imports: str, backend: Backend) -> Sandbox:
    """Open a sandbox and return at once; its process imports what `imports` names in the background.

    Raises GraderFault where bubblewrap is asked for and not there.
    """
    kind = BubblewrapSandbox if backend == "bubblewrap" else PlainSandbox
    return kind(limits, imports)


def prove(backend: Backend) -> list[Check]:
    """Try from inside what a sandbox must not allow, in about a second; for the plain back end most of it fails."""
    try:
        opened = open_sandbox(LIMITS, imports="", backend=backend)
    except GraderFault as error:
        return [Check("starts", ok=False, detail=str(error))]
    return prove_sandbox(opened)
