# attack: stopping-in-del  expect: time_limit
"""Return honestly, and never finish clearing up."""


class Clinging:
    def __del__(self):
        while True:
            pass


def attack(honest, *arguments):
    clinging = Clinging()
    return honest(*arguments)
