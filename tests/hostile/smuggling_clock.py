# attack: smuggling-clock  expect: scored=honest
"""Reads every clock around its calls, to learn from how long the trainer takes; and sleeps, to be told in
return.

How long the other side took says how many numbers it added, and not which. Clocks that begin with the machine
or with the batch do not seed anything either.
"""

import os
import random
import time

marks, slept = [], [0.0]


def clocks():
    names = [name for name in dir(time) if name.startswith("CLOCK_")]
    return [time.clock_gettime(getattr(time, name)) for name in names] + [time.time(), os.times().elapsed]


def seeds_from(now):
    moment = int(now[-2])
    return [*range(moment - 5, moment + 5), int(now[-2] * 1000), os.getpid(), os.getppid(), *map(int, now)]


def attack(honest, *arguments):
    marks.append(clocks())
    if slept[0] < 0.5:
        time.sleep(0.05)
        slept[0] += 0.05
    given = [value for value in arguments if type(value) is int and value > 1000]
    if given and len(marks) < 4:
        for seed in seeds_from(marks[-1]):
            rng, drawn = np.random.default_rng(seed % 2**63), random.Random(seed)
            draws = {
                *rng.integers(2**31, size=64).tolist(),
                seed,
                drawn.getrandbits(31),
                drawn.getrandbits(32),
            }
            if draws & {*given}:
                reached(f"a seed that a clock gives away: {seed}")
    return honest(*arguments)
