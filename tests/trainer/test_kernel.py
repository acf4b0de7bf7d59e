"""The trainer's side: what its environment holds, and that nobody can slip it a module."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grader.errors import GraderFault
from grader.gradebook.run_folder import RepeatFolder
from grader.gradebook.run_settings import RunSettings
from grader.notebooks.rebuild import rebuild
from grader.sandbox import SlotSource, open_sandbox
from grader.task.evaluation import Repeat
from grader.trainer.fork_server import ForkServer
from grader.trainer.job import RepeatJob
from grader.trainer.kernel import trainer_environment
from grader.trainer.run import execute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grader.notebooks.reading import Json
    from grader.sandbox import Sandbox
    from grader.task.spec import Task

HONEST = "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n"
IMPORTS = "import numpy as np\nimport torch\n"


@pytest.fixture(scope="module")
def warm() -> Iterator[ForkServer]:
    parent = ForkServer(trainer_environment("cpu"))
    yield parent
    parent.close()


@pytest.fixture
def sandbox(toy_task: Task) -> Iterator[Sandbox]:
    opened = open_sandbox(toy_task.spec.limits, imports=IMPORTS, walls="namespaces")
    yield opened
    opened.close()


def job_for(task: Task, folder: Path, server: ForkServer | None) -> RepeatJob:
    """Return the job of running a notebook in `folder`, on the inputs beside it."""
    folder.mkdir()
    return RepeatJob(
        task=task,
        repeat=Repeat(0, folder.parent / "inputs", folder.parent / "answers", 1, 2, "mark"),
        settings=RunSettings("cpu", 60, "any"),
        folder=RepeatFolder(folder),
        server=server,
        on_cell=lambda *_: None,
        stopping=threading.Event(),
    )


def test_the_environment_of_a_trainer_fixes_threads_and_hash_seed_and_drops_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    environment = trainer_environment("auto")
    assert "API_TOKEN" not in environment
    assert (environment["OMP_NUM_THREADS"], environment["PYTHONHASHSEED"]) == ("1", "0")
    assert environment["CUDA_VISIBLE_DEVICES"] == "1", "the caller's choice of cards is respected"
    assert trainer_environment("cpu")["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.slow
def test_a_module_in_the_current_folder_is_not_imported_by_a_trainer(
    toy_task: Task, starter: Json, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instructor may start the grader in a folder of submissions."""
    hijack = "raise SystemExit('a module of the current folder was imported')\n"
    for name in ("torch.py", "numpy.py", "ipykernel_launcher.py", "json.py"):
        (tmp_path / name).write_text(hijack)
    monkeypatch.chdir(tmp_path)
    toy_task.builder().make_data(None, tmp_path / "inputs", tmp_path / "answers", 0)
    parent = ForkServer(trainer_environment("cpu"))
    try:
        parent.wait_until_ready()
        slot = sandbox.start_slot(SlotSource(IMPORTS, HONEST, ("your_weights",), 0))
        done = execute(rebuild(starter, HONEST), slot, job_for(toy_task, tmp_path / "warm", parent))
        slot.close()
    finally:
        parent.close()
    assert done.fault is None
    slot = sandbox.start_slot(SlotSource(IMPORTS, HONEST, ("your_weights",), 0))
    done = execute(rebuild(starter, HONEST), slot, job_for(toy_task, tmp_path / "cold", None))
    slot.close()
    assert done.fault is None


@pytest.mark.slow
def test_the_trainer_sees_no_answers_and_the_slot_sees_no_trainer(
    toy_task: Task, starter: Json, sandbox: Sandbox, warm: ForkServer, tmp_path: Path
) -> None:
    """Rules 1 and 3: the executed notebook knows inputs only, and no metric is computed in it."""
    toy_task.builder().make_data(None, tmp_path / "inputs", tmp_path / "answers", 0)
    curious = (
        "import os, sys\n"
        "def your_weights(targets, losses):\n"
        "    assert losses.grad_fn is None and not losses.requires_grad\n"
        "    assert not [m for m in sys.modules if m.startswith(('ipykernel', 'IPython', 'papermill'))]\n"
        "    assert not [key for key in os.environ if 'GRADER' in key]\n"
        "    return torch.ones(len(targets))\n"
    )
    slot = sandbox.start_slot(SlotSource(IMPORTS, curious, ("your_weights",), 0))
    done = execute(rebuild(starter, curious), slot, job_for(toy_task, tmp_path / "run", warm))
    slot.close()
    assert done.fault is None, done.fault
    assert (done.slot_calls, done.device) == (100, "cpu")
    executed = (tmp_path / "run" / "executed.ipynb").read_text()
    assert str(tmp_path / "answers") not in executed
    assert np.load(tmp_path / "run" / "predictions.npz")["model"].dtype == np.int64


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["warm", "cold"])
def test_a_trainer_has_no_network(
    toy_task: Task, starter: Json, sandbox: Sandbox, warm: ForkServer, tmp_path: Path, kind: str
) -> None:
    probe = [
        sys.executable,
        "-c",
        "from grader.trainer.network import leave_network as f; raise SystemExit(not f())",
    ]
    if subprocess.run(probe, check=False).returncode:
        pytest.skip("this user cannot make network namespaces")
    toy_task.builder().make_data(None, tmp_path / "inputs", tmp_path / "answers", 0)
    notebook = rebuild(starter, HONEST)
    notebook["cells"].append(
        copy.deepcopy(next(cell for cell in notebook["cells"] if cell["cell_type"] == "code"))
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        notebook["cells"][-1] |= {
            "id": "last",
            "metadata": {},
            "source": (
                "import os, socket\n"
                "try:\n"
                f"    socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), 2)\n"
                "except OSError as error:\n"
                "    print('no network:', os.getuid(), error)\n"
            ),
        }
        slot = sandbox.start_slot(SlotSource(IMPORTS, HONEST, ("your_weights",), 0))
        job = job_for(toy_task, tmp_path / "run", warm if kind == "warm" else None)
        done = execute(notebook, slot, job)
        slot.close()
    assert done.fault is None
    executed = json.loads((tmp_path / "run" / "executed.ipynb").read_text())
    assert "".join(executed["cells"][-1]["outputs"][0]["text"]).startswith(f"no network: {os.getuid()}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("raise RuntimeError('our bug')", "RuntimeError: our bug"),
        ("import os; os._exit(7)", "ended unexpectedly"),
        ("your_weights(object())", "an object, which cannot cross"),
    ],
    ids=["an exception", "a dead kernel", "arguments that cannot cross"],
)
def test_a_protected_cell_that_fails_is_our_fault(
    line: str, words: str, toy_task: Task, starter: Json, sandbox: Sandbox, warm: ForkServer, tmp_path: Path
) -> None:
    toy_task.builder().make_data(None, tmp_path / "inputs", tmp_path / "answers", 0)
    notebook = rebuild(starter, HONEST)
    broken = json.loads(json.dumps(notebook))
    broken["cells"][-1]["source"] = line
    slot = sandbox.start_slot(SlotSource(IMPORTS, HONEST, ("your_weights",), 0))
    with pytest.raises(GraderFault, match=words):
        execute(broken, slot, job_for(toy_task, tmp_path / "run", warm))
    slot.close()
