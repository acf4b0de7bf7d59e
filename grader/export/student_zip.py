"""Make the zip for students: starter notebook, public data, requirements, what `grader check` needs, and a page."""

from __future__ import annotations

import ast
import platform
import re
import shutil
import string
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.export.requirements import needs
from grader.files import write_atomic
from grader.notebooks.program import parse
from grader.notebooks.reading import is_code, source, tagged
from grader.notebooks.versions import series
from grader.task.data import zip_folder
from grader.task.handout import write_handout
from grader.task.starter import load_starter
from grader.task.translation import starters

if TYPE_CHECKING:
    from grader.notebooks.reading import Json
    from grader.task.spec import Task

_PAGE = Path(__file__).with_name("templates") / "pack" / "README.md"
_PAGE_OF_FILES = _PAGE.with_name("README_files.md")
_CALLED = {"sklearn": "scikit-learn", "PIL": "pillow"}  # packages that are imported under another name
_TO_OPEN_IT = ("ipykernel", "jupyterlab")
_ELSEWHERE = {"IPython", "google"}  # come with ipykernel, and with Colab


def pack(task: Task, public: Path, folder: Path, *, size: str) -> Path:
    """Write `folder`/TASK.zip and return its path; equal tasks give equal bytes.

    `public` holds the data of this `size`. That it and the notebooks hold nothing hidden is for the linter to say, and
    for the caller to ask. Raises UsageError where the zip cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix="grader-pack-") as scratch:
        draft = Path(scratch)
        _lay_out(task, public, draft / "zip" / task.id, size)
        zip_folder(draft / "zip", draft / "whole.zip")
        target = folder / f"{task.id}.zip"
        write_atomic(target, (draft / "whole.zip").read_bytes())
    return target


def _lay_out(task: Task, public: Path, top: Path, size: str) -> None:
    """Write the folder that becomes the zip."""
    starter = load_starter(task)
    data_path = _data_path(task, starter)
    shutil.copytree(public, top / data_path)
    for notebook in starters(task):
        (top / notebook.name).write_bytes(notebook.read_bytes())
    write_handout(task, top / "tasks" / task.id, size=size, data=str(data_path))
    (top / "requirements.txt").write_text(_requirements(starter), encoding="utf-8")
    (top / "README.md").write_text(_page(task, data_path, size), encoding="utf-8")


def _data_path(task: Task, starter: Json) -> PurePosixPath:
    """Return where the notebook looks for its data.

    Raises UsageError where that is not a folder below the notebook's own.
    """
    for cell in tagged(starter, "parameters"):
        for node in ast.parse(source(cell)).body:
            if isinstance(node, ast.Assign) and any(
                isinstance(name, ast.Name) and name.id == "DATA_PATH" for name in node.targets
            ):
                data_path = PurePosixPath(ast.literal_eval(node.value))
                if data_path.parts and not data_path.is_absolute() and ".." not in data_path.parts:
                    return data_path
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


def _page(task: Task, data_path: PurePosixPath, size: str) -> str:
    spec = task.spec
    page = _PAGE if spec.files is None else _PAGE_OF_FILES
    names = [] if spec.files is None else [name for table in spec.files.tables for name in table.names]
    return string.Template(page.read_text(encoding="utf-8")).substitute(
        title=spec.title,
        story=spec.story,
        notebook=task.starter.name,
        translations="".join(
            f"\n| `{notebook.name}` | the same notebook in another language; work in the one you like |"
            for notebook in starters(task)[1:]
        ),
        data=f"{data_path}/",
        signature=spec.signature,
        file=spec.files.name if spec.files else "",
        columns=", ".join(f"`{name}`" for name in names),
        repeats=spec.repeats,
        metric=spec.measured.name,
        map=spec.score.sentence,
        wall_seconds=f"{task.size(size).wall_seconds:g}",
        memory_mb=spec.limits.memory_mb,
        beside="a GPU, but no files and no network" if spec.limits.gpu else "no files, no network and no GPU",
        python=series(platform.python_version()),
        version=needs().version,
    )
