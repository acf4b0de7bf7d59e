"""Measure predictions by a task's own score.py, in a process of its own with limits."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from grader.errors import ScorerFault, StudentFault, Verdict
from grader.text import visible

if TYPE_CHECKING:
    from pathlib import Path

WALL_SECONDS = 120
DRAWS_SECONDS = 600
MEMORY_MB = 4096
_MODULE = "grader.task.scorer_process"
_MOST_CHARACTERS = 500
_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LANG", "LC_ALL")


def run_scorer(
    source: str, predictions: Path, answers: Path, *, wall_seconds: float = WALL_SECONDS
) -> dict[str, float]:
    """Return what the text of a score.py measures on two npz files, by name.

    Raises StudentFault for an `InvalidOutput` that it raised, and ScorerFault for all else: an exception, a value that is not
    finite, nothing, too much time or memory, a dead process.
    """
    request = {"source": source, "predictions": str(predictions.resolve()), "answers": str(answers.resolve())}
    measured: dict[str, float] = _ask(request, wall_seconds)
    for name, value in measured.items():
        if not math.isfinite(value):
            raise ScorerFault(f"score.py: {_short(name)} is {value}")
    return measured


def run_scorer_on_draws(
    source: str, predictions: Path, answers: Path, draws: Path, *, wall_seconds: float = DRAWS_SECONDS
) -> list[dict[str, float] | None]:
    """Return what the text of a score.py measures on each draw of the rows, None where it fails on it.

    The npz file `draws` has an array (draws, n) of row numbers for each number of rows, n, called by it. Raises as `run_scorer` does.
    """
    files = {"predictions": predictions, "answers": answers, "draws": draws}
    measured: list[dict[str, float] | None] = _ask(
        {"source": source, **{name: str(path.resolve()) for name, path in files.items()}}, wall_seconds
    )
    return measured


def _ask(request: dict[str, Any], wall_seconds: float) -> Any:
    """Return what was measured. Raises StudentFault and ScorerFault."""
    limits = {"memory_mb": MEMORY_MB, "cpu_seconds": math.ceil(wall_seconds)}
    answer = _answer(json.dumps(request | limits) + "\n", wall_seconds)
    if "invalid" in answer:
        raise StudentFault(Verdict.INVALID_OUTPUT, _short(answer["invalid"]))
    if "failed" in answer:
        raise ScorerFault(f"score.py: {_short(answer['failed'])}")
    return answer["measured"]


def _answer(request: str, wall_seconds: float) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    with tempfile.TemporaryDirectory() as folder:
        try:
            process = subprocess.run(
                [sys.executable, "-P", "-m", _MODULE],
                input=request,
                env=environment | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "HOME": folder},
                cwd=folder,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=wall_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ScorerFault(f"score.py took more than {wall_seconds:g} s") from None
    try:
        answer = json.loads(process.stdout)
    except ValueError:
        answer = None
    if process.returncode or not isinstance(answer, dict):
        last = process.stderr.strip().rpartition("\n")[2]
        raise ScorerFault(
            f"the process of score.py ended with exit code {process.returncode} {_short(last)}".rstrip()
        )
    return answer


def _short(text: str) -> str:
    return visible(text)[:_MOST_CHARACTERS]
