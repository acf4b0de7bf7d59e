# expect: time_limit -- ignores every signal it can, in many processes, and never answers
# needs: processes
import os
import signal

def your_select_indices(targets, losses):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    for _ in range(5):
        if not os.fork():
            os.setsid()
            while True:
                pass
    while True:
        pass
