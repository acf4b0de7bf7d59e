"""Draw the recorded bands of every task, and write the page of bands.

    python docs/make_bands.py

`tasks/TASK/bands.svg`, the table in each task's README and docs/bands.md come from `bands.json`, `task.toml` and the first lines of the strategies. A test
fails while they are out of step.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import matplotlib as mpl
from make_readme import filled
from matplotlib.figure import Figure

from grader.grading.bands import (
    LEAST_REFERENCE_POINTS,
    MOST_ERROR,
    MOST_REFERENCE_POINTS,
    MOST_STARTER_POINTS,
    stability_of,
    unstable_answers,
)
from grader.grading.bands_file import counts_processor, read_bands, recorded_bands, seconds_of
from grader.task.spec import Task, discover

BANDS = ("<!-- bands: docs/make_bands.py -->", "<!-- end of bands -->")
PAGE = Path(__file__).parent / "bands.md"
COLOURS = {
    "starter": "#8c8c8c",
    "trick": "#c44e52",
    "idea": "#4c72b0",
    "reference": "#2e8b57",
    "stronger": "#8172b3",
}
STYLE = {"svg.hashsalt": "bands", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}


def bands(task: Task) -> dict[str, Any]:
    """Return what `grader bands` recorded."""
    return read_bands(task.folder / "bands.json")


def mark(task: Task) -> str:
    """Return what a picture is made from, as a hash; it stands in the picture."""
    parts = [
        (task.folder / "bands.json").read_bytes(),
        task.spec.score.model_dump_json(include={"floor", "ceiling"}).encode(),
    ]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def draw(task: Task) -> None:
    """Write `bands.svg`: for each strategy its single runs as dots, their mean as a line."""
    strategies = bands(task)["strategies"]
    floor, ceiling = task.spec.score.floor, task.spec.score.ceiling
    names = sorted(strategies, key=lambda name: task.metric.merit(strategies[name]["value"]["mean"]))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 1.1 + 0.3 * len(names)), layout="constrained")
        axis = figure.subplots()
        axis.axvspan(0, MOST_STARTER_POINTS, color="#8c8c8c", alpha=0.12, lw=0)
        axis.axvspan(LEAST_REFERENCE_POINTS, MOST_REFERENCE_POINTS, color="#2e8b57", alpha=0.15, lw=0)
        for row, name in enumerate(names):
            runs = [
                100 * (value - floor) / (ceiling - floor) for value in strategies[name]["value"]["per_seed"]
            ]
            mean = 100 * (strategies[name]["value"]["mean"] - floor) / (ceiling - floor)
            colour = COLOURS[strategies[name]["role"]]
            axis.plot(runs, [row] * len(runs), "o", color=colour, alpha=0.45, markersize=5, mew=0)
            axis.plot([mean, mean], [row - 0.32, row + 0.32], color=colour, lw=2.5)
        labels = [f"{name.replace('_', ' ')} ({strategies[name]['role']})" for name in names]
        labels = [
            label.replace("starter (starter)", "starter").replace("reference (reference)", "reference")
            for label in labels
        ]
        axis.set_yticks(range(len(names)), labels)
        axis.set_xlabel("points before rounding and clipping; dots are single runs, bars their means")
        axis.secondary_xaxis(
            "top",
            functions=(
                lambda x: floor + x * (ceiling - floor) / 100,
                lambda value: 100 * (value - floor) / (ceiling - floor),
            ),
        ).set_xlabel(task.metric.name)
        axis.spines[["right"]].set_visible(False)
        axis.grid(axis="x", alpha=0.25)
        figure.savefig(
            task.folder / "bands.svg", metadata={"Date": None, "Description": mark(task)}, facecolor="white"
        )


def described(task: Task, name: str) -> str:
    """Return what a strategy does, as its first line says."""
    if name == "starter":
        return "the untouched starter"
    if name == "reference":
        return "the reference solution"
    line = (task.folder / "strategies" / f"{name}.py").read_text(encoding="utf-8").splitlines()[0]
    return line.partition(":")[2].strip()


def table(task: Task) -> str:
    """Return the table of a task's strategies, the best first, and how it was measured."""
    recorded = bands(task)
    strategies, machine, metric = recorded["strategies"], recorded["machine"], task.metric
    seconds, measured = seconds_of(recorded), recorded_bands(recorded)
    stability, unstable = stability_of(measured, task.spec), unstable_answers(measured, task.spec)
    rows = []
    for name in sorted(strategies, key=lambda name: -metric.merit(strategies[name]["value"]["mean"])):
        value = strategies[name]["value"]
        rows.append(
            f"| {described(task, name)} | {strategies[name]['role']} | {metric.text(value['mean'])} ± {metric.text(value['sd'])} "
            f"| {strategies[name]['points']} ± {stability[name].standard_error:.1f}{', unstable' if name in unstable else ''} "
            f"| {stability[name].difference:+.0f} ± {stability[name].difference_error:.1f} | {stability[name].wins} "
            f"| {seconds[name]:.{0 if seconds[name] >= 10 else 1}f} |"
        )
    return "\n".join(
        [
            f"| answer | role | {metric.name}, mean ± SD of single runs | points | to the reference | wins | seconds a run |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            (
                f"Points and the difference to the reference on equal seeds: ± standard error with {task.spec.repeats} repeats. "
                f"{f'Unstable: single runs differ so much that this error is above {MOST_ERROR:g}. ' if unstable else ''}"
                "Wins: seeds on which the reference lost to the answer. "
                f"Seconds: {'of a processor' if counts_processor(recorded) else 'by the clock'}. "
                f"{recorded['seeds']} secret seeds, {recorded['device']}, {machine['cpu']}, {machine['cores']} cores, "
            ),
            f"Python {machine['python']}, {machine['date']}.",
        ]
    )


