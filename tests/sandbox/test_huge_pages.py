"""What forks share lies in huge pages once there were many of them."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from grader.sandbox.inside import huge_pages
from grader.sandbox.process import environment
from grader.task.limits import Limits
from grader.trainer.kernel import trainer_environment

# Prints the megabytes in huge pages before each fork is counted, and at the end.
PROGRAM = """
from grader.sandbox.inside import huge_pages
def huge():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages")) // 1024
kept = [bytearray(1 << 12) for _ in range(10_000)] + [[number] for number in range(300_000)]
memory = huge_pages.ForkedMemory()
for _ in range(huge_pages.FORKS + 1):
    print(huge(), memory.count_fork() or "")
print(huge())
"""


def run_program() -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    return [int(line) for line in done.stdout.split()]


def moves_memory() -> bool:
    """Return whether this kernel moves memory into huge pages when told to, and does not do so by itself."""
    by_itself = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not by_itself.is_file() or "[always]" in by_itself.read_text(encoding="ascii"):
        return False
    with mmap.mmap(-1, 4 * huge_pages.HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.write(b"x" * len(memory))
        try:
            memory.madvise(huge_pages.MADV_COLLAPSE)
        except OSError:
            return False
    return True


@pytest.mark.skipif(not moves_memory(), reason="this kernel moves nothing into huge pages, or all by itself")
def test_the_memory_moves_into_huge_pages_at_one_fork_of_many() -> None:
    seen = run_program()
    before, after = seen[: huge_pages.FORKS], seen[huge_pages.FORKS :]
    assert len(set(before)) == 1
    assert after[0] >= before[0] + 10
    assert after[1:] == [after[0]] * (len(after) - 1)


def test_memory_that_the_system_does_not_gather_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huge_pages, "MADV_COLLAPSE", 9999)  # no kernel knows it
    kept = [bytes([number % 256]) * 5000 for number in range(2000)]
    memory = huge_pages.ForkedMemory()
    for _ in range(huge_pages.FORKS):
        memory.count_fork()
    assert all(text == bytes([number % 256]) * 5000 for number, text in enumerate(kept))


def test_slots_and_trainers_ask_for_huge_pages() -> None:
    for variables in (environment("/tmp", Limits()), trainer_environment("cpu")):
        assert variables.items() >= huge_pages.ENVIRONMENT.items()


def test_elsewhere_there_is_nothing_to_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert huge_pages._written_parts() == []
