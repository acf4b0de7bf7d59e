"""Measure predictions by a task's score.py: the main program of the scorer process, in which no student code ever ran.

It reads one line of JSON from its input, with the text of score.py, two npz files and its limits, and writes one line: what was
measured, or the sentence of an `InvalidOutput`, or what failed. What score.py prints goes to the error stream. Where the line
names a file of draws, it measures each draw of the rows instead; one that fails is null.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from typing import Any

import numpy as np

with contextlib.suppress(ImportError):  # Windows has no limits of this kind
    import resource

NAME = "score.py"


class InvalidOutput(Exception):  # noqa: N818 -- the name that notebooks have, too
    """The predictions break the task's rules: the student's fault."""


def main() -> None:
    """Answer the one question on the input."""
    request = json.loads(sys.stdin.readline())
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _limit(request["memory_mb"], request["cpu_seconds"])
    try:
        answer: dict[str, Any] = {
            "measured": _measured_draws(request) if "draws" in request else _measured(request)
        }
    except InvalidOutput as error:
        answer = {"invalid": str(error)}
    except BaseException as error:  # noqa: BLE001 -- the author's code; an exit is a failure of it as well
        answer = {"failed": _described(error)}
    with reply:
        reply.write(json.dumps(answer) + "\n")


def _limit(memory_mb: int, cpu_seconds: int) -> None:
    if "resource" in globals():
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _measured(request: dict[str, Any]) -> dict[str, float]:
    score, given, truth = _opened(request)
    return _checked(score(predictions=given, answers=truth))


def _measured_draws(request: dict[str, Any]) -> list[dict[str, float] | None]:
    """Return what each draw of the rows measures; the file of draws has an array (draws, n) for each number of rows, n."""
    score, given, truth = _opened(request)
    draws = _arrays(request["draws"])
    answers: list[dict[str, float] | None] = []
    for number in range(len(next(iter(draws.values())))):
        predictions, known = (
            {name: array[draws[str(len(array))][number]] for name, array in arrays.items()}
            for arrays in (given, truth)
        )
        try:
            answers.append(_checked(score(predictions=predictions, answers=known)))
        except Exception:  # noqa: BLE001 -- the author's code, which may not be made for such rows
            answers.append(None)
    return answers


def _opened(request: dict[str, Any]) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return the function of score.py, the predictions and the answers."""
    names: dict[str, Any] = {"__name__": "score", "InvalidOutput": InvalidOutput}
    exec(compile(request["source"], NAME, "exec"), names)  # noqa: S102 -- the author's code
    return names["score"], _arrays(request["predictions"]), _arrays(request["answers"])


def _arrays(path: str) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as opened:
        return dict(opened)


def _checked(measured: Any) -> dict[str, float]:
    if not isinstance(measured, dict) or not measured:
        raise TypeError(
            f"score() returned a {type(measured).__name__}; a table of names and numbers was expected"
        )
    return {str(name): float(value) for name, value in measured.items()}


def _described(error: BaseException) -> str:
    """Return what was raised, and in which line of score.py."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == NAME]
    where = f" in line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}{where}: {error}"


if __name__ == "__main__":
    main()
