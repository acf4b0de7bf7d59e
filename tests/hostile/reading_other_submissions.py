# attack: reading-other-submissions  expect: scored=honest
"""Looks for the work of others: run folders, the gradebook, what an intake unpacked, slots of sandboxes
beside it.
"""

import glob
import os

PLACES = [f"{TARGETS['runs']}/**", f"{TARGETS['runs']}/other/**", f"{os.path.dirname(TARGETS['runs'])}/*"]
PLACES += [f"{TARGETS['gradebook']}*", f"{os.path.dirname(TARGETS['gradebook'])}/*"]
PLACES += "/tmp/grader-* /tmp/grader-intake-*/** /tmp/slot-* /var/tmp/* /tmp/pytest-*/**".split()
PLACES += "/tmp/*/runs/**".split()
PLACES += ["/run/slot/../*/tmp/**", "/run/user/*", "/proc/[0-9]*/cwd/**", "/proc/[0-9]*/root/tmp/**"]


def search(when):
    for pattern in PLACES:
        for path in glob.iglob(pattern, recursive=True):
            if os.path.lexists(path) and not path.startswith((f"/proc/{os.getpid()}/", "/proc/1/")):
                reached(f"{when}: {path}")
                break
    for folder in ("/tmp", "/dev/shm", "/var/tmp", os.getcwd(), os.path.expanduser("~")):
        if os.path.isdir(folder) and os.listdir(folder):
            reached(f"{when}: {folder} holds {sorted(os.listdir(folder))[:5]}")


search("when it is defined")
calls_searched = [0]


def attack(honest, *arguments):
    calls_searched[0] += 1
    if calls_searched[0] in (1, 30):
        search(f"in call {calls_searched[0]}")
    return honest(*arguments)
