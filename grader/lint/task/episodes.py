"""Check the judge of an interactive task by runs: it keeps its budget, plays the same game for the same seed, and tells no seed.

Two more players are tried on the first seed. One plays as the baseline does and notes large numbers that it sees; it must earn what the
baseline earned. The other is stubborn and repeats the baseline's first action, with which few games end by themselves.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grader.errors import Verdict
from grader.findings import Finding, found
from grader.gradebook.run_folder import RunFolder
from grader.grading.batch import Job, run_batch
from grader.lint.task.seeds import predictable
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.plan import Watcher
    from grader.lint.task.notebooks import Subject
    from grader.task.evaluation import Repeat
    from grader.task.spec import Spec

_NOTING = """

def _numbers(value):
    inner = value.values() if isinstance(value, dict) else value.tolist() if hasattr(value, "tolist") else value
    if isinstance(inner, int):
        return {inner}
    if isinstance(inner, (str, bytes)) or not hasattr(inner, "__iter__"):
        return set()
    return set().union(*map(_numbers, inner))


def _changed(function):
    def noting(*arguments, **named):
        for number in _numbers([arguments, named]) - _SEEN:
            if number >= 2**16 and len(_SEEN) < 1000:
                _SEEN.add(number)
                print("large number seen:", number)
        return function(*arguments, **named)

    return noting


_SEEN = set()
"""
_STUBBORN = """

def _changed(function):
    first = []

    def stubborn(*arguments, **named):
        if not first:
            first.append(function(*arguments, **named))
        return first[0]

    return stubborn

"""

CHANGES = {"noting": _NOTING, "stubborn": _STUBBORN}


def play_again(
    subject: Subject, repeat: Repeat, *, folder: Path, settings: RunSettings, watcher: Watcher
) -> dict[str, Result]:
    """Grade the two more players on one repeat; return their results by the names "noting" and "stubborn"."""
    task = subject.task
    slot = next(text for _, text in subject.slots())
    submissions = []
    for name, change in CHANGES.items():
        notebook = rebuild(subject.raw[0], slot + change + around(task.spec))
        submissions.append(Submission(f"{name}.ipynb", name, json.dumps(notebook).encode()))
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(task, submissions, [repeat], settings, folder, 1)
    return {result.student: result for result in run_batch(job, watcher)}


def check_episodes(spec: Spec, results: Mapping[str, Result], repeat: Repeat) -> list[Finding]:
    """Return the findings on the judge from the results of all players, whose first repeat is `repeat`."""
    return [
        _check_steps(spec, results),
        _check_same(results["starter"], results["noting"]),
        _check_seen(results["noting"], repeat),
    ]


def around(spec: Spec) -> str:
    """Return the code that puts `_changed` around each entry, and around each method of an entry that is a class."""
    names = [
        name
        for entry in spec.entries
        for name in [f"{entry}.{method}" for method in spec.methods.get(entry, ())] or [entry]
    ]
    lines = [f"{name} = _changed({name})" for name in names]
    return "\n" + "\n".join(lines) + "\n"


def _check_steps(spec: Spec, results: Mapping[str, Result]) -> Finding:
    """Check that no player is called more often than the budget allows, and that a stubborn one comes to an end."""
    budget = spec.interactive.most_calls(sum(map(len, spec.methods.values())))
    wrong, most = [], 0
    for name, result in results.items():
        calls = math.ceil(result.slot_calls / max(1, len(RunFolder(Path(result.run_folder)).repeats())))
        most = max(most, calls)
        if calls > budget:
            wrong.append(f"the {name} is called {calls} times in a run, but [interactive] allows {budget}")
    stubborn = results["stubborn"]
    if stubborn.verdict not in (Verdict.SCORED, Verdict.INVALID_OUTPUT):
        wrong.append(f"a player that repeats its first action ends as {stubborn.verdict}: {stubborn.message}")
    return found("steps", wrong, f"at most {most} calls in a run, of {budget}; a stubborn player ends, too")


def _check_same(starter: Result, noting: Result) -> Finding:
    """Check that the same player earns the same in every episode of the same seed."""
    first, again = (_returns(result) for result in (starter, noting))
    wrong = []
    if first is None or again is None:
        wrong.append(
            f"the baseline did not save what its episodes earned: {starter.message or noting.message}"
        )
    elif first.shape != again.shape or (first != again).any():
        wrong.append(
            "the same player earns something else in another run of the same seed: draw from episode_rng(SEED, number) alone"
        )
    return found(
        "episodes",
        wrong,
        f"the same in two runs of the same seed ({0 if first is None else len(first)} returns)",
    )


def _check_seen(noting: Result, repeat: Repeat) -> Finding:
    """Check that no observation holds the seed of the run, or a number that a generator draws from it."""
    known, seen = predictable(repeat.trainer_seed), _seen(noting)
    wrong = [
        f"an observation holds {number}, the run's SEED or a draw of a generator that starts from it"
        for number in seen
        if number in known
    ]
    return found("observations", wrong[:1], f"{len(seen)} large numbers, no seed of the run among them")


def _returns(result: Result) -> NDArray[np.float64] | None:
    """Return what was saved in the first repeat, all arrays one after the other; None where nothing was."""
    repeats = RunFolder(Path(result.run_folder)).repeats()
    if not repeats or not repeats[0].predictions.exists():
        return None
    with np.load(repeats[0].predictions, allow_pickle=False) as saved:
        return np.concatenate(
            [np.asarray(saved[name], dtype=np.float64).ravel() for name in sorted(saved.files)]
        )


def _seen(result: Result) -> Sequence[int]:
    """Return the large numbers that the player noted."""
    texts = []
    for repeat in RunFolder(Path(result.run_folder)).executed():
        notebook = json.loads(repeat.executed.read_text(encoding="utf-8"))
        texts += [output.get("text", "") for cell in notebook["cells"] for output in cell.get("outputs", [])]
    lines = [
        line for text in texts for line in "".join(text).splitlines() if line.startswith("large number seen:")
    ]
    return [int(line.rpartition(" ")[2]) for line in lines]
