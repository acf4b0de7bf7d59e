"""Make the zip that is handed out to students: starter notebook, public data, requirements, a page of instructions."""

from __future__ import annotations

import ast
import hashlib
import re
import string
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from grader import build
from grader.cells import parse
from grader.distribution import needs
from grader.errors import UsageError
from grader.notebook import is_code, source, tagged
from grader.prepare import zip_folder
from grader.rebuild import load_starter
from grader.template import has_marker

if TYPE_CHECKING:
    from grader.notebook import Json
    from grader.task import Task

SEED = 0  # of the public data: that of `grader prepare` and of the notebook itself
_PAGE = Path(__file__).with_name("templates") / "pack" / "README.md"
_CALLED = {"sklearn": "scikit-learn", "PIL": "pillow"}  # packages that are imported under another name
_TO_OPEN_IT = ("ipykernel", "jupyterlab")
_ELSEWHERE = {"IPython", "google"}  # come with ipykernel, and with Colab
_NOT_PUBLIC = re.compile(r"answer|solution|secret|inputs", re.IGNORECASE)


@dataclass(frozen=True)
class Draft:
    """What would be in the zip: a folder, and beside it what a final evaluation of the same seed would hold."""

    public: Path
    inputs: Path
    answers: Path


def pack(task: Task, folder: Path, *, data_source: str, size: str) -> Path:
    """Write `folder`/TASK.zip and return its path; equal tasks give equal bytes.

    Raises UsageError, one line with every reason, where the zip would hold what students may not have.
    """
    with tempfile.TemporaryDirectory(prefix="grader-pack-") as scratch:
        place = Path(scratch)
        draft = Draft(place / "zip", place / "inputs", place / "answers")
        _lay_out(task, draft, data_source, size)
        reasons = ready_to_pack(task, draft)
        if reasons:
            raise UsageError("; ".join(reasons))
        zip_folder(draft.public, place / "whole.zip")
        target = folder / f"{task.id}.zip"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            target.write_bytes((place / "whole.zip").read_bytes())
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error.strerror}") from error
    return target


def ready_to_pack(task: Task, draft: Draft) -> list[str]:
    """Return a sentence for each reason not to hand this out: a stale notebook, or something that is not public."""
    reasons = build.check(task)
    starter = load_starter(task)
    if any(has_marker(source(cell)) for cell in starter["cells"]):
        reasons.append("the starter notebook shows a part of the solution")
    if any(cell.get("outputs") for cell in starter["cells"]):
        reasons.append("the starter notebook has outputs")
    hidden = {_digest(file) for file in _files(draft.answers)}
    hidden |= {_digest(file) for file in _files(draft.inputs) if _is_test(file.relative_to(draft.inputs))}
    for file in _files(draft.public):
        name = file.relative_to(draft.public)
        if any(_NOT_PUBLIC.search(part) for part in name.parts if part not in {task.id, task.starter.name}):
            reasons.append(f"{name} has the name of something that is not public")
        elif _digest(file) in hidden:
            reasons.append(f"{name} is a file of the hidden data")
    return reasons


def _lay_out(task: Task, draft: Draft, data_source: str, size: str) -> None:
    """Write the folder that becomes the zip, and the hidden data that it is compared with."""
    starter = load_starter(task)
    top = draft.public / task.id
    place = _data_path(task, starter)
    try:
        task.builder().make_data(
            top / place, draft.inputs, draft.answers, seed=SEED, source=data_source, size=size
        )
    except (ValueError, OSError, ImportError, KeyError, RuntimeError) as error:
        raise UsageError(f"the data of {task.id} cannot be built: {error}") from error
    (top / task.starter.name).write_bytes(task.starter.read_bytes())
    (top / "requirements.txt").write_text(_requirements(starter), encoding="utf-8")
    (top / "README.md").write_text(_page(task, place, size), encoding="utf-8")


def _data_path(task: Task, starter: Json) -> PurePosixPath:
    """Return where the notebook looks for its data.

    Raises UsageError where that is not a folder below the notebook's own.
    """
    for cell in tagged(starter, "parameters"):
        for node in ast.parse(source(cell)).body:
            if isinstance(node, ast.Assign) and any(
                isinstance(name, ast.Name) and name.id == "DATA_PATH" for name in node.targets
            ):
                place = PurePosixPath(ast.literal_eval(node.value))
                if place.parts and not place.is_absolute() and ".." not in place.parts:
                    return place
    raise UsageError(f"{task.starter}: DATA_PATH must be a folder below the notebook's own")


def _requirements(starter: Json) -> str:
    """Return the packages that the notebook imports, in the ranges that this program itself was tested with."""
    ranges = {
        re.split(r"[^\w.-]", wanted, maxsplit=1)[0].lower(): wanted.partition(";")[0].strip()
        for wanted in needs().packages
    }
    modules = {
        name.partition(".")[0]
        for cell in starter["cells"]
        if is_code(cell)
        for node in ast.walk(parse(source(cell)))
        for name in _imported(node)
    }
    packages = {_CALLED.get(name, name) for name in modules - sys.stdlib_module_names - _ELSEWHERE}
    packages |= {*_TO_OPEN_IT}
    return "".join(f"{ranges.get(name.lower(), name)}\n" for name in sorted(packages))


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def _page(task: Task, place: PurePosixPath, size: str) -> str:
    spec = task.spec
    return string.Template(_PAGE.read_text(encoding="utf-8")).substitute(
        title=spec.title,
        story=spec.story,
        notebook=task.starter.name,
        data=f"{place}/",
        signature=spec.signature,
        repeats=spec.repeats,
        floor=f"{spec.score.floor:g}",
        ceiling=f"{spec.score.ceiling:g}",
        wall_seconds=f"{task.size(size).wall_seconds:g}",
        memory_mb=spec.limits.memory_mb,
    )


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _is_test(path: Path) -> bool:
    """Return whether a file of the inputs is one that only a final evaluation has, by the name of its folder."""
    return path.parts[0].startswith("test")
