# attack: stopping-by-keyboard  expect: slot_crashed
"""Raise what Ctrl-C raises, from a thread, in the middle of the call."""

import _thread
import signal
import time


def attack(honest, *arguments):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _thread.start_new_thread(_thread.interrupt_main, ())
    while True:
        time.sleep(0.05)
