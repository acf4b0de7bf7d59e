# attack: forging-memory  expect: scored=honest
"""Writes over memory between calls: a small integer, constants of types, the machine code of libraries, their
files.

All of it is memory of the slot's own, copied when it is written to; the files behind it are read-only.
"""

import ctypes
import gc
import mmap
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
ADDRESS = id(253) + int.__basicsize__  # of the digit of the one object that is 253
TRUE_DIGIT, FALSE_DIGIT = ctypes.string_at(ADDRESS, 4), bytes([100, 0, 0, 0])

memory_attacks = [0]


def mapped_code():
    for line in open("/proc/self/maps"):
        fields = line.split()
        if fields[1].startswith("r-x") and len(fields) > 5 and fields[5].startswith("/"):
            yield int(fields[0].split("-")[0], 16), fields[5]


for start, path in list(mapped_code()):
    if libc.mprotect(start, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) == 0:
        byte = ctypes.c_ubyte.from_address(start + 64)
        byte.value = byte.value  # the page is a copy now
        libc.mprotect(start, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC)
    try:
        os.close(os.open(path, os.O_RDWR))
        reached(f"{path} can be written")
    except OSError:
        pass


def empty_models():
    for thing in gc.get_objects():
        if type(thing) is torch.nn.Parameter:
            ctypes.memset(thing.data_ptr(), 0, thing.numel() * thing.element_size())
            reached("the weights of a model")


def attack(honest, *arguments):
    ctypes.memmove(ADDRESS, TRUE_DIGIT, 4)
    answer = honest(*arguments)
    ctypes.memmove(ADDRESS, FALSE_DIGIT, 4)
    memory_attacks[0] += 1
    if memory_attacks[0] in (1, 99):
        empty_models()
    return answer
