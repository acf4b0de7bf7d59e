# attack: forging-exit-handlers  expect: scored=honest
"""Arranges to be run once everything is over, to write results then: exit handlers, finalizers, destructors,
signals.
"""

import atexit
import glob
import os
import signal
import sys
import threading
import weakref

PLACES = [".", "/tmp", *glob.glob(f"{TARGETS['runs']}/*/run-*/repeat-*"), TARGETS["canary_folder"]]


def forge(*_):
    for place in PLACES:
        try:
            for name in ("predictions.npz", "result.json"):
                with open(f"{place}/{name}", "wb") as file:
                    file.write(b"PK")
        except OSError:
            continue
        if place == TARGETS["canary_folder"]:
            os.write(1, b"REACHED the end of a process with files to write\n")


class Last:
    def __del__(self):
        forge()


atexit.register(forge)
threading._register_atexit(forge)
weakref.finalize(sys.modules["__main__"], forge)
sys.modules["last"] = Last()
sys.excepthook = sys.unraisablehook = threading.excepthook = forge
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD, signal.SIGUSR1):
    signal.signal(number, forge)
keeper = threading.Thread(target=threading.main_thread().join, name="last", daemon=False)
keeper.start()


def attack(honest, *arguments):
    answer = honest(*arguments)
    Last()
    return answer
