# attack: flooding-exception-groups  expect: slot_error
"""Raise groups of exceptions within groups, each with long notes and a text that lies about its length."""


class Long(ValueError):
    def __str__(self):
        return "x" * 2_000_000


def attack(honest, *arguments):
    error = Long("inside")
    for _ in range(50):
        error = ExceptionGroup("g" * 10_000, [error, Long()])
        error.add_note("note " * 10_000)
        error.__notes__.append(object())
    raise error
