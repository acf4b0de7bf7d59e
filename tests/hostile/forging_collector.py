# attack: forging-collector  expect: scored=honest
"""Is called by the garbage collector in the middle of whoever runs: callbacks, weak references, destructors,
resurrections.
"""

import gc
import sys
import weakref

collected, resurrected = [0], []


def look_around():
    collected[0] += 1
    frame = sys._getframe()
    while frame is not None:
        if "PREDICTIONS_PATH" in frame.f_globals:
            frame.f_globals["PREDICTIONS_PATH"] = "/tmp/predictions.npz"
            reached("a frame of the trainer, in the middle of a collection")
        frame = frame.f_back


class Cycle:
    def __init__(self):
        self.itself = self

    def __del__(self):
        look_around()
        if len(resurrected) < 100:
            resurrected.append(self)


gc.callbacks.append(lambda phase, facts: look_around())
gc.set_threshold(50, 2, 2)
gc.freeze()


def attack(honest, *arguments):
    answer = honest(*arguments)
    for _ in range(20):
        Cycle()
    for array in arguments:
        try:
            weakref.finalize(array, look_around)
        except TypeError:
            pass
    return answer
