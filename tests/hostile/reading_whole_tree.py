# attack: reading-whole-tree  expect: scored=honest
"""Walks all there is from the root, and searches it by name for what a grader keeps; then the home folder.

The tree is libraries to read and two empty folders to write.
"""

import os
import sys

KEPT_BY_A_GRADER = set("answers.npz gradebook.sqlite results.csv trainer.log executed.ipynb".split())
KEPT_BY_A_GRADER |= set("rebuilt.ipynb".split())
KEPT_BY_A_GRADER |= {"submission.ipynb", "slot.py", "task.toml", "first_call.frame", "dataset_labels.csv"}
KEPT_BY_A_GRADER |= {os.path.basename(TARGETS["gradebook"])}
SENSITIVE = "/etc/shadow /etc/passwd /etc/hostname /etc/machine-id /etc/hosts /var/log".split()
SENSITIVE += "/root/.ssh".split()
SENSITIVE += "/home /work /mnt /media /srv /opt /boot /var /.dockerenv /run/docker.sock".split()

for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = [name for name in folders if name not in ("proc", "sys")]
    for name in KEPT_BY_A_GRADER.intersection(files + folders):
        if (folder, name) != ("/run/slot", "slot.py"):  # the sandbox's own program
            reached(f"{folder}/{name}")

libraries = [os.path.realpath(place) for place in (sys.base_prefix, sys.prefix, *sys.path) if place]
leads_to_libraries = set()
for place in libraries:
    while place != "/":
        leads_to_libraries.add(place)
        place = os.path.dirname(place)
for place in (*SENSITIVE, TARGETS["home"]):
    try:
        found = [name for name in os.listdir(place) if f"{place}/{name}" not in leads_to_libraries]
    except NotADirectoryError:
        if os.path.isdir("/run/slot"):  # without namespaces one can ask whether a path is there
            reached(f"the file {place}")
        continue
    except OSError:
        continue
    if found:
        reached(f"{place}: {found[:5]}")
for above in ("..", "../..", "../" * 30, "/..", "/../../proc/.."):
    if set(os.listdir(above)) & {"etc", "root", "home", "var", "boot", "srv"} - {"etc", "root", "home"}:
        reached(f"a root folder that is not the sandbox's: {os.listdir(above)[:9]}")
