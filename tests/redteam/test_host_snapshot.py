"""The machine is looked at before and after an attack, and bait lies on it: what is the attack's is noticed, and only that."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.redteam.canary import lay_bait
from grader.redteam.host_snapshot import HostMonitor, adopting_orphans, descendants, end_new
from grader.sandbox.process import site_folders

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow


@pytest.fixture
def monitor(tmp_path: Path) -> HostMonitor:
    for name in ("own", "shared", "own/runs"):
        (tmp_path / name).mkdir()
    for name in ("own/file", "shared/file"):
        (tmp_path / name).write_text("as it was")
    return HostMonitor((tmp_path / "own",), (tmp_path / "shared",), range(1 << 30, 1 << 31))


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("!")


def touch_back(path: Path) -> None:
    about = path.stat()
    path.write_text("AS IT WAS")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def swap(path: Path) -> None:
    shutil.copy2(path, path.with_suffix(".new"))
    path.with_suffix(".new").rename(path)


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "content": (append, "changed"),
    "a time set back": (touch_back, "changed"),
    "another file in its place": (swap, "changed"),
    "rights": (lambda path: path.chmod(0o777), "changed"),
    "gone": (Path.unlink, "gone"),
}


@pytest.mark.parametrize(("change", "says"), CHANGES.values(), ids=CHANGES.keys())
def test_every_difference_in_a_folder_of_ours_is_noticed(
    tmp_path: Path, monitor: HostMonitor, change: Callable[[Path], object], says: str
) -> None:
    run = tmp_path / "own" / "runs" / "x"
    before = monitor.snapshot(run)
    run.mkdir()
    (run / "result.json").write_text("{}")
    assert monitor.differences(before, monitor.snapshot(run), "") == [], "its own run folder is no difference"
    change(tmp_path / "own" / "file")
    assert f"{says}: {tmp_path / 'own' / 'file'}" in monitor.differences(before, monitor.snapshot(run), "")


def test_in_a_shared_folder_only_what_the_attack_names_or_owns_is_noticed(
    tmp_path: Path, monitor: HostMonitor
) -> None:
    run, shared = tmp_path / "own" / "runs" / "x", tmp_path / "shared"
    before = monitor.snapshot(run)
    (shared / "somebody-elses").write_text("x")
    (shared / "w").write_text("x")
    append(shared / "file")
    after = monitor.snapshot(run)
    assert monitor.differences(before, after, "open('other', 'w')") == []
    assert monitor.differences(before, after, f"open('{shared}/w')") == [f"new: {shared / 'w'}"]
    assert monitor.differences(before, after, f"open('{shared}/file', 'a')") == [
        f"changed: {shared / 'file'}"
    ]
    if os.geteuid() == 0:
        os.chown(shared / "somebody-elses", (1 << 30) + 5, -1)
        assert monitor.differences(before, monitor.snapshot(run), "") == [f"new: {shared / 'somebody-elses'}"]


CONTAINERS = "/var/lib/containers/storage/overlay"
MOUNTS = {
    "a container's": (CONTAINERS, "", False),
    "a container's, while an attack tries to mount": (CONTAINERS, "libc.mount(...)", True),
    "over everything": ("/", "", True),
    "over the libraries": (str(site_folders()[0]), "", True),
    "above the libraries": (str(site_folders()[0].parent), "", True),
}


@pytest.mark.parametrize(("point", "text", "counts"), MOUNTS.values(), ids=MOUNTS.keys())
def test_a_mount_counts_where_a_slot_gains_by_it(
    tmp_path: Path, monitor: HostMonitor, point: str, text: str, counts: bool
) -> None:
    before = monitor.snapshot(tmp_path / "own" / "runs" / "x")
    assert ("/", "/proc") in before.mounts, "the list of mounts is read"
    after = replace(before, mounts=before.mounts | {("/new", point)})
    assert monitor.differences(before, after, text) == ([f"new mount: {point} of /new"] if counts else [])


@pytest.mark.parametrize("folder", ["own/runs", "shared/new"])
def test_a_mount_in_a_folder_that_is_compared_counts(
    tmp_path: Path, monitor: HostMonitor, folder: str
) -> None:
    before = monitor.snapshot(tmp_path / "own" / "runs" / "x")
    after = replace(before, mounts=before.mounts | {("/", str(tmp_path / folder))})
    assert monitor.differences(before, after, "") == [f"new mount: {tmp_path / folder} of /"]


MEMORY, PRIVATE, REMOVE = 1024, 0, 0  # bytes; IPC_PRIVATE; IPC_RMID


def make_shared_memory(libc: ctypes.CDLL) -> Callable[[], object]:
    number = libc.shmget(PRIVATE, MEMORY, 0o600)
    return lambda: libc.shmctl(number, REMOVE, None)


def make_semaphore(libc: ctypes.CDLL) -> Callable[[], object]:
    number = libc.semget(PRIVATE, 1, 0o600)
    return lambda: libc.semctl(number, 0, REMOVE)


def make_queue(libc: ctypes.CDLL) -> Callable[[], object]:
    number = libc.msgget(PRIVATE, 0o600)
    return lambda: libc.msgctl(number, REMOVE, None)


@pytest.mark.skipif(sys.platform != "linux", reason="is about Linux")
@pytest.mark.parametrize(
    ("kind", "make"), [("shm", make_shared_memory), ("sem", make_semaphore), ("msg", make_queue)]
)
def test_an_object_of_system_v_counts_if_a_user_of_slots_made_it(
    tmp_path: Path, monitor: HostMonitor, kind: str, make: Callable[[ctypes.CDLL], Callable[[], object]]
) -> None:
    run = tmp_path / "own" / "runs" / "x"
    before = monitor.snapshot(run)
    remove = make(ctypes.CDLL(None))
    try:
        after = monitor.snapshot(run)
    finally:
        remove()
    assert monitor.differences(before, after, "") == [], (
        "the grader's own user made it, and slots have others"
    )
    differences = replace(monitor, users=None).differences(before, after, "")
    kinds = {line.rsplit(" ", 2)[0] for line in differences}
    assert f"new in the kernel: {kind}" in kinds, "and those that other tests make meanwhile"


def test_a_long_list_of_differences_is_cut(tmp_path: Path, monitor: HostMonitor) -> None:
    before = monitor.snapshot(tmp_path / "own" / "runs" / "x")
    for number in range(10):
        (tmp_path / "own" / f"file-{number}").touch()
    differences = monitor.differences(before, monitor.snapshot(tmp_path / "own" / "runs" / "x"), "")
    assert len(differences) == 4
    assert differences[-1] == "and 8 more"


@pytest.mark.skipif(sys.platform != "linux", reason="is about Linux")
def test_a_process_that_left_its_parents_is_found_and_ended() -> None:
    with adopting_orphans():
        known = descendants()
        script = "sleep 600 >/dev/null & echo $!"
        done = subprocess.run(
            ["setsid", "sh", "-c", script], stdout=subprocess.PIPE, text=True, check=True, timeout=10
        )
        number = int(done.stdout)
        assert end_new(known) == [f"a process was left: sleep ({number})"]
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
        assert end_new(known) == []


@pytest.mark.skipif(sys.platform != "linux", reason="is about Linux")
def test_a_process_that_ends_a_moment_later_is_not_held_against_anybody() -> None:
    with adopting_orphans():
        known = descendants()
        process = subprocess.Popen(["sleep", "0.3"])
        assert end_new(known) == []
        process.wait()


def test_bait_is_untouched_until_somebody_comes_and_nothing_of_it_stays() -> None:
    with lay_bait() as bait:
        time.sleep(0.1)
        assert bait.touched() == []
        assert os.environ[str(bait.targets["variable"])] == bait.canary
        assert Path(str(bait.targets["canary_file"])).read_text() == bait.canary
        with Path(str(bait.targets["fifo"])).open("r+b", buffering=0) as pipe:
            assert pipe.read(4) == bait.canary[:4].encode()
        assert len(bait.touched()) == 1
        assert bait.touched() == []
        folder, memory, variable = bait.folder, bait.shared_memory, str(bait.targets["variable"])
    assert not folder.exists()
    assert not memory.exists()
    assert variable not in os.environ
