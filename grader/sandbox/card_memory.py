"""Fill the free memory of the one GPU that this process sees with zeros: `python -m grader.sandbox.card_memory`."""

from __future__ import annotations

from typing import Any

LARGEST_BLOCK, SMALLEST_BLOCK = 1 << 30, 2 << 20  # bytes; CUDA hands out memory in pages of 2 MB
MOST_LEFT = 32 << 20  # bytes of crumbs that are smaller than such a page or lie between them


def fill(torch: Any) -> None:
    """Take and fill what is free, in blocks that get smaller, and free it again.

    Raises RuntimeError where more is left than crumbs, and what `torch` raises where the device fails.
    """
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
