# attack: flooding-timers  expect: scored=honest
"""Timers and pending signals without end, the timers as fast as they go, with a handler for each."""

import ctypes
import os
import platform
import signal

libc, fired = ctypes.CDLL(None, use_errno=True), []
signal.signal(signal.SIGUSR1, lambda *_: fired.append(True))
create = 222 if platform.machine() == "x86_64" else 107
event = (ctypes.c_byte * 64)()
event[8] = signal.SIGUSR1
made = 0
while made < 100_000 and libc.syscall(create, 1, event, ctypes.byref(ctypes.c_int())) == 0:
    made += 1
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMAX})
value = (ctypes.c_byte * 128)()
ctypes.c_int.from_buffer(value, 8).value = -1
queue = 129 if platform.machine() == "x86_64" else 138
for _ in range(50_000):
    if libc.syscall(queue, os.getpid(), signal.SIGRTMAX, value):
        break
for which, number in ((signal.ITIMER_REAL, signal.SIGALRM), (signal.ITIMER_PROF, signal.SIGPROF)):
    signal.signal(number, lambda *_: fired.append(True))
    signal.setitimer(which, 1e-5, 1e-5)
while len(fired) < 200:
    sum(range(1000))
for which in (signal.ITIMER_REAL, signal.ITIMER_PROF):
    signal.setitimer(which, 0)
