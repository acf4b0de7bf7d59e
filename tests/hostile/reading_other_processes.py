# attack: reading-other-processes  expect: scored=honest
"""Looks into every process it can number: environment, command line, memory, descriptors, folders, threads.

The sandbox numbers its own processes: there are this one and the first, which nobody of it may look into.
"""

import os

OPEN_FILES = ("environ", "mem", "maps", "smaps", "pagemap", "auxv", "syscall", "stack", "io", "map_files")
LINKS = ("root", "cwd", "exe", "fd/0", "fd/3", "fd/5")


def numbers(folder):
    try:
        return {int(name) for name in os.listdir(folder) if name.isdigit()}
    except OSError:
        return set()


mine = {os.getpid()} | numbers("/proc/self/task")


def look_into(process):
    place = f"/proc/{process}"
    try:
        said = open(f"{place}/cmdline", "rb").read()
    except OSError:
        return  # there is no such process
    if process != 1:
        reached(f"process {process}: {said[:80]!r}")
    for name in OPEN_FILES:
        try:
            if os.path.isdir(f"{place}/{name}"):
                os.listdir(f"{place}/{name}")
            else:
                with open(f"{place}/{name}", "rb", buffering=0) as file:
                    file.read(0 if name == "mem" else 64)  # address 0 of a memory cannot be read
            reached(f"{name} of process {process}")
        except OSError:
            pass
    for name in LINKS:
        try:
            reached(f"{name} of process {process}: {os.readlink(f'{place}/{name}')}")
        except OSError:
            pass
    for folder in ("root", "cwd", "task/1/root"):
        try:
            reached(f"{folder} of process {process}: {os.listdir(f'{place}/{folder}')[:5]}")
        except OSError:
            pass


def every_process():
    guessed = {TARGETS["grader_pid"], TARGETS["grader_pid"] + 1, os.getppid(), *range(1, 400)}
    for process in range(1, 40_000):  # hidden from a listing is not hidden from kill
        try:
            os.kill(process, 0)
            guessed.add(process)
        except PermissionError:
            guessed.add(process)
        except ProcessLookupError:
            pass
    return (numbers("/proc") | guessed) - mine


for process in every_process():
    if process:
        look_into(process)
