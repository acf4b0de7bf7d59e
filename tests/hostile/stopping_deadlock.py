# attack: stopping-deadlock  expect: time_limit
"""Wait for a lock that one holds, with a thread that waits for the other."""

import threading


def attack(honest, *arguments):
    one, other = threading.Lock(), threading.Lock()
    with one:
        threading.Thread(target=lambda: other.acquire() and one.acquire()).start()
        while other.acquire(timeout=0.5):
            other.release()
        other.acquire()
    return honest(*arguments)
