# attack: program-stops-its-clock  expect: time_limit
"""Take all the time there is, with the clocks of its own process set to stand still."""

import time


def attack(honest, *arguments):
    time.time = time.monotonic = time.perf_counter = lambda: 0.0
    while True:
        sum(range(100_000))
