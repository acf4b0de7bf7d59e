# attack: stopping-cpu-limit  expect: slot_crashed
"""Lower one's own limit of processor time to a second, and use it up."""

import resource


def attack(honest, *arguments):
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
    while True:
        pass
