"""Spread test files over the workers of pytest-xdist: the longest first, and what needs the machine for itself at the end.

A file stays together, so that its fixtures are made once, unless its tests are marked `xdist_group`. Tests of the group
`alone` look at the whole machine, or at a clock: they run one after another on one worker while the other has ended.
Tests marked `nightly` are only run where `-m` asks for them.

Workers write the groups to a file that the controller reads: pytest-xdist 3.8 appends them to the ids of tests, which
pytest 9.2 ignores.
"""

from __future__ import annotations

import gc
import json
import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Generator

    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

ROOT = Path(__file__).resolve().parent.parent
OF_REAL_TASKS = ROOT / "tests" / "tasks"  # they train, or make data: none of them is for `make fast`
LEDGER = ROOT / "benchmarks" / "test_seconds.json"
LONG_SECONDS = 0.3  # from which on a test that is not marked slow is too long for `make fast` all the same
# These run the same code hundreds of times, and others cover all but a hundredth of it: tracing would double their time.
UNCOUNTED = (  # patterns of files
    *("tests/test_*.py", "tests/fuzz/test_fuzz_*.py", "tests/tasks/*.py"),
    *("tests/redteam/test_corpus*.py", "tests/redteam/test_program_corpus.py"),
    *("tests/sandbox/test_behaviour.py", "tests/sandbox/test_confinement.py", "tests/sandbox/test_walls.py"),
    *("tests/sandbox/test_honest_slots.py", "tests/sandbox/test_slots.py"),
    *("tests/export/test_student_zip.py", "tests/report/test_report.py", "tests/report/test_similarity.py"),
    *("tests/notebooks/test_saved_as.py", "tests/serve/test_any_request.py"),
    *("tests/task/test_student_download.py", "tests/trainer/test_first_call.py"),
)
ALONE = "alone"
BETWEEN_COLLECTIONS = 20_000  # new objects; 700 by default
GROUPS = Path(tempfile.gettempdir()) / f"test-groups-{os.getpid()}.json"  # of the controller's process


class AloneLast(LoadScopeScheduling):  # type: ignore[misc]  # the library has no types
    """Hands out files and groups in the order of the collection, and the last group when nothing else runs any more."""

    def schedule(self) -> None:
        """Hand out the first work, once every worker has collected and written the groups."""
        self._groups: dict[str, str] = json.loads(GROUPS.read_text(encoding="utf-8"))
        super().schedule()

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Note that a test is over; another worker may have waited for that."""
        super().mark_test_complete(node, item_index, duration)
        for other in self.nodes:
            if other is not node:
                self._reschedule(other)

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid.removesuffix(f"@{ALONE}")) or nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        if list(self.workqueue) != [ALONE] or not any(map(self._is_busy, self._others(node))):
            super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        awaiting = [other for other in self._others(node) if not other.shutting_down]
        if list(self.workqueue) == [ALONE] and awaiting and not node.shutting_down:
            node.shutdown()  # it ends what it has; a worker that is left gets the last group then
        else:
            super()._reschedule(node)

    def _others(self, node: WorkerController) -> list[WorkerController]:
        return [other for other in self.nodes if other is not node]

    def _is_busy(self, node: WorkerController) -> bool:
        return bool(self._pending_of(self.assigned_work[node]))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> AloneLast | None:
    """Return the scheduler for `--dist loadgroup`."""
    if config.getoption("dist") != "loadgroup":
        return None
    config.option.loadscopereorder = False  # the order is that of the collection
    return AloneLast(config, log)


def order_of(path: str, seconds: dict[str, float], *, alone: bool) -> tuple[bool, float, str]:
    """Return the sort key of a test file: those that take longest first, what runs alone last, new files first."""
    return alone, -seconds.get(path, float("inf")), path


def recorded() -> dict[str, Any]:
    """Return the ledger of an earlier run; empty where none was kept."""
    return dict(json.loads(LEDGER.read_text(encoding="utf-8"))) if LEDGER.is_file() else {}


def seconds_of_files() -> dict[str, float]:
    """Return the recorded seconds of every test file."""
    return {path: entry["seconds"] for path, entry in recorded().get("files", {}).items()}


def group_of(item: pytest.Item) -> str:
    """Return the group that a test is marked with, or an empty text."""
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else ""


def pytest_configure_node(node: WorkerController) -> None:
    """Tell a worker where it writes the groups."""
    node.workerinput["groups"] = str(GROUPS)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow, long or not to be traced, and leave out nightly tests that nobody asked for.

    A worker puts tests into the order they are run in.
    """
    long = set(recorded().get("long", []))
    uncounted = {path for pattern in UNCOUNTED for path in ROOT.glob(pattern)}
    for item in items:
        if item.path.is_relative_to(OF_REAL_TASKS):
            item.add_marker(pytest.mark.slow)
        if item.nodeid in long:
            item.add_marker(pytest.mark.long)
        if item.path in uncounted:
            item.add_marker(pytest.mark.no_cover)
    if "nightly" not in config.getoption("markexpr"):
        nightly = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in set(nightly)]
    if hasattr(config, "workerinput"):
        seconds = seconds_of_files()
        items.sort(
            key=lambda item: order_of(item.nodeid.partition("::")[0], seconds, alone=group_of(item) == ALONE)
        )
        groups = {item.nodeid: group_of(item) for item in items if group_of(item)}
        Path(config.workerinput["groups"]).write_text(json.dumps(groups), encoding="utf-8")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are collected, nor ever after in the thousands of them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(BETWEEN_COLLECTIONS)
        gc.enable()


class Ledger:
    """Adds up the seconds of every test file, and writes them when the session ends, with the tests that are long though not slow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seconds: dict[str, float] = defaultdict(float)
        self._tests: dict[str, set[str]] = defaultdict(set)
        self._long: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the seconds of a test's setup, call or teardown."""
        file = report.nodeid.partition("::")[0]
        self._seconds[file] += report.duration
        self._tests[file].add(report.nodeid)
        if report.when == "call" and report.duration >= LONG_SECONDS and "slow" not in report.keywords:
            self._long.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the ledger."""
        files = {
            file: {"tests": len(self._tests[file]), "seconds": round(self._seconds[file], 1)}
            for file in sorted(self._seconds)
        }
        total = {
            "tests": sum(map(len, self._tests.values())),
            "seconds": round(sum(self._seconds.values()), 1),
        }
        ledger = {"total": total, "files": files, "long": sorted(self._long)}
        self._path.write_text(json.dumps(ledger, indent=1) + "\n", encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Keep a ledger where one is asked for; workers only report."""
    config.add_cleanup(lambda: GROUPS.unlink(missing_ok=True))
    path = config.getoption("ledger")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ledger(path))
