"""Judge one attack: it must end as its file says, get nothing, and leave nothing but text."""

from __future__ import annotations

import json
import re
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.gradebook.run_folder import RunFolder
from grader.notebooks.reading import is_code, source, tags
from grader.notebooks.slots import is_slot
from grader.redteam.corpus import AS_HONEST, REACHED, WITHIN_BAND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grader.gradebook.result import Metrics, Result
    from grader.notebooks.reading import Json
    from grader.redteam.corpus import Attack

_LEAST_BAND = 0.02  # of 1, or of the width of the score map where that is more
_SPREADS = 3.0
_HANDED_IN = {"submission.ipynb", "slot.py", "rebuilt.ipynb"}  # the attack's own text stands in these
_PAPERMILL = {"injected-parameters", "papermill-error-cell-tag"}  # cells that papermill adds
_SHOWN_CHARACTERS = 200
_CONTROL = re.compile(r"[^\t\n\x20-\x7e\xa0-\U0010ffff]")  # what a terminal may obey


@dataclass(frozen=True)
class Honest:
    """What the honest slot gets: the baseline's metrics, the top of its band, and the kinds of output in its notebook."""

    baseline: Metrics
    band: float
    kinds: frozenset[str]


def top_of_band(merits: Sequence[float], reference: float, width: float = 1.0) -> float:
    """Return the highest merit within noise: the first plus 3 SD of all, at most halfway to `reference`.

    `merits` are the baseline's under several seeds. Attacks and the reference run under the first. A little above the first is
    always within noise: 0.02, or 2 % of the `width` of a score map that is wider than 1.
    """
    first = merits[0]
    halfway = (reference - first) / 2
    least = _LEAST_BAND * max(1.0, width)
    if halfway > 0:
        least = min(least, halfway)
    return first + max(least, min(_SPREADS * statistics.stdev(merits), halfway))


def judge(attack: Attack, result: Result, honest: Honest, starter: Json, secrets: Iterable[str]) -> list[str]:
    """Return the problems of the grader under an attack; none where it held.

    `secrets` are texts that no output of the run may show.
    """
    notebooks = executed(result)
    texts = [result.message, result.traceback, *result.penalties, *map(_printed, notebooks)]
    shown = [result.message, result.traceback, *(_slots(notebook) for notebook in notebooks)]
    reached = [line for text in texts for line in text.splitlines() if REACHED in line]
    return [
        *_wrong_ending(attack, result, honest),
        *dict.fromkeys(line[:_SHOWN_CHARACTERS] for line in reached),
        *(["a control character is shown"] if any(map(_CONTROL.search, shown)) else []),
        *_shown_secrets(Path(result.run_folder), texts, secrets),
        *(problem for notebook in notebooks for problem in _more_than_text(notebook, starter, honest)),
    ]


def executed(result: Result) -> list[Json]:
    """Return the executed notebooks of a result."""
    repeats = RunFolder(Path(result.run_folder)).executed()
    return [json.loads(repeat.executed.read_text(encoding="utf-8")) for repeat in repeats]


def kinds_of_output(notebook: Json) -> frozenset[str]:
    """Return the kinds of output in a notebook: stream, error, and the media types of what is displayed."""
    kinds: set[str] = set()
    for output in _outputs(notebook):
        kinds |= set(output["data"]) if "data" in output else {output["output_type"]}
    return frozenset(kinds)


def _wrong_ending(attack: Attack, result: Result, honest: Honest) -> list[str]:
    if any(_is(ending, result, honest) for ending in attack.endings):
        return []
    message = result.message[:_SHOWN_CHARACTERS]
    if result.metrics is None:
        return [f"ended as {result.verdict}: {message}"]
    merit, baseline = result.metrics.merit, honest.baseline.merit
    return [f"scored {merit:.4f}, the baseline {baseline:.4f} (band up to {honest.band:.4f}): {message}"]


def _is(ending: str, result: Result, honest: Honest) -> bool:
    if ending == AS_HONEST:
        return result.metrics is not None and result.metrics.per_model == honest.baseline.per_model
    if ending == WITHIN_BAND:
        return result.metrics is not None and result.metrics.merit <= honest.band
    return result.verdict.value == ending


def _shown_secrets(folder: Path, texts: Sequence[str], secrets: Iterable[str]) -> list[str]:
    kept = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in _HANDED_IN]
    contents = {"what it printed": "\n".join(texts).encode("utf-8", "replace")}
    contents |= {str(path.relative_to(folder)): path.read_bytes() for path in kept}
    return [
        f"a secret is shown in {name}"
        for name, content in contents.items()
        if any(secret.encode() in content for secret in secrets)
    ]


def _more_than_text(notebook: Json, starter: Json, honest: Honest) -> list[str]:
    """Return what is not ours in an executed notebook: a cell other than the slot, or output that is not text."""
    problems = []
    cells = [cell for cell in notebook["cells"] if not _PAPERMILL & set(tags(cell))]
    if list(map(_as_compared, cells)) != list(map(_as_compared, starter["cells"])):
        problems.append("the executed notebook has other protected cells than the starter")
    foreign = kinds_of_output(notebook) - honest.kinds - {"stream", "error", "text/plain"}
    if foreign:
        problems.append(f"the executed notebook has output of the kind {', '.join(sorted(foreign))}")
    return problems


def _as_compared(cell: Json) -> tuple[bool, str]:
    return is_code(cell), "the slot" if is_slot(cell) else source(cell)


def _printed(notebook: Json) -> str:
    return "\n".join(_text(output.get("text", "")) for output in _outputs(notebook))


def _slots(notebook: Json) -> str:
    """Return all output of the slot's cell."""
    outputs = _outputs({"cells": [cell for cell in notebook["cells"] if is_slot(cell)]})
    names = ("text", "ename", "evalue", "traceback")
    return "\n".join(_text(output.get(name, "")) for output in outputs for name in names)


def _outputs(notebook: Json) -> list[Json]:
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "".join(value)
