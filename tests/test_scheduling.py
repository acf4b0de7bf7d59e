"""What is marked as alone runs when nothing else does, and nightly tests where they are asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from scheduling import ROOT, UNCOUNTED, order_of

CONFTEST = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from scheduling import *
from scheduling import pytest_collection_modifyitems, pytest_configure
def pytest_addoption(parser): parser.addoption("--ledger", type=Path)
"""
SAMPLE = """
import time
import pytest

def note(name):
    begun = time.time()
    time.sleep(0.2)
    with open({log!r}, "a") as log:
        log.write(f"{{name}} {{begun}} {{time.time()}}\\n")

@pytest.mark.parametrize("number", range({count}))
def test_{name}(number): note("{name}")

@pytest.mark.xdist_group("alone")
@pytest.mark.parametrize("number", range(2))
def test_{name}_alone(number): note("alone")

@pytest.mark.nightly
def test_{name}_of_the_night(): note("night")
"""
TWO_THAT_WAIT = """
@pytest.mark.slow
def test_slow(): time.sleep(0.4)

def test_long(): time.sleep(0.4)
"""


def test_long_files_come_first_new_ones_before_them_and_what_is_alone_last() -> None:
    seconds = {"long": 90.0, "short": 1.0}
    names = [("short", False), ("alone", True), ("long", False), ("new", False)]
    ordered = sorted(names, key=lambda entry: order_of(entry[0], seconds, alone=entry[1]))
    assert [name for name, _ in ordered] == ["new", "long", "short", "alone"]


def test_what_is_not_traced_is_there() -> None:
    assert [pattern for pattern in UNCOUNTED if not list(ROOT.glob(pattern))] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "workers", [[], ["-n", "2", "--dist", "loadgroup"]], ids=["one process", "two workers"]
)
def test_two_workers_share_the_files_and_one_of_them_ends_before_the_last_group(
    tmp_path: Path, workers: list[str]
) -> None:
    log = tmp_path / "log"
    (tmp_path / "conftest.py").write_text(CONFTEST.format(tests=str(Path(__file__).parent)))
    for name, count in (("a", 3), ("b", 9), ("c", 1)):
        text = SAMPLE.format(log=str(log), name=name, count=count) + (TWO_THAT_WAIT if name == "c" else "")
        (tmp_path / f"test_{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", *workers, "--ledger=ledger.json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # each worker would import all of them
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    runs = [line.split() for line in log.read_text().splitlines()]
    assert sorted(name for name, *_ in runs) == ["a"] * 3 + ["alone"] * 6 + ["b"] * 9 + ["c"]
    if workers:
        alone = [(float(begun), float(ended)) for name, begun, ended in runs if name == "alone"]
        others = [float(ended) for name, _, ended in runs if name != "alone"]
        assert min(begun for begun, _ in alone) >= max(others)
        assert all(
            later[0] >= earlier[1] for earlier, later in zip(sorted(alone), sorted(alone)[1:], strict=False)
        )
    ledger = json.loads((tmp_path / "ledger.json").read_text())
    assert ledger["total"]["tests"] == 21
    assert "test_c.py::test_long" in ledger["long"]
    assert "test_c.py::test_slow" not in ledger["long"], "it is marked slow"
    assert ledger["files"]["test_b.py"]["tests"] == 11
    assert ledger["files"]["test_b.py"]["seconds"] >= 2.2
