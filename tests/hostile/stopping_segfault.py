# attack: stopping-segfault  expect: slot_crashed
"""Overwrite the interpreter's own types, so that the process dies where no exception is raised."""

import ctypes


def attack(honest, *arguments):
    for kind in (dict, tuple, str, int):
        ctypes.memset(id(kind), 0xFF, 200)
    return honest(*arguments)
