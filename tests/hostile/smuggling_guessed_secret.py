# attack: smuggling-guessed-secret  expect: scored=honest
"""Guesses the secret of the batch: its own seed follows from it by a public formula, and tells whether a
guess is right.

From the right one all seeds follow, and with them the hidden data. A drawn secret has 256 bits; a chosen one
had better not be a word.
"""

import hashlib
import itertools

WORDS = "secret password changeme olympiad test admin grader notebook university final".split()
WORDS += "exam".split()
WORDS += ["everybody may know this one", "correct horse battery staple", "0", "1", "x"]
WORDS += [str(year) for year in range(2020, 2035)]
TASKS = "noisy_labels crowd_hpo image_al learning_to_defer multi_annotator_al toy_task".split()
TASKS += "empty_task".split()
own_seed = torch.initial_seed() % 2**32


def derived(secret, task, purpose, number):
    text = b"\0".join([secret, task.encode(), purpose.encode(), str(number).encode()])
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")


def guesses():
    yield b""
    for length in (16, 32, 64):
        for letter in "0123456789abcdefx ":
            yield (letter * length).encode()
        yield ("0123456789abcdef" * 4)[:length].encode()
        for word in WORDS:
            yield (word * length)[:length].encode()
            yield word.encode().ljust(length, b"0")
    for pair in itertools.product(WORDS, repeat=2):
        for joint in ("", " ", "-", "_"):
            yield joint.join(pair).encode()
    for word in WORDS:
        yield word.encode()
        yield hashlib.sha256(word.encode()).hexdigest().encode()
        yield hashlib.md5(word.encode()).hexdigest().encode()


for guess in guesses():
    for task in TASKS:
        for number in range(4):
            if derived(guess, task, "slot", number) == own_seed:
                reached(f"the secret {guess!r}, and so the seed of the data")
