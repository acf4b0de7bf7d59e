"""Four labels, so that there is something to score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def make_data(
    public: Path | None,
    inputs: Path | None,
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Build the wanted folders."""
    for folder in (public, inputs, answers):
        if folder is not None:
            folder.mkdir(parents=True)
    if answers is not None:
        np.savez(answers / "answers.npz", labels=np.array([0, 1, 0, 1]))
    return {"seed": seed, "source": source, "size": size}


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build the same again."""
    del public
    return make_data(None, inputs, answers, seed)
