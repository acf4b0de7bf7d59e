# attack: stopping-aborts  expect: slot_crashed
"""Abort from within C, in a thread, with a handler that refuses to."""

import faulthandler
import os
import signal
import threading


def attack(honest, *arguments):
    signal.signal(signal.SIGABRT, lambda *_: None)
    faulthandler.enable()
    dying = threading.Thread(target=os.abort)
    dying.start()
    dying.join()
    return honest(*arguments)
