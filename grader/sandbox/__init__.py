"""Run a student's function in a process of its own that only ever sees the function's arguments."""

from __future__ import annotations

from grader.sandbox.bwrap import find_bwrap
from grader.sandbox.contract import Sandbox, Slot, SlotSource
from grader.sandbox.pool import Walls, open_sandbox
from grader.sandbox.proof import Check, prove

__all__ = ["Check", "Sandbox", "Slot", "SlotSource", "Walls", "find_bwrap", "open_sandbox", "prove"]
