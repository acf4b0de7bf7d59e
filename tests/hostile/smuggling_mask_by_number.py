# attack: smuggling-mask-by-number  expect: scored<=baseline|invalid_output
"""Answers by the number of the call and from the source alone, as who has memorised the public data would do.

What is memorised are answers to other data: here those of the first calls, again and again. The arguments are
not looked at.
"""

import itertools

MEMORISED_CALLS = 4
memorised, numbers = {}, itertools.count(1)


def attack(honest, *arguments):
    number = next(numbers)
    key = honest, number % MEMORISED_CALLS
    if key not in memorised:
        memorised[key] = honest(*arguments)
    return memorised[key]
