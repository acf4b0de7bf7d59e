# attack: smuggling-guessed-secret  expect: scored=honest
"""Guesses the secret of the batch: its own seed follows from it by a public formula, and tells whether a
guess is right.

From the right one all seeds follow, and with them the hidden data. A drawn secret has 256 bits; each guess of a
chosen one costs a tenth of a second, and there is no time for many.
"""

import hashlib
import hmac
import itertools
import re
import time

WORDS = "secret password changeme olympiad test admin grader notebook university final".split()
WORDS += "exam".split()
WORDS += ["everybody may know this one", "correct horse battery staple", "0", "1", "x"]
WORDS += [str(year) for year in range(2020, 2035)]
TASKS = "noisy_labels crowd_hpo image_al learning_to_defer multi_annotator_al seal_weights toy_task".split()
TASKS += "empty_task".split()
own_seed = torch.initial_seed() % 2**32


END = time.monotonic() + 2


def keys(secret):
    """Yield what seeds may be derived from, if this is the secret."""
    if re.fullmatch(rb"[0-9a-f]{32,}", secret):
        yield secret
    elif time.monotonic() < END:
        yield hashlib.scrypt(
            secret, salt=b"secret of an evaluation", n=2**15, r=8, p=1, maxmem=64 << 20, dklen=32
        )


def derived(key, task, purpose, number):
    text = b"\0".join([task.encode(), purpose.encode(), str(number).encode()])
    return int.from_bytes(hmac.digest(key, text, "sha256"), "big") >> (256 - 32)


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
    for key in keys(guess):
        for task, number in itertools.product(TASKS, range(4)):
            if derived(key, task, "slot", number) == own_seed:
                reached(f"the secret {guess!r}, and so the seed of the data")
