# attack: smuggling-state-in-counters  expect: scored=honest  alone: slot_error
"""Hands a number to the next run where the kernel counts: process numbers, file numbers, times and sizes of
folders.

A run that finds the counters where an earlier one has pushed them knows more than a first one.
"""

import os
import threading
import time

PUSHED_PROCESSES, PUSHED_FILES = 200, 1000
FOLDERS = ("/tmp", "/dev/shm")


def number_of_a_new_file(folder):
    path = f"{folder}/counted"
    with open(path, "w"):
        number = os.stat(path).st_ino
    os.unlink(path)
    return number


first_numbers = [number_of_a_new_file(folder) for folder in FOLDERS]
if os.getpid() >= PUSHED_PROCESSES:
    reached(f"process number {os.getpid()}: an earlier run has counted up to it")
for folder, number in zip(FOLDERS, first_numbers):
    if PUSHED_FILES < number < 1 << 20:
        reached(f"file number {number} in {folder}: an earlier run has counted up to it")
for folder in FOLDERS:
    about, room = os.stat(folder), os.statvfs(folder)
    if about.st_nlink > 2 or room.f_bfree < room.f_blocks or room.f_ffree < room.f_files - 1:
        reached(
            f"{folder} is not as it was made: {about.st_nlink} links, {room.f_blocks - room.f_bfree} blocks"
        )
    if about.st_atime_ns == 1_234_567_890_123_456_789:
        reached(f"the time that an earlier run gave {folder}")
for _ in range(PUSHED_PROCESSES):  # threads are numbered like processes, and are quicker
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
for folder in FOLDERS:
    for _ in range(PUSHED_FILES):
        number_of_a_new_file(folder)
    try:
        os.utime(folder, ns=(1_234_567_890_123_456_789, time.time_ns()))
    except OSError:
        pass
