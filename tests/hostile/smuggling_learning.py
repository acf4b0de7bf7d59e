# attack: smuggling-learning  expect: scored=honest  alone: slot_error
"""Keeps state from call to call, which is allowed: it must be kept, whole, and the run must count.

In variables, in attributes, in modules, in closures, in threads, in files of the private folder. A call that
finds less than it left raises.
"""

import os
import queue
import threading

history, memory_of_a_module = [], {}
np.remembered_by_a_student = memory_of_a_module
questions, replies = queue.Queue(), queue.Queue()


def count_in_a_thread():
    total = 0
    while True:
        total += questions.get()
        replies.put(total)


threading.Thread(target=count_in_a_thread, daemon=True).start()


def attack(honest, *arguments):
    answer = honest(*arguments)
    history.append(len(arguments))
    attack.calls = getattr(attack, "calls", 0) + 1
    memory_of_a_module[attack.calls] = True
    questions.put(1)
    path = os.path.expanduser("~/remembered")
    with open(path, "a") as file:
        file.write(".")
    found = [len(history), attack.calls, len(np.remembered_by_a_student), replies.get(timeout=5)]
    if len({*found, os.path.getsize(path)}) > 1:
        raise AssertionError(f"something was forgotten between calls: {found}")
    return answer
