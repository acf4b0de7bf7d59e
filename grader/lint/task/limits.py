"""Check which machines can grade a task, by what its limits grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.findings import Finding

if TYPE_CHECKING:
    from grader.lint.task.notebooks import Subject


def check_limits(subject: Subject) -> Finding:
    """Return whether the limits can be kept behind all walls; what only some machines or organisers give is no error."""
    needs = subject.task.spec.limits.need_namespaces
    detail = (
        f"{needs} can be graded only where there are namespaces" if needs else "can be kept behind all walls"
    )
    if subject.task.spec.limits.gpu:
        detail += "; limits.gpu is graded only by an organiser who calls grade, regrade, final or contest worker with --allow-gpu"
    return Finding("limits", ok=True, detail=detail)
