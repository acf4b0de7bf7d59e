"""Check the recorded bands: by the score map of today, no trick comes near the points of the idea."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.findings import Finding, found
from grader.grading.bands import MOST_TRICK_POINTS
from grader.grading.bands_file import damaged, read_bands
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
    earned = {name: points(mean, score_map) for name, mean in _tricks(path).items()}
    wrong = [
        f"the trick {name} gets {trick} points; at most {MOST_TRICK_POINTS} were expected"
        for name, trick in earned.items()
        if trick > MOST_TRICK_POINTS
    ]
    best = f"the best of {len(earned)} gets {max(earned.values())} points" if earned else "none was measured"
    return found("tricks", wrong, f"{best} (at most {MOST_TRICK_POINTS})")


def _tricks(path: Path) -> dict[str, float]:
    """Return the mean of each trick."""
    strategies = read_bands(path)["strategies"]
    try:
        return {
            name: float(band["value"]["mean"]) for name, band in strategies.items() if band["role"] == "trick"
        }
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error
