# attack: flooding-recursion  expect: slot_crashed|slot_error
"""Recurse through C, with every guard of Python's taken away, until the stack is used up."""

import sys


def deeper(value):
    return max([value], key=deeper)


def attack(honest, *arguments):
    sys.setrecursionlimit(10**9)
    deeper(0)
    return honest(*arguments)
