# attack: stopping-faulthandler  expect: slot_crashed
"""Let the watchdog of faulthandler end the process from a thread that Python does not know."""

import faulthandler
import time


def attack(honest, *arguments):
    faulthandler.dump_traceback_later(0.2, exit=True)
    while True:
        time.sleep(60)
