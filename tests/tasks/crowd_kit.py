"""What crowd-kit's Dawid-Skene found in the crowds of the crosschecks, as benchmarks/crowd_kit_labels.py recorded it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

_RECORD = json.loads(Path(__file__).with_name("crowd_kit_labels.json").read_text(encoding="utf-8"))


def recorded_labels(name: str, votes: Any) -> Any:
    """Return the labels (n,) that crowd-kit gave to these votes (n, A); -1 where nobody voted."""
    crowd = _RECORD["crowds"][name]
    digest = hashlib.sha256(np.ascontiguousarray(votes, dtype=np.int64).tobytes()).hexdigest()
    assert digest == crowd["votes"], (
        f"other votes than those recorded: run benchmarks/crowd_kit_labels.py ({name})"
    )
    return np.array([-1 if label == "-" else int(label) for label in crowd["labels"]])
