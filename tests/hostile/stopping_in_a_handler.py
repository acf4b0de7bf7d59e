# attack: stopping-in-a-handler  expect: time_limit|slot_error|slot_crashed
"""Return honestly, and loop in a signal handler while the next question is awaited; handlers pile up, some beyond the end of Python."""

import signal


def loop(*_):
    while True:
        pass


def attack(honest, *arguments):
    signal.signal(signal.SIGALRM, loop)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    return honest(*arguments)