def section(task: Task) -> str:
    """Return the section of one task."""
    spec = task.spec
    links = (
        f"[starter](../starter_notebooks/{task.id}.ipynb) · [about the task](../tasks/{task.id}/README.md)"
    )
    scale = (
        f"0 points at {spec.score.floor:g}, 100 at {spec.score.ceiling:g}, the mean of {spec.repeats} runs"
    )
    picture = f"![Points of typical answers](../tasks/{task.id}/bands.svg)"
    parts = [
        f"## {spec.title}",
        spec.story,
        f"`{spec.signature}`",
        f"{links} · {scale}",
        picture,
        table(task),
    ]
    return "\n\n".join(parts)


def page(tasks: list[Task]) -> str:
    """Return the page of bands."""
    head = (
        "# Points of typical answers\n\n"
        "**This page gives the ideas of the tasks away: do not show it to students of a running competition.** "
        "[The catalogue](tasks.md) does not.\n\n"
        "It shows how many points typical answers get. `grader bands TASK` measures them by grading them "
        "like any submission. A *trick* does without the idea of the task, an *idea* has part of it, and "
        "a *stronger* answer goes beyond the reference. Points are those of the mean over all seeds. A single submission gets the mean of "
        "fewer runs, so it differs more. Shaded areas show where a starter (gray) and a reference (green) should be.\n\n"
    )
    use = (
        "`grader grade` compares each new machine with these records: starter and reference on the recorded seeds, or with the mean over them "
        "if the task has changed since. [How it decides](instructors.md#does-this-machine-give-the-recorded-points)\n\n"
    )
    return head + use + "\n\n".join(section(task) for task in tasks) + "\n"


def main() -> None:
    """Write the pictures and the page."""
    tasks = discover()
    for task in tasks:
        draw(task)
        readme = task.folder / "README.md"
        readme.write_text(filled(readme.read_text(encoding="utf-8"), BANDS, table(task)), encoding="utf-8")
    PAGE.write_text(page(tasks), encoding="utf-8")


if __name__ == "__main__":
    main()
