# attack: program-leaves-for-the-next  expect: scored=honest
"""Leave a model for the next run, or the next submission, wherever one can write, and look for one that was left.

Each run has a folder of its own, which begins empty, and nothing else to write in.
"""

import glob
import os

mounts = os.environ.get("GRADER_MOUNTS", "")
places = [
    ".",
    "/tmp",
    "/dev/shm",
    "/var/tmp",
    "/run",
    os.path.expanduser("~"),
    mounts or "/srv",
    "/run/slot/mounts",
]
for place in places:
    for path in glob.glob(os.path.join(place, ".model-*")):
        reached(f"what was left: {path}")
for place in places:
    try:
        with open(os.path.join(place, ".model-1"), "w") as file:
            file.write("weights")
        os.makedirs(os.path.join(place, ".model-2", "inner"), exist_ok=True)
        os.chmod(os.path.join(place, ".model-2"), 0o000)
    except OSError:
        continue
