# attack: smuggling-state-in-files  expect: scored=honest
"""Learns in one run what it would use in the next: answers by the hash of the inputs, kept wherever something
can be kept.

Each run, and each trial before it, is a new process in private folders that were emptied.
"""

import glob
import hashlib
import os
import pickle

PLACES = [*map(os.path.expanduser, "/tmp /dev/shm ~/.cache ~/.local/state . /var/tmp /run/user".split())]
MEMORIES = [f"{place}/.answers-{number}" for place in PLACES for number in range(3)]
learnt, kept_by_hash = {}, {}

for path in [*MEMORIES, *glob.glob("/tmp/**/.answers-*", recursive=True)]:
    try:
        with open(path, "rb") as file:
            learnt |= pickle.load(file)
    except (OSError, EOFError):
        continue
    reached(f"what an earlier run learnt: {len(learnt)} answers in {path}")


def digest(value):
    if isinstance(value, (list, tuple)):
        return hashlib.sha256("".join(map(digest, value)).encode()).hexdigest()
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return hashlib.sha256(np.asarray(value).tobytes()).hexdigest()
    return hashlib.sha256(repr(value).encode()).hexdigest()


def attack(honest, *arguments):
    key = digest(arguments)
    if key in learnt:
        reached("the same inputs as in an earlier run, and the answer to them")
    answer = kept_by_hash[key] = honest(*arguments)
    if len(kept_by_hash) in (1, 2, 50):
        for path in MEMORIES:
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    pickle.dump(dict(list(kept_by_hash.items())[:50]), file)
            except OSError:
                continue
    return answer
