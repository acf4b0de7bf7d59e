# attack: flooding-memory  expect: scored=honest
"""Take memory in every way until it is refused, give it back, and go on honestly; 8 GB in one process would be a hole."""

import gc
import mmap

import numpy as np
import torch

STEP, MOST = 1 << 24, 8 << 30


def pages(flags):
    return lambda: mmap.mmap(-1, STEP, flags=flags)


WAYS = {
    "a list": lambda: bytearray(STEP),
    "numpy": lambda: np.zeros(STEP, np.uint8),
    "torch": lambda: torch.empty(STEP, dtype=torch.uint8),
    "private pages": pages(mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS),
    "shared pages": pages(mmap.MAP_SHARED | mmap.MAP_ANONYMOUS),
    "pages on demand": pages(mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000),  # MAP_NORESERVE
}
for way, take in WAYS.items():
    kept = []
    try:
        while len(kept) * STEP < MOST:
            kept.append(take())
        reached(f"8 GB by {way}")
    except (MemoryError, OSError, RuntimeError):
        pass
    del kept
    gc.collect()
