# attack: stopping-starves-the-trainer  expect: scored=honest|time_limit  alone: slot_error
"""Take the processors from the trainer while the function itself is quick, by processes whose times are added nowhere.

Where a parent ignores its children, the kernel forgets the processor time of each child that ends. They are short-lived,
each in a session of its own, and pause while the function is asked: the lost time looks like a slow machine.
"""

import mmap
import os
import subprocess
import sys

FARM = """
import mmap, os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
asked, block = mmap.mmap(os.open("/dev/shm/asked", os.O_RDWR), 1), bytearray(1 << 22)
while True:
    try:
        child = os.fork()
    except OSError:
        time.sleep(0.005)
        continue
    if not child:
        os.setsid()
        while time.process_time() < 0.05:
            while asked[0]:
                time.sleep(0.0005)
            bytes(block)
        os._exit(0)
"""
with open("/dev/shm/asked", "wb") as file:
    file.write(b"\0")
asked = mmap.mmap(os.open("/dev/shm/asked", os.O_RDWR), 1)
subprocess.Popen([sys.executable, "-I", "-S", "-c", FARM])


def attack(honest, *arguments):
    asked[0] = 1
    try:
        return honest(*arguments)
    finally:
        asked[0] = 0
