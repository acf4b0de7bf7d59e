"""What the sandbox refuses or changes is reported before anything runs; what runs there as at home is no error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from honest_slots import SLOTS, expected_of

from grader.lint.notebook import Severity, diagnose
from grader.notebooks.rebuild import rebuild

if TYPE_CHECKING:
    from pathlib import Path

    from grader.notebooks.reading import Json

DEF = "def your_weights(targets, losses):\n"
CONFINED = {
    "no-internet",
    "no-programs",
    "no-sockets",
    "no-processes",
    "no-files",
    "no-compiler",
    "no-keyboard",
    "workers",
    "jobs",
    "not-compiled",
}


@pytest.mark.parametrize("path", SLOTS, ids=lambda path: path.stem)
def test_what_a_graded_function_cannot_have_is_reported_beforehand(path: Path, starter: Json) -> None:
    expected = expected_of(path)
    notebook = rebuild(starter, path.read_text(encoding="utf-8"))
    diagnostics = diagnose(json.dumps(notebook).encode(), starter)
    sentences = [f"{diagnostic.text}: {diagnostic.help}" for diagnostic in diagnostics]
    if expected.quick:
        assert any(expected.quick in sentence for sentence in sentences), sentences
    elif expected.ending == "same":
        assert diagnostics == []
    if expected.ending == "same":
        assert {diagnostic.severity for diagnostic in diagnostics} <= {Severity.NOTE}


# A call in the slot, after what it imports, and the sort of diagnostic that it gets.
CALLS = {
    "a page": ("import requests", "requests.get('http://a.example')", "no-internet"),
    "pretrained weights": ("from torchvision.models import resnet18", "resnet18(weights='DEFAULT')", "no-internet"),
    "a net without weights": ("from torchvision.models import resnet18", "resnet18(weights=None)", ""),
    "a data set": ("from sklearn import datasets", "datasets.fetch_openml('iris')", "no-internet"),
    "a data set that comes along": ("from sklearn import datasets", "datasets.load_digits()", ""),
    "pictures": ("from torchvision.datasets import MNIST", "MNIST('.', download=True)", "no-internet"),
    "pictures that are there": ("from torchvision.datasets import MNIST", "MNIST('.', download=False)", ""),
    "a shell": ("import os", "os.system('ls')", "no-programs"),
    "a program": ("from subprocess import Popen", "Popen(['ls'])", "no-programs"),
    "Python itself": ("import subprocess, sys", "subprocess.run([sys.executable, '-c', ''])", "no-processes"),
    "a program by another name": ("import subprocess as sp", "sp.check_output(f'{len(targets)}')", "no-programs"),
    "a server of forks": ("import multiprocessing as mp", "mp.get_context('forkserver')", ""),
    "forks": ("import multiprocessing as mp", "mp.get_context('fork')", ""),
    "a worker": ("from torch.multiprocessing import Process", "Process(target=print)", "no-processes"),
    "a pool": ("from multiprocessing import Pool", "Pool(2)", ""),
    "a file": ("", "open('kept.txt', 'w')", "no-files"),
    "a file to read": ("", "open('kept.txt')", ""),
    "nowhere": ("", "open('/dev/null', 'w')", ""),
    "a file of arrays": ("import numpy as np", "np.save('kept.npy', losses)", "no-files"),
    "a file in memory": ("import io\nimport torch", "torch.save(losses, io.BytesIO())", ""),
    "a file of tensors": ("import torch", "torch.save(losses, 'kept.pt')", "no-files"),
    "ranks": ("import torch.distributed as dist", "dist.init_process_group('gloo')", "no-sockets"),
    "C++": ("from torch.utils import cpp_extension", "cpp_extension.load_inline('a', '')", "no-compiler"),
    "a debugger": ("", "breakpoint()", "no-keyboard"),
    "an input of their own": ("def input(text): return 1", "input('a')", ""),
    "one job": ("from joblib import Parallel", "Parallel(n_jobs=1)", ""),
    "all jobs": ("from joblib import Parallel", "Parallel(-1)", "jobs"),
    "a forest": ("from sklearn.ensemble import RandomForestClassifier", "RandomForestClassifier(n_jobs=-1)", "jobs"),
    "no workers": ("from torch.utils.data import DataLoader", "DataLoader(losses, num_workers=0)", ""),
    "workers for all cores": (
        "import os\nfrom torch.utils import data", "data.DataLoader(losses, num_workers=os.cpu_count())", "workers",
    ),
    "a compiled method": ("", "torch.compile(lambda x: x)", "not-compiled"),
    "a page that may be missing": (
        "import urllib.request", "if targets is None:\n        urllib.request.urlopen('http://a.example')", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "call", "kind"), CALLS.values(), ids=CALLS.keys())
def test_a_call_is_reported_where_it_cannot_work_and_nowhere_else(
    before: str, call: str, kind: str, starter: Json
) -> None:
    slot = f"{before}\n{DEF}    {call}\n    return losses\n"
    diagnostics = diagnose(json.dumps(rebuild(starter, slot)).encode(), starter)
    kinds = [diagnostic.kind for diagnostic in diagnostics if diagnostic.kind in CONFINED]
    assert kinds == [kind] * bool(kind)


def test_each_sort_of_change_is_said_once(starter: Json) -> None:
    call = "    DataLoader(losses, num_workers=2)\n"
    slot = f"from torch.utils.data import DataLoader\n{DEF}{call}{call}    return losses\n"
    (diagnostic,) = diagnose(json.dumps(rebuild(starter, slot)).encode(), starter)
    assert (diagnostic.severity, diagnostic.kind, diagnostic.line) == (Severity.NOTE, "workers", 3)
