"""Seconds per submission of three graders around the same trainer that does next to nothing: nbgrader, otter, ours.

    pip install -c constraints.txt -e '.[peers]'    # in an environment of its own: sixty packages more
    python benchmarks/peers.py [--submissions 6] [--large 30] [--rounds 3]

Each grades as its documentation says: `nbgrader autograde` on a course folder, `otter run` on one notebook after the
other with an autograder zip, `grader grade` on a folder with one job. The notebooks have the same cells and imports
and a different slot each. What is timed is the wall time of the whole command or commands; making the course, the zip
and the task is not. The graders take turns, and one round before the first warms the disk and checks that a slot that
fails gets no points. A run in which some submission did not get its points is reported, and not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import math
import os
import shutil
import statistics
import sys
from typing import TYPE_CHECKING, Any

from measure import report, spread
from peers.graders import GRADE, PREPARE, Kit, Run, open_kit

if TYPE_CHECKING:
    from collections.abc import Iterable

TARGET = 12.0  # times faster than the better of the two
PEERS = {"nbgrader": "nbgrader", "otter": "otter-grader"}  # tool -> its name on PyPI
ALSO = ("notebook-olympiad", "ipykernel", "nbclient", "torch")  # versions that a figure depends on
ONE_COMMAND = ("nbgrader",)  # a batch is one command, and one submission more costs less than the first
FAILING_SLOT = "def your_answer(values):\n    raise ValueError"

Runs = dict[tuple[str, int], list[Run]]  # (tool, submissions in the batch) -> its run in each round


def measure(kit: Kit, batches: list[tuple[str, int]], rounds: int) -> Runs:
    """Run every (tool, number of submissions) once a round, each round beginning with another one."""
    serial = iter(range(2, 1_000_000))  # no two submissions of this benchmark are alike
    for tool in dict(batches):
        control = GRADE[tool](kit, kit.scratch / f"control-{tool}", [FAILING_SLOT])
        assert control.scores == [0.0], (
            f"{tool} gave {control.scores} to a slot that fails: {control.said.stderr}"
        )
    runs: Runs = {batch: [] for batch in batches}
    for turn in range(rounds):
        first = turn * len(batches) // rounds
        for tool, count in batches[first:] + batches[:first]:
            slots = [f"def your_answer(values):\n    return values * {next(serial)}" for _ in range(count)]
            folder = kit.scratch / f"{turn}-{tool}-{count}"
            runs[tool, count].append(GRADE[tool](kit, folder, slots))
            print(f"round {turn}: {tool} {count}: {runs[tool, count][-1].seconds:.1f} s", file=sys.stderr)
            shutil.rmtree(folder)
    return runs


def describe(runs: list[Run], count: int) -> dict[str, Any]:
    """Return the figures of the runs in which every submission got its points, and say which failed."""
    good = [run for run in runs if run.scores == [1.0] * count]
    found: dict[str, Any] = {
        "submissions": count,
        "expected_scores": f"{sum(run.scores.count(1.0) for run in runs)} of {count * len(runs)}",
    }
    if good:
        found["seconds_per_submission"] = spread([run.seconds / count for run in good])
        found["cpu_seconds_per_submission"] = spread([run.cpu_seconds / count for run in good])
    if len(good) < len(runs):
        found["failed"] = [
            {"scores": run.scores, "said": run.said.stderr[-2000:]} for run in runs if run not in good
        ]
    return found


def per_round(runs: list[Run], count: int) -> list[float]:
    """Return the wall seconds per submission of each round; NaN where some submission did not get its points."""
    return [run.seconds / count if run.scores == [1.0] * count else math.nan for run in runs]


def marginal(runs: Runs, tool: str) -> list[float]:
    """Return, for each round, what one submission more costs: the tool's largest batch less its batch of one.

    For otter, which is started anew for each, that is what every submission costs. NaN where noise hid it.
    """
    count = max(size for name, size in runs if name == tool)
    many = per_round(runs[tool, count], count)
    if (tool, 1) not in runs:
        return many
    ones = per_round(runs[tool, 1], 1)
    more = [(several * count - one) / (count - 1) for several, one in zip(many, ones, strict=True)]
    return [value if value > 0 else math.nan for value in more]


def known(values: list[float]) -> list[float]:
    """Return the values of the rounds that count."""
    return [value for value in values if not math.isnan(value)]


def compare(peers: dict[str, list[float]], own: list[float]) -> dict[str, Any]:
    """Return how many times faster `own` is than the better of `peers`, each a list of seconds by round."""
    medians = {tool: statistics.median(known(values)) for tool, values in peers.items() if known(values)}
    if not medians:
        return {"ratio": "no peer was measured"}
    better = min(medians, key=lambda tool: medians[tool])
    ratios = known([theirs / ours for theirs, ours in zip(peers[better], own, strict=True)])
    if not ratios:
        return {"ratio": "no round of ours and the better peer counts"}
    ratio = spread(ratios)
    return {
        "ratio": ratio,
        "better_peer": better,
        "target": f">= {TARGET:g}",
        "met": ratio["median"] >= TARGET,
    }


def comparisons(runs: Runs, peers: list[str], count: int, large: int) -> dict[str, Any]:
    """Return ours against the better peer: the same batch, a large batch, and one submission more."""
    more = {tool: marginal(runs, tool) for tool in peers}
    return {
        "same_batch": compare(
            {tool: per_round(runs[tool, count], count) for tool in peers},
            per_round(runs["ours", count], count),
        ),
        # a peer's large batch would take minutes: one submission more is the least it can come down to
        "our_large_batch_over_their_marginal": compare(more, per_round(runs["ours", large], large)),
        "marginal": compare(more, marginal(runs, "ours")),
    }


def installed(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of what is installed of `names`."""
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def main() -> None:
    """Measure what is installed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=6, help="in a batch of every tool, at least 2")
    parser.add_argument("--large", type=int, default=30, help="in one more batch of ours")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    count, large = chosen.submissions, chosen.large
    versions = installed([*PEERS.values(), *ALSO])
    peers = [tool for tool, package in PEERS.items() if package in versions]
    batches = [*((tool, count) for tool in peers), ("ours", count)]
    batches += [*((tool, 1) for tool in peers if tool in ONE_COMMAND), ("ours", 1), ("ours", large)]
    load = os.getloadavg()
    with open_kit() as made:
        for tool in peers:
            PREPARE[tool](made)
        runs = measure(made, batches, chosen.rounds)
    figures: dict[str, Any] = {tool: "not installed" for tool in PEERS if tool not in peers}
    for tool in ["ours", *peers]:
        sizes = sorted(size for name, size in runs if name == tool)
        figures[tool] = {f"batch_of_{size}": describe(runs[tool, size], size) for size in sizes}
        if more := known(marginal(runs, tool)):
            figures[tool]["marginal_seconds_per_submission"] = spread(more)
    report(
        "peers",
        versions=versions,
        load_average_before=[round(value, 2) for value in load],
        **figures,
        times_faster_than_the_better_peer=comparisons(runs, peers, count, large),
    )


if __name__ == "__main__":
    main()
