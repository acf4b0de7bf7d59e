# attack: flooding-output  expect: output_limit
"""Print gigabytes, in long lines and in none, and go on whatever happens."""

import contextlib


def attack(honest, *arguments):
    while True:
        with contextlib.suppress(Exception):
            print("x" * 100_000, end="\r" if len(arguments) % 2 else "")
