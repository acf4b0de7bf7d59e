"""Keep what forks share in huge pages: a fork copies an entry of the page tables for each page, and its end gives each back.

Half of what imported libraries take comes from glibc's malloc, which asks for huge pages where `ENVIRONMENT` tells it to. Python's
own memory does not. `ForkedMemory` has the kernel move all of it, which takes half a second and so is left until there were many forks.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # from glibc 2.35 on; others pass over it
FORKS = 16  # a process that was forked so often will be many times more
HUGE = 2 << 20  # bytes
MADV_NORMAL, MADV_COLLAPSE = 0, 25  # of Linux's mman-common.h; older ones than 6.1 refuse the second


class ForkedMemory:
    """The memory that this process has written to by now, which each fork gets as its own."""

    def __init__(self) -> None:
        self._madvise = ctypes.CDLL(None).madvise
        self._parts = [
            (ctypes.c_void_p(start), ctypes.c_size_t(end - start)) for start, end in _written_parts()
        ]
        self._forks = 0
        self._advise(MADV_NORMAL)  # so that the first call leaves as much behind in this memory as the next

    def count_fork(self) -> None:
        """Gather the memory in huge pages where this was one fork of many; where the system cannot, nothing changes."""
        self._forks += 1
        self._advise(MADV_COLLAPSE if self._forks == FORKS else MADV_NORMAL)

    def _advise(self, advice: int) -> None:
        for start, size in self._parts:
            self._madvise(start, size, advice)


def mappings() -> list[str]:
    """Return the lines of /proc/self/maps; none where the system has no such file."""
    if sys.platform != "linux":
        return []
    return Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()


def _written_parts() -> list[tuple[int, int]]:
    """Return where the anonymous memory of this process begins and ends, in whole huge pages."""
    parts = []
    for line in mappings():
        addresses, rights, _, _, inode, *names = line.split(maxsplit=5)
        start, end = (int(address, 16) for address in addresses.split("-"))
        start, end = -(-start // HUGE) * HUGE, end // HUGE * HUGE
        if rights == "rw-p" and inode == "0" and names in ([], ["[heap]"]) and start < end:
            parts.append((start, end))
    return parts
