"""Run a notebook as a student would: a Python without the grader, an empty folder, a bare environment, no internet."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.findings import Finding, found
from grader.notebooks.reading import Json, labels, read_notebook
from grader.sandbox import find_bwrap
from grader.sandbox.process import ONE_THREAD

if TYPE_CHECKING:
    from grader.task.spec import Task

_MOST_SHOWN = 300  # characters of an error
# Imported whenever the clean Python starts, as the notebook's kernel too.
_RULES = """
import sys

sys.modules["grader"] = None  # an import of it fails, wherever it is installed


def refuse(event, arguments):
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "", "localhost", "127.0.0.1", "::1"):
        raise OSError(f"there is no network here; somebody asked for {arguments[0]}")
    if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        if arguments[1][0] not in ("localhost", "127.0.0.1", "::1"):
            raise OSError(f"there is no network here; somebody asked for {arguments[1][0]}")


sys.addaudithook(refuse)
"""
_RUN = """
import sys
import nbclient, nbformat

assert sys.modules["grader"] is None
notebook = nbformat.read("notebook.ipynb", as_version=4)
client = nbclient.NotebookClient(notebook, timeout=float(sys.argv[1]), kernel_name="python3")
try:
    client.execute()
except nbclient.exceptions.CellExecutionError:
    pass
finally:
    nbformat.write(notebook, "executed.ipynb")
"""


@dataclass(frozen=True)
class Visit:
    """How a run in the clean room ended: the outputs of its cells, why it broke off, and what kept the network away."""

    outputs: list[tuple[str, Json]]  # of the cell of this name
    broken: str
    wall: str

    @property
    def printed(self) -> str:
        """Everything that the cells printed."""
        return "".join(_text(output.get("text", "")) for _, output in self.outputs)

    @property
    def pictures(self) -> int:
        """How many pictures the cells showed."""
        return sum("image/png" in output.get("data", {}) for _, output in self.outputs)

    def errors(self) -> list[str]:
        """Return a sentence for each cell that failed, and one if the run broke off."""
        failed = [
            f"{label}: {output.get('ename')}: {_text(output.get('evalue', ''))[:_MOST_SHOWN]}"
            for label, output in self.outputs
            if output.get("output_type") == "error"
        ]
        return failed + ([self.broken] if self.broken else [])


def check_starter_runs(task: Task, folder: Path) -> Finding:
    """Check that "restart and run all" of the untouched starter works offline, and shows points."""
    visit = visit_clean_room(task.starter.read_bytes(), folder, wall_seconds=_patience(task))
    return starter_finding(visit)


def starter_finding(visit: Visit) -> Finding:
    """Return the finding of a run of the untouched starter."""
    wrong = visit.errors()
    if not wrong and "points" not in visit.printed:
        wrong.append("it runs but prints no points")
    right = f"runs from top to bottom in an empty folder and prints points; network: {visit.wall}"
    return found("student mode", wrong, right)


def visit_clean_room(
    notebook: bytes,
    folder: Path,
    *,
    wall_seconds: float,
    packages: Path | None = None,
    beside: tuple[Path, str] | None = None,
) -> Visit:
    """Run a notebook in `folder`, which must be new or empty, with the packages in the folder `packages`.

    The default is this environment's packages. `beside` is a folder, and its name beside the notebook. Raises UsageError where no Python can be set up there.
    """
    room = folder / "room"
    room.mkdir(parents=True)
    if beside is not None:
        shutil.copytree(beside[0], room / beside[1])
    python = _clean_python(folder / "python", packages or Path(sysconfig.get_path("purelib")))
    (room / "notebook.ipynb").write_bytes(notebook)
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(room), **ONE_THREAD}
    prefix, wall = _wall()
    command = [*prefix, str(python), "-c", _RUN, str(wall_seconds)]
    late = wall_seconds + 60  # seconds
    try:
        done = subprocess.run(
            command, cwd=room, env=environment, capture_output=True, text=True, timeout=late, check=False
        )
        last = done.stderr.strip().rpartition("\n")[2]
        broken = f"the run broke off: {last}" if done.returncode else ""
    except subprocess.TimeoutExpired:
        broken = f"the run took more than {late:.0f} seconds"
    executed = room / "executed.ipynb"
    return Visit(_outputs(executed) if executed.is_file() else [], broken, wall)


def _outputs(executed: Path) -> list[tuple[str, Json]]:
    notebook = read_notebook(executed.read_bytes())
    return [
        (label, output)
        for cell, label in zip(notebook["cells"], labels(notebook), strict=True)
        for output in cell.get("outputs", [])
    ]


def _patience(task: Task) -> float:
    return 2 * task.spec.limits.wall_seconds + 60  # drawing and building the data come on top of a run


def _clean_python(folder: Path, of: Path) -> Path:
    """Return the Python of a new environment that has the packages of the folder `of`, but not the grader."""
    try:
        venv.create(folder, with_pip=False, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UsageError(f"no clean Python can be set up in {folder}: {error}") from error
    python = folder / "bin" / "python"
    (packages,) = folder.glob("lib/python*/site-packages")
    # A path file adds the packages of that folder but does not read their own path files, and a clone of the
    # grader is installed through one of those.
    (packages / "rules_of_the_room.py").write_text(_RULES, encoding="utf-8")
    lines = ["import rules_of_the_room", str(of)]
    (packages / "room.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return python


def _wall() -> tuple[list[str], str]:
    """Return the prefix of a command that takes its network away, and the name of that wall."""
    bwrap = find_bwrap()
    if bwrap is not None:
        prefix = [str(bwrap), "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent"]
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix, "none, a namespace of bubblewrap's"
    return [], "refused by Python itself (an audit hook), for bubblewrap does not work here"


def _text(value: object) -> str:
    return "".join(value) if isinstance(value, list) else str(value)
