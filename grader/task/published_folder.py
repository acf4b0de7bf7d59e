"""Turn a published competition notebook into the files of a task, with a list of what is left to do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import tomli_w

from grader.notebooks.program import first_magic, parse_or_empty
from grader.notebooks.reading import is_code, labels, source
from grader.task.published import assigned_literal
from grader.task.rules import PARAMETERS
from grader.task.scorers import scorer_named
from grader.task.template import DATA_PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grader.task.published import PublishedNotebook, PublishedSlot

_FLAG = "FINAL_EVALUATION_MODE"
_MAGIC = re.compile(r"^([ \t]*)[%!?](.*)$")
_PLACEHOLDER = re.compile(r"\{\{ (?=[A-Za-z_])")
_DATA = '''"""Build the data of {id}. Not written yet: see README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def make_data(
    public: Path | None,
    inputs: Path | None,
    answers: Path | None,
    seed: int,
    source: str = "embedded",
    *,
    size: str = "default",
) -> dict[str, Any]:
    """Build the wanted folders: `public` for students, `inputs` for the final evaluation, `answers` for the grader alone."""
    raise RuntimeError("make_data of {id} is not written yet: see README.md in its folder")


def rehearse(public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
    """Build `inputs` and `answers` from the public folder alone, for `grader check`."""
    raise RuntimeError("rehearse of {id} is not written yet: see README.md in its folder")
'''
_SAVE = """if FINAL_EVALUATION_MODE:
    raise NotImplementedError("save the predictions: np.savez(PREDICTIONS_PATH, model=...)")"""


def files_of(task_id: str, published: PublishedNotebook) -> dict[str, str]:
    """Return the text of each file of the task, by its path in the task's folder."""
    left = "\n".join(f"{number}. {item}" for number, item in enumerate(left_to_do(published), start=1))
    readme = (
        f"# {published.title or task_id}\n\nMade from a published notebook. To do, in this order:\n\n{left}\n"
    )
    return {
        "task.toml": _toml(task_id, published),
        "notebook.py": notebook_text(task_id, published),
        "data.py": _DATA.format(id=task_id),
        "README.md": readme,
    }


def left_to_do(published: PublishedNotebook) -> list[str]:
    """Return what the author has to do, a sentence each, in the order in which it is best done."""
    entries = [name for slot in published.slots for name in slot.entries]
    items = [
        "data.py: write `make_data` and `rehearse`, with answers that never reach students or the trainer's inputs.",
        "notebook.py: let the protected cells read `DATA_PATH`, which the grader sets, in place of the notebook's own paths and downloads.",
        f"notebook.py: in the last cell, save the predictions of the hidden test inputs where {_FLAG} holds.",
        f"notebook.py: between ### BEGIN SOLUTION and ### END SOLUTION, write the reference for {', '.join(entries)}; the published body stands there.",
        "notebook.py: check what the student's functions return, and raise `InvalidOutput` with a sentence.",
    ]
    if published.drive_ids:
        ids = ", ".join(published.drive_ids)
        items.append(
            f"task.toml: the notebook downloads {ids} from Google Drive; pack your public data, and set `drive_id` and `sha256` in [data]."
        )
    items += [
        f"notebook.py: the slot reads `{name}` of {label}: move it into the slot-imports cell, or make it an argument."
        for name, label in published.elsewhere.items()
    ]
    magics = [
        label
        for cell, label in zip(published.cells, labels({"cells": published.cells}), strict=True)
        if is_code(cell) and first_magic(source(cell))
    ]
    if magics:
        items.append(
            f"notebook.py: lines of IPython (%, !) were skipped in {', '.join(magics)}; see that nothing needs them."
        )
    if not published.flag:
        items.append(
            f"notebook.py: no flag was found; guard what needs public labels with `if not {_FLAG}:`."
        )
    items += _of_settings(published)
    return [
        *items,
        "Run `grader build`, `grader lint --quick`, then add tricks to strategies/ and run `grader bands`.",
    ]


def _of_settings(published: PublishedNotebook) -> Iterator[str]:
    if published.scorer is None:
        yield "task.toml: no metric was recognised; set `scorer` in [metric]."
    if published.ends is None:
        yield "task.toml: no score map was recognised; set `floor` and `ceiling` in [score] by `grader bands`."
    if published.wall_seconds is None:
        yield "task.toml: no time limit was recognised; set `wall_seconds` in [limits]."
    if not published.title or not published.story:
        yield "task.toml: write `title` and `story`."


def _toml(task_id: str, published: PublishedNotebook) -> str:
    slots = published.slots
    scorer = scorer_named(published.scorer or "accuracy")
    low = 1.0 if scorer.best == "low" else 0.0
    floor, ceiling = published.ends or (low, 1.0 - low)
    methods = {name: list(names) for slot in slots for name, names in slot.methods.items() if names}
    tables: dict[str, object] = {
        "title": published.title or task_id,
        "story": published.story or "Not written yet.",
        "version": "0.1",
        "schema": 2,
        "entries": [name for slot in slots for name in slot.entries],
        "signature": ", ".join(text for slot in slots for text in slot.signatures),
        "repeats": 3,
    }
    if methods:
        tables["methods"] = methods
    if len(slots) > 1:
        tables["slots"] = {
            name: list(slot.entries) for slot, name in zip(slots, slot_names(slots), strict=True)
        }
    tables["metric"] = {"scorer": scorer.key}
    tables["score"] = {"floor": floor, "ceiling": ceiling}
    tables["limits"] = {"wall_seconds": published.wall_seconds or 300}
    return tomli_w.dumps(tables)


def slot_names(slots: Iterable[PublishedSlot]) -> list[str]:
    """Return a name for each slot, no two alike."""
    names: list[str] = []
    for slot in slots:
        name = slot.name if slot.name not in names else f"{slot.name[:27]}_{len(names) + 1}"
        names.append(name)
    return names


def notebook_text(task_id: str, published: PublishedNotebook) -> str:
    """Return the author's notebook, py:percent: the published cells with our tags, and those that the grader needs."""
    names = slot_names(published.slots) if len(published.slots) > 1 else [""]
    tags = {
        slot.index: f"slot:{name}" if name else "slot"
        for slot, name in zip(published.slots, names, strict=True)
    }
    first_code = next(index for index, cell in enumerate(published.cells) if is_code(cell))
    parts: list[str] = [] if first_code else [_prose(f"# {published.title or task_id}")]
    for index, cell in enumerate(published.cells):
        if index == first_code:
            parts += _setup(task_id, published)
        if index == min(tags):
            parts += [
                _prose("Your functions may use these imports."),
                _code("\n".join(published.imports or ("import numpy as np",)), "slot-imports"),
            ]
        text = _PLACEHOLDER.sub("{{", source(cell))
        if index in tags:
            parts.append(_code(_both_faces(text), tags[index]))
        elif is_code(cell):
            parts.append(_code(_without_parameters(text, published.flag)))
        elif cell.get("cell_type") == "markdown":
            parts.append(_prose(text))
    return "\n\n".join([*parts, _prose("## Saving"), _code(_SAVE)]) + "\n"


def _setup(task_id: str, published: PublishedNotebook) -> list[str]:
    values = {
        _FLAG: False,
        "DATA_PATH": f"data/{task_id}",
        "PREDICTIONS_PATH": "predictions.npz",
        "SEED": 0,
        "DEVICE": "auto",
    }
    lines = [
        f"{name} = {json.dumps(value) if isinstance(value, str) else value}"
        for name, value in (values | published.parameters).items()
    ]
    return [
        _prose("The grader sets these values itself."),
        _code("\n".join(lines), "parameters"),
        _prose("This long cell builds the data if they are missing. You do not need to read it."),
        _code(DATA_PLACEHOLDER, "data"),
    ]


def _prose(text: str) -> str:
    return "\n".join(["# %% [markdown]", *(f"# {line}".rstrip() for line in text.split("\n"))])


def _code(text: str, tag: str = "protected") -> str:
    lines = [re.sub(r"^# %%", "# %", line) for line in text.strip("\n").split("\n")]
    return "\n".join([f'# %% tags=["{tag}"]', *lines])


def _both_faces(text: str) -> str:
    """Return the published cell as the reference to be written, and commented out as the starter's body."""
    text = _without_magics(text.strip("\n"))
    baseline = [f"# {line}" if line.strip() else "" for line in text.split("\n")]
    return "\n".join(
        ["### BEGIN SOLUTION", text, "### END SOLUTION", "### BEGIN BASELINE", *baseline, "### END BASELINE"]
    )


def _without_magics(text: str) -> str:
    r"""Return the cell without lines of IPython; a comment such as `# !pip` would come back as one when it is read."""
    if first_magic(text) is None:
        return text
    if text.lstrip().startswith("%%"):
        return "\n".join(f"# skipped: {line}".rstrip() for line in text.split("\n"))
    return "\n".join(_MAGIC.sub(r"\1pass  # skipped: \2", line) for line in text.split("\n"))


def _without_parameters(text: str, flag: str) -> str:
    """Return the cell without what only the parameters cell may set; a flag of another name follows ours."""
    lines = _without_magics(text).split("\n")
    for node in reversed(parse_or_empty("\n".join(lines)).body):
        found = assigned_literal(node)
        if found is None or found[0] not in {flag, *PARAMETERS}:
            continue
        kept = (
            f"{flag} = {_FLAG}"
            if found[0] == flag != _FLAG
            else f"# {found[0]} is set in the parameters cell"
        )
        lines[node.lineno - 1 : node.end_lineno] = [kept]
    return "\n".join(lines)
