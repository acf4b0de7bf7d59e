# attack: stopping-thinks-for-ever  expect: time_limit
"""Never answers the tenth step."""

import time

steps_thought = []


def attack(honest, *arguments):
    steps_thought.append(True)
    while len(steps_thought) == 10:
        time.sleep(0.1)
    return honest(*arguments)
