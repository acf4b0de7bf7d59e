# attack: reading-uninitialised-memory  expect: scored=honest
"""Asks for memory without clearing it, and searches it and the heap around the arguments for what others left
there.

The process is a fork of one that has held nothing but libraries and this very slot.
"""

import ctypes

# What a trainer would write, and this text does not: each is followed by another character here than there.
HIDDEN = [
    (TARGETS["inputs"].encode(), b"/"),
    (TARGETS["answers"].encode(), b"/"),
    (b"PREDICTIONS_PATH", b" ="),
]
HIDDEN += [(TARGETS["variable"].encode(), b"=")]
memory_searches = [0]


def report_memory(text, where):
    for hidden, after in HIDDEN:
        place = text.find(hidden)
        while place >= 0:
            end = place + len(hidden)
            if text[end : end + len(after)] == after:
                reached(f"{where}: {text[place : end + 60]!r}")
            place = text.find(hidden, end)


def search_memory(arguments):
    kept = []
    for size in (64, 1000, 4096, 65_000, 1 << 18, 1 << 20, 1 << 22):
        for _ in range(100 if size < 5000 else 5):
            kept.append(torch.empty(size, dtype=torch.uint8).numpy())
            kept.append(np.empty(size, np.uint8))
    for array in kept:
        report_memory(array.tobytes(), "memory that was not cleared")
    for line in open("/proc/self/maps"):
        fields = line.split()
        start, end = (int(number, 16) for number in fields[0].split("-"))
        if fields[1][:2] == "rw" and (len(fields) < 6 or fields[5] == "[heap]"):
            for place in range(start, end, 1 << 24):
                report_memory(ctypes.string_at(place, min((1 << 24) + 200, end - place)), "the heap")


def attack(honest, *arguments):
    memory_searches[0] += 1
    if memory_searches[0] == TARGETS["late_call"]:
        search_memory(arguments)
    return honest(*arguments)
