"""Check that what protected cells give the student's function can cross to it, and say how much room is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.errors import Verdict
from grader.findings import Finding, found
from grader.lint.task.seeds import decoded
from grader.sandbox.inside import wire
from grader.sandbox.process import crossing_of
from grader.trainer.proxy import ARGUMENTS_OF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.gradebook.result import Result
    from grader.lint.task.notebooks import Subject
    from grader.task.evaluation import Repeat
    from grader.task.limits import Limits

_ROOM = 0.8  # of a cap: other data of the same kind may be a little larger


def check_crossing(subject: Subject, results: Mapping[str, Result], repeat: Repeat) -> Finding:
    """Check that no arguments were refused in a run, and that those of the first call leave room below each cap."""
    refused = {
        result.message
        for result in results.values()
        if result.verdict is Verdict.GRADER_ERROR and ARGUMENTS_OF in result.message
    }
    frames = sorted(repeat.inputs.parent.glob("first_call-*.frame"))
    if refused or not frames:
        return found("arguments", sorted(refused), "no first call was kept; nothing was measured")
    limits = subject.task.spec.limits
    question = decoded(frames[0], limits)
    used = used_of(question, limits)
    wrong = [
        f"the first call of {question['entry']} takes {amount:.3g} of {cap} {unit}; raise limits.{name} in task.toml"
        for name, (amount, cap, unit) in used.items()
        if amount > _ROOM * cap
    ]
    listed = ", ".join(f"{amount:.3g} of {cap} {unit}" for amount, cap, unit in used.values())
    return found("arguments", wrong, f"the first call of {question['entry']} takes {listed}")


def used_of(question: dict[str, Any], limits: Limits) -> dict[str, tuple[float, int, str]]:
    """Return for each field of `[limits]` what a call takes of it, the cap, and the unit of both."""
    frame = wire.frame(question, crossing_of(limits).arguments)
    _, header_bytes, payload_bytes = wire.PREFIX.unpack_from(frame)
    return {
        "argument_mb": (payload_bytes / (1 << 20), limits.argument_mb, "MB of arrays and bytes"),
        "text_mb": (header_bytes / (1 << 20), limits.text_mb, "MB of texts and numbers"),
        "values": (values_of(question), limits.values, "values"),
    }


def values_of(value: Any) -> int:
    """Return how many values `value` is, itself and arrays included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return 1 + sum(map(values_of, inner))
