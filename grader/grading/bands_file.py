"""Read a task's `bands.json`, whichever version of the program wrote it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors
from grader.grading.bands import Band, SeedValues

if TYPE_CHECKING:
    from pathlib import Path

_OLDER_NAME = "balanced_accuracy"  # of `value`, when tasks measured nothing else


def read_bands(path: Path) -> dict[str, Any]:
    """Return the content of a `bands.json`, with what each answer's runs measured as its `value`.

    Raises UsageError where the file is damaged.
    """
    with reporting_os_errors(READ, path):
        text = path.read_text(encoding="utf-8")
    try:
        content: dict[str, Any] = json.loads(text)
        for band in content["strategies"].values():
            band["value"] = band.pop(_OLDER_NAME, None) or band["value"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(path, error) from error
    return content


def seconds_of(content: dict[str, Any]) -> dict[str, float]:
    """Return how long a run of each answer takes, from the content of a whole `bands.json`: its processor seconds.

    Where only the reference's are known, those of others are in proportion to what the clock said. Older records know the
    clock alone.
    """
    bands, reference = content["strategies"], content["strategies"]["reference"]
    scale = 1.0
    if counts_processor(content) and reference["seconds_per_seed"] > 0:
        scale = reference["processor_seconds"] / reference["seconds_per_seed"]
    return {
        name: float(band.get("processor_seconds") or scale * band["seconds_per_seed"])
        for name, band in bands.items()
    }


def counts_processor(content: dict[str, Any]) -> bool:
    """Return whether the seconds of a `bands.json` are those of a processor, not of the clock."""
    return bool(content["strategies"]["reference"].get("processor_seconds"))


def damaged(path: Path, error: Exception) -> UsageError:
    """Return the error of a `bands.json` that cannot be used."""
    return UsageError(f"{path} is damaged: {type(error).__name__}: {error}; measure it again")


def recorded_bands(content: dict[str, Any]) -> dict[str, Band]:
    """Return the band of each answer in the content of a whole `bands.json`."""
    return {
        name: Band(**{**band, "value": SeedValues(**band["value"])})
        for name, band in content["strategies"].items()
    }
