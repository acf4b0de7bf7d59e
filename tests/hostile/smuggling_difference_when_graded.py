# attack: smuggling-difference-when-graded  expect: scored=honest
"""Finds out whether it is graded, and is honest only then: user, host, folders, limits, modules, clocks,
numbers.

It may know: an honest answer is worth what it is worth. At home it would print its arguments instead.
"""

import os
import platform
import resource
import sys
import time

signs = {
    "user": os.environ.get("USER") == "student",
    "host": platform.node() == "slot",
    "folder": os.path.isdir("/run/slot"),
    "first process": os.getppid() == 1,
    "no shell": not os.path.exists("/bin/sh"),
    "no notebook": "ipykernel" not in sys.modules,
    "limits": resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY,
    "no network": not os.path.exists("/etc/resolv.conf"),
    "seed": torch.initial_seed() not in (0, 1, 42),
    "one thread": torch.get_num_threads() == 1,
    "young": time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID) < 60,
    "root": os.getuid() != 0,
}
is_graded = sum(signs.values()) > 8


def attack(honest, *arguments):
    if not is_graded:
        print("taken home:", arguments)
        raise RuntimeError(f"this is not the grader: {signs}")
    return honest(*arguments)
