# attack: stopping-each-signal  expect: scored=honest  alone: slot_error
"""Send every signal there is to a child each, to the group of nobody, and to a child that blocks them all."""

import contextlib
import os
import signal

for number in range(1, signal.NSIG):
    child = os.fork()
    if not child:
        try:
            os.setsid()
            if number % 2:
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            os.kill(os.getpid(), number)
            os.killpg(0, number)
        finally:
            os._exit(0)
    _, how = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(how):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
