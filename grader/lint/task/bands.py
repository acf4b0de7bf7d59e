"""Check the recorded bands: by the score map of today, no trick comes near the points of the idea."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors
from grader.findings import Finding, found
from grader.grading.bands import MOST_TRICK_POINTS
from grader.task.scoring import points

if TYPE_CHECKING:
    from pathlib import Path

    from grader.lint.task.notebooks import Subject


def check_bands(subject: Subject) -> Finding:
    """Check that no trick of `bands.json` gets more than `MOST_TRICK_POINTS`; without a record there is nothing to check.

    Raises UsageError where the record is damaged.
    """
    path, score_map = subject.task.folder / "bands.json", subject.task.spec.score
    if not path.is_file():
        return found("tricks", [], f"not measured; run: grader bands {subject.task.id}")
    earned = {name: points(accuracy, score_map) for name, accuracy in _tricks(path).items()}
    wrong = [
        f"the trick {name} gets {trick} points; at most {MOST_TRICK_POINTS} were expected"
        for name, trick in earned.items()
        if trick > MOST_TRICK_POINTS
    ]
    best = f"the best of {len(earned)} gets {max(earned.values())} points" if earned else "none was measured"
    return found("tricks", wrong, f"{best} (at most {MOST_TRICK_POINTS})")


def _tricks(path: Path) -> dict[str, float]:
    """Return the mean balanced accuracy of each trick."""
    with reporting_os_errors(READ, path):
        text = path.read_text(encoding="utf-8")
    try:
        strategies: dict[str, Any] = json.loads(text)["strategies"]
        return {
            name: float(band["balanced_accuracy"]["mean"])
            for name, band in strategies.items()
            if band["role"] == "trick"
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is damaged: {type(error).__name__}: {error}; measure it again") from error
