# attack: flooding-output-of-bytes  expect: output_limit
"""Write all bytes there are past Python, to both descriptors, from several processes."""

import contextlib
import os


def attack(honest, *arguments):
    for _ in range(3):
        with contextlib.suppress(OSError):
            os.fork()
    while True:
        for place in (1, 2):
            with contextlib.suppress(OSError):
                os.write(place, bytes(range(256)) * 200)
