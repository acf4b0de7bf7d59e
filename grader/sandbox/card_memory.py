"""Fill the free memory of the one GPU that this process sees with zeros: `python -m grader.sandbox.card_memory`."""

from __future__ import annotations

import time
from typing import Any

LARGEST_BLOCK, SMALLEST_BLOCK = 1 << 30, 2 << 20  # bytes; CUDA hands out memory in pages of 2 MB
LEAST_FREE = 0.75  # of all its memory: more is in use by a program that nobody knows here, and would be freed uncleared
SETTLING_SECONDS = (
    20.0  # what a program sent through a socket to nobody, the kernel closes a moment after its end
)
MOST_LEFT = 32 << 20  # bytes of crumbs that are smaller than such a page or lie between them


def fill(torch: Any, settling_seconds: float = SETTLING_SECONDS) -> None:
    """Take and fill what is free, in blocks that get smaller, and free it again; wait a while for what ended to be gone.

    Raises RuntimeError where others use the device or more is left than crumbs, and what `torch` raises where that fails.
    """
    end = time.monotonic() + settling_seconds
    free, of_all = torch.cuda.mem_get_info()
    while free < LEAST_FREE * of_all and time.monotonic() < end:
        time.sleep(0.5)
        free, _ = torch.cuda.mem_get_info()
    if free < LEAST_FREE * of_all:
        raise RuntimeError(f"{of_all - free >> 20} MB of {of_all >> 20} MB are in use")
    blocks, size = [], LARGEST_BLOCK
    while size >= SMALLEST_BLOCK:
        try:
            blocks.append(torch.zeros(size, dtype=torch.uint8, device="cuda"))
        except torch.cuda.OutOfMemoryError:
            size //= 2
    torch.cuda.synchronize()  # what failed on the device is raised here
    left = torch.cuda.mem_get_info()[0]
    if left > MOST_LEFT:
        raise RuntimeError(f"{left >> 20} MB of {sum(map(len, blocks)) + left >> 20} MB could not be filled")


def main() -> None:
    """Fill it, or end with what went wrong."""
    import torch  # noqa: PLC0415 -- a grader that imports this file's neighbour has no torch

    fill(torch)


if __name__ == "__main__":
    main()
