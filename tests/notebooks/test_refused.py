"""A failure that comes from what is refused says so in the words of the check; any other failure is left as it is."""

from __future__ import annotations

import pytest

from grader.notebooks.refused import refusal_hint

IMPORTS = "import torch\n"
MANAGER = (
    "from multiprocessing import Manager\ndef f(x):\n    if x is None:\n        Manager()\n    return x\n"
)


@pytest.mark.parametrize(
    ("slot", "message", "hint"),
    [
        (MANAGER, "f raised EOFError", "that takes sockets"),
        (
            "import torch.multiprocessing as mp\nmp.Process(target=print)\n",
            "f raised PermissionError: [Errno 13] Permission denied",
            "ThreadPoolExecutor",
        ),
        (
            "import subprocess\nsubprocess.run(['ls'])\n",
            "your solution cell raised FileNotFoundError: [Errno 2] No such file or directory: 'ls'",
            "no programs beside Python",
        ),
        (
            "import requests\nrequests.get('http://a.example')\n",
            "f raised requests.exceptions.ConnectionError: HTTPConnectionPool(host='a.example', port=80)",
            "no internet",
        ),
        ("torch.hub.load('a/b', 'c')\n", "f raised urllib.error.URLError: <urlopen error>", "no internet"),
        ("x = input()\n", "f raised EOFError: EOF when reading a line", "Nobody can type"),
        (
            "from torch.utils.cpp_extension import load_inline\nload_inline('a', '')\n",
            "f raised RuntimeError: Ninja is required to load C++ extensions",
            "no compiler",
        ),
    ],
)
def test_a_failure_that_comes_from_a_refusal_is_explained(slot: str, message: str, hint: str) -> None:
    explanation = refusal_hint(message, IMPORTS, slot)
    assert hint in explanation
    assert explanation.startswith(". ")
    assert explanation[2].isupper()


@pytest.mark.parametrize(
    ("slot", "message"),
    [
        (MANAGER, "f raised IndexError: list index out of range"),
        (
            "def f(x):\n    return open('a.csv')\n",
            "f raised FileNotFoundError: [Errno 2] No such file: 'a.csv'",
        ),
        ("def f(:\n", "f raised EOFError"),
        ("def input(x):\n    raise EOFError\ninput(1)\n", "f raised EOFError"),
        ("import subprocess, sys\nsubprocess.run([sys.executable])\n", "f raised FileNotFoundError: 'x'"),
    ],
    ids=["another failure", "a missing file", "no Python", "a function of their own", "Python itself"],
)
def test_another_failure_is_left_as_it_is(slot: str, message: str) -> None:
    assert refusal_hint(message, IMPORTS, slot) == ""
