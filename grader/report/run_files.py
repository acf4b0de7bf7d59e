"""Gather what the files of a run show of a submission, and leave out what nobody may see: seeds, paths, answers."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderFault, StudentFault
from grader.gradebook.run_folder import RepeatFolder, RunFolder, is_repeat
from grader.notebooks.changes import Change, changes
from grader.notebooks.reading import is_code, metadata, read_notebook, source, tags
from grader.notebooks.slots import is_slot
from grader.report.confusion import Confusion, confusion
from grader.report.training_curves import History, read_history
from grader.task.scoring import load_arrays
from grader.text import printed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.gradebook.result import Result

_PNG = b"\x89PNG\r\n\x1a\n"
_PICTURES = 6  # of a repeat that are shown
_PICTURE_BYTES = 2 << 20
_LOG_LINES = 400
_EVALUATION = re.compile(r"[\w.-]+-[0-9a-f]{12}")
_HIDDEN = "..."
_SHORTEST = 5  # characters of what is hidden


@dataclass(frozen=True)
class RepeatView:
    """What the executed notebook of one repeat shows.

    `printed` is the student's; `log` are lines, and `pictures` PNGs as base64, of our protected cells below the slot.
    `history` is what these cells saved of the training.
    """

    number: int
    seconds: float | None
    printed: str
    log: list[str]
    pictures: list[str]
    history: History | None = None


@dataclass(frozen=True)
class RunFiles:
    """What there is to show of one submission. `elsewhere`: the run is that of the same program in another notebook.

    `is_file`: a file of predictions was handed in, and `source` is its beginning.
    """

    source: str | None = None
    is_file: bool = False
    repeats: list[RepeatView] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    confusion: Confusion | None = None
    elsewhere: bool = False


def run_files(out: Path, result: Result, executed: Result) -> RunFiles:
    """Return what the run folder of `result` shows, and that of the result whose run it is, if it is another one.

    A file that is missing or damaged is skipped: there was none, or the run was stopped.
    """
    folder, origin = RunFolder.of(out, result), RunFolder.of(out, executed)
    notebooks = [(repeat, _notebook(repeat.executed)) for repeat in folder.executed()]
    secrets = [value for _, notebook in notebooks for value in _secrets(_parameters(notebook))]
    hidden = [*_paths(out, folder, origin), *secrets]
    views = [_repeat_view(repeat, notebook, hidden) for repeat, notebook in notebooks]
    repeats = [view for view in views if view is not None]
    return RunFiles(
        source=slot_text(folder),
        is_file=folder.excerpt.exists(),
        repeats=repeats,
        changes=_changes(folder, origin) if result.changed_cells else [],
        confusion=_confusion(out, origin, result),
        elsewhere=folder != origin and not repeats,
    )


def slot_text(folder: RunFolder) -> str | None:
    """Return the program of a run, or the beginning of its file of predictions; None where there is none to read."""
    for path in (folder.slot, folder.excerpt):
        with contextlib.suppress(OSError):
            return path.read_text(encoding="utf-8", errors="replace")
    return None


def values_key(folder: RunFolder) -> str:
    """Return the same text for files with the same predictions, however they are written; "" for a notebook, and without any."""
    predictions = folder.repeat(0).predictions
    if not folder.excerpt.exists() or not predictions.exists():
        return ""
    with contextlib.suppress(GraderFault):
        digest = hashlib.sha256()
        for name, array in sorted(load_arrays(predictions).items()):
            digest.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
        return digest.hexdigest()
    return ""


def trainer_seeds(folder: RunFolder) -> dict[int, str]:
    """Return the seed that the trainer had in each repeat that was begun; it is secret while attempts are possible."""
    seeds = {}
    for repeat in folder.repeats():
        seed = _parameters(_notebook(repeat.executed)).get("SEED")
        if isinstance(seed, int):
            seeds[repeat.number] = str(seed)
    return seeds


def without_paths(text: str, out: Path, *results: Result) -> str:
    """Return `text` without the paths of this machine that have to do with grading."""
    return _without(text, _paths(out, *(RunFolder.of(out, result) for result in results)))


def _confusion(out: Path, folder: RunFolder, result: Result) -> Confusion | None:
    if result.metrics is None:
        return None
    files = [
        (repeat.predictions, answers)
        for repeat in folder.executed()
        if (answers := _answers(out, _parameters(_notebook(repeat.executed)))) is not None
    ]
    return confusion(files, result.metrics.per_repeat)


def _repeat_view(repeat: RepeatFolder, notebook: dict[str, Any], hidden: Sequence[str]) -> RepeatView | None:
    cells = notebook["cells"]
    slots = [index for index, cell in enumerate(cells) if is_slot(cell)]
    if not slots:
        return None
    below = [output for cell in cells[slots[0] + 1 :] if is_code(cell) for output in _outputs(cell)]
    lines = _without(_stdout(below), hidden).splitlines()
    duration = _papermill(notebook).get("duration")
    return RepeatView(
        number=repeat.number,
        seconds=float(duration) if isinstance(duration, (int, float)) else None,
        printed=printed(_without(_stdout(_outputs(cells[slots[0]])), hidden)),
        log=lines[:_LOG_LINES],
        pictures=_pictures(below),
        history=read_history(repeat.history),
    )


def _outputs(cell: dict[str, Any]) -> list[dict[str, Any]]:
    outputs = cell.get("outputs")
    return [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []


def _stdout(outputs: Sequence[dict[str, Any]]) -> str:
    """Return what was printed. Warnings are not: they name files of ours."""
    streams = [
        output
        for output in outputs
        if output.get("output_type") == "stream" and output.get("name") == "stdout"
    ]
    return "".join(source({"source": output.get("text", "")}) for output in streams)


def _pictures(outputs: Sequence[dict[str, Any]]) -> list[str]:
    """Return the PNGs among outputs of protected cells, checked and as base64 without line breaks."""
    pictures = []
    for output in outputs:
        data = output.get("data")
        text = data.get("image/png") if isinstance(data, dict) else None
        if not isinstance(text, str) or len(text) > 2 * _PICTURE_BYTES:
            continue
        with contextlib.suppress(binascii.Error, ValueError):
            picture = base64.b64decode("".join(text.split()), validate=True)
            if picture.startswith(_PNG) and len(picture) <= _PICTURE_BYTES:
                pictures.append(base64.b64encode(picture).decode("ascii"))
    return pictures[:_PICTURES]


def _changes(folder: RunFolder, origin: RunFolder) -> list[Change]:
    """Compare the submission with our notebook as it was then, of which every run that began keeps a copy."""
    repeats = [*folder.repeats(), *origin.repeats()]
    for path in [*(repeat.rebuilt for repeat in repeats), *(repeat.executed for repeat in repeats)]:
        with contextlib.suppress(StudentFault, GraderFault, OSError, KeyError):
            return changes(
                read_notebook(folder.submission.read_bytes()),
                _without_injected(read_notebook(path.read_bytes())),
            )
    return []


def _without_injected(notebook: dict[str, Any]) -> dict[str, Any]:
    kept = [cell for cell in notebook["cells"] if "injected-parameters" not in tags(cell)]
    return {**notebook, "cells": kept}


def _answers(out: Path, parameters: dict[str, Any]) -> Path | None:
    """Return the answers beside the inputs that a run was given, if they lie in `out`."""
    data = parameters.get("DATA_PATH")
    parts = Path(data).parts if isinstance(data, str) else ()
    if len(parts) < 3 or not _EVALUATION.fullmatch(parts[-3]) or not is_repeat(parts[-2]):
        return None
    path = out / "evaluation" / parts[-3] / parts[-2] / "answers" / "answers.npz"
    return path if path.is_file() else None


def _papermill(notebook: dict[str, Any]) -> dict[str, Any]:
    record = metadata(notebook).get("papermill")
    return record if isinstance(record, dict) else {}


def _parameters(notebook: dict[str, Any]) -> dict[str, Any]:
    parameters = _papermill(notebook).get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _secrets(parameters: dict[str, Any]) -> list[str]:
    """Return what a run was told in secret, as it would be printed; a short number would hide half of the text."""
    values = [str(value) for name, value in parameters.items() if name == "SEED" or name.endswith("_PATH")]
    return [value for value in values if len(value) >= _SHORTEST]


def _paths(out: Path, *folders: RunFolder) -> list[str]:
    paths = [
        *(folder.path for folder in folders),
        *(folder.path.resolve() for folder in folders),
        out.resolve(),
        Path(sys.prefix),
        Path.home(),
        Path.cwd(),
    ]
    return [str(path) for path in paths if len(path.parts) > 1]


def _without(text: str, hidden: Sequence[str]) -> str:
    """Return `text` without the words of `hidden`; a number only where it stands alone."""
    for word in sorted({word for word in hidden if word}, key=len, reverse=True):
        text = (
            re.sub(rf"(?<!\d){word}(?!\d)", _HIDDEN, text)
            if word.isdecimal()
            else text.replace(word, _HIDDEN)
        )
    return text


def _notebook(path: Path) -> dict[str, Any]:
    """Return a notebook that our trainer wrote, or an empty one where it is damaged."""
    with contextlib.suppress(OSError, StudentFault):
        return read_notebook(path.read_bytes())
    return {"cells": []}
