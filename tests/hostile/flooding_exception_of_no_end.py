# attack: flooding-exception-of-no-end  expect: time_limit
"""An exception that never finishes saying what it is."""


class Talking(Exception):
    def __str__(self):
        while True:
            pass


def attack(honest, *arguments):
    raise Talking
