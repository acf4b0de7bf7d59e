"""Choose what confines a slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from grader.sandbox.alone import AloneSandbox, can_fork
from grader.sandbox.bwrap import BubblewrapSandbox
from grader.sandbox.plain import PlainSandbox

if TYPE_CHECKING:
    from grader.sandbox.contract import Sandbox
    from grader.task.spec import Limits

Backend = Literal["bubblewrap", "plain"]


def open_sandbox(limits: Limits, *, imports: str, backend: Backend) -> Sandbox:
    """Open a sandbox and return at once; its process imports what `imports` names in the background.

    Raises GraderFault where bubblewrap is asked for and not there.
    """
    if backend == "plain" and not can_fork():
        return AloneSandbox(limits)
    kind = BubblewrapSandbox if backend == "bubblewrap" else PlainSandbox
    return kind(limits, imports)
