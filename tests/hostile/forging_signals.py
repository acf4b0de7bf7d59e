# attack: forging-signals  expect: scored=honest
"""Is woken by timers in the middle of whatever runs, between and during calls, and meddles with the frames it
finds.

Only the slot's own process is ever interrupted.
"""

import signal
import sys
import threading

interrupted = [0]


def meddle(number, frame):
    interrupted[0] += 1
    while frame is not None:
        for name in ("PREDICTIONS_PATH", "DATA_PATH"):
            if name in frame.f_globals or name in frame.f_locals:
                frame.f_globals[name] = "/tmp/predictions.npz"
                reached(f"{name} of a frame that a timer has interrupted")
        frame = frame.f_back


for timer, number in ((signal.ITIMER_REAL, signal.SIGALRM), (signal.ITIMER_VIRTUAL, signal.SIGVTALRM)):
    signal.signal(number, meddle)
    signal.setitimer(timer, 0.005, 0.005)
signal.signal(signal.SIGPROF, meddle)
signal.setitimer(signal.ITIMER_PROF, 0.005, 0.005)
sys.setswitchinterval(1e-6)


def pester():
    while True:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        threading.Event().wait(0.005)


signal.signal(signal.SIGUSR1, meddle)
threading.Thread(target=pester, daemon=True).start()


def attack(honest, *arguments):
    return honest(*arguments)
