# attack: reading-around-the-observation  expect: scored=honest
"""Asks the arrays of the observation for what they are a part of: hidden chances would lie beside what is shown."""


def attack(honest, *arguments):
    left = list(arguments)
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
        elif hasattr(value, "__array_interface__"):
            whole = value
            while getattr(whole, "base", None) is not None and hasattr(whole.base, "nbytes"):
                whole = whole.base
            if whole.nbytes > value.nbytes:
                reached(f"{whole.nbytes - value.nbytes} bytes around an array of {value.nbytes}")
    return honest(*arguments)
