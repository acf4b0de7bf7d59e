"""A long batch must not run out of file descriptors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.sandbox import SlotSource, open_sandbox
from grader.task.limits import Limits

SLOT = "def answer():\n    return 1\n"


@pytest.mark.slow
def test_sandboxes_and_slots_leave_no_descriptor_open() -> None:
    def one() -> None:
        sandbox = open_sandbox(Limits(), imports="", walls="namespaces")
        slot = sandbox.start_slot(SlotSource("", SLOT, ("answer",), 0))
        slot.close()
        sandbox.close()

    one()
    before = len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))
    for _ in range(4):
        one()
    assert len(list(Path(f"/proc/{os.getpid()}/fd").iterdir())) <= before
