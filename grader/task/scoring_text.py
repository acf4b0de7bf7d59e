"""Write how a task is scored into its notebook: the rule for the statement, and the code that students and grader share."""

from __future__ import annotations

import inspect
import json
import textwrap
from functools import partial
from typing import TYPE_CHECKING

from grader.task.scorers import SCORE_FILE, scorer_named
from grader.task.scoring import SHARED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.task.score_table import Part, Score
    from grader.task.spec import Task

SCORE_PLACEHOLDER = "# {{ score.py }}"
RULES_PLACEHOLDER = "{{ score.rules }}"
_PICK = f"answers.get(name, answers.get({SHARED!r}))"
_LINEAR = '''
def linear(value, points, floor, ceiling):
    """Return the points of a part that rise evenly from its floor to its ceiling."""
    return points * min(max((value - floor) / (ceiling - floor), 0.0), 1.0)
'''


def scoring_rules(task: Task) -> str:
    """Return the rule as Markdown: the formula of one map, or the table of the parts."""
    score, metric = task.spec.score, task.metric
    if score.parts:
        rows = [f"| {part.label} | {part.points:g} | {part.rule} |" for part in score.parts]
        rows += [f"| {gate.label} | | {gate.rule} |" for gate in score.gates]
        table = "\n".join(["| part | points | rule |", "|---|---|---|", *rows])
        return f"{table}\n\nEach evaluation earns the points of its parts; their mean is rounded."
    worse, better = ("below", "above") if metric.best == "high" else ("above", "below")
    formula = (
        rf"$$\text{{points}} = \text{{round}}\left(100 \cdot \frac{{\text{{{metric.heading}}} - {score.floor:g}}}"
        rf"{{{score.ceiling:g} - {score.floor:g}}}\right)$$"
    )
    ends = (
        f"**0 points at {metric.heading} {score.floor:g}** and {worse}, "
        f"**100 points at {metric.heading} {score.ceiling:g}** and {better}."
    )
    return f"{formula}\n\n{ends}"


def scoring_code(task: Task) -> str:
    """Return the code of a cell that defines `score` and `performance` as the grader computes them.

    Both take tables of arrays by name, as keywords: `predictions`, and `answers` as in `answers.npz`.
    """
    own = task.spec.metric.scorer == SCORE_FILE
    parts = [task.score_source.strip() if own else _named(task)]
    parts += [_LINEAR.strip()] if any(not part.steps for part in task.spec.score.parts) else []
    return "\n\n\n".join(["import statistics", *parts, _performance(task.spec.score)])


def _named(task: Task) -> str:
    """Return the source of each metric that is measured, and of `score`, which calls them."""
    needs = task.spec.score.measures
    keys = [need.metric for need in needs] or [task.spec.metric.scorer]
    texts = list(dict.fromkeys(map(_source_of, keys)))
    if not needs:
        returned = f"{{name: {_call(keys[0])} for name in sorted(predictions)}}"
    else:
        rows = []
        for need in needs:
            names = f"[{need.predictions!r}]" if need.predictions else "sorted(predictions)"
            rows.append(
                f"{json.dumps(need.label)}: statistics.fmean([{_call(need.metric)} for name in {names}]),"
            )
        returned = "{\n        " + "\n        ".join(rows) + "\n    }"
    what = "what each part measures" if needs else f"the {task.metric.name} of each array of predictions"
    texts.append(
        f'def score(predictions, answers):\n    """Return {what}; both arguments are tables of arrays by name."""\n    return {returned}'
    )
    return "\n\n\n".join(texts)


def _source_of(key: str) -> str:
    """Return the text of a metric without its annotations, which a notebook has no need for."""
    function = scorer_named(key).compare
    whole = inspect.unwrap(function.func if isinstance(function, partial) else function)
    text = textwrap.dedent(inspect.getsource(whole))
    return text.replace(": NDArray[Any]", "").replace(" -> NDArray[Any]", "").replace(" -> float", "")


def _call(key: str) -> str:
    function = scorer_named(key).compare
    if not isinstance(function, partial):
        return f"{function.__name__}({_PICK}, predictions[name])"
    options = "".join(f", {name}={value!r}" for name, value in function.keywords.items())
    return f"{function.func.__name__}({_PICK}, predictions[name]{options})"


def _performance(score: Score) -> str:
    lines = [
        "def performance(predictions, answers):",
        '    """Return the points (0 to 100) of one evaluation."""',
        "    values = score(predictions=predictions, answers=answers)",
    ]
    if not score.parts:
        lines += [
            f"    floor, ceiling = {score.floor!r}, {score.ceiling!r}  # 0 and 100 points",
            "    share = (statistics.fmean(values.values()) - floor) / (ceiling - floor)",
            "    return round(100 * min(max(share, 0.0), 1.0))",
        ]
        return "\n".join(lines)
    for gate in score.gates:
        lines += [
            f"    if not values[{json.dumps(gate.label)}] {_bound(gate.at_least, gate.at_most)}:",
            "        return 0",
        ]
    lines += ["    earned = [", *(f"        {_earned(part)}," for part in score.parts), "    ]"]
    return "\n".join([*lines, "    return round(100 * min(max(sum(earned) / 100, 0.0), 1.0))"])


def _earned(part: Part) -> str:
    value = f"values[{json.dumps(part.label)}]"
    if not part.steps:
        return f"linear({value}, {part.points!r}, {part.floor!r}, {part.ceiling!r})"
    steps: Sequence[str] = [
        f"{step.points!r} * ({value} {_bound(step.at_least, step.at_most)})" for step in part.steps
    ]
    return f"max({', '.join(steps)})" if len(steps) > 1 else steps[0]


def _bound(at_least: float | None, at_most: float | None) -> str:
    return f">= {at_least!r}" if at_least is not None else f"<= {at_most!r}"
