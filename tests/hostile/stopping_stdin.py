# attack: stopping-stdin  expect: slot_error
"""Wait for somebody to type: there is nobody, and that is known at once."""


def attack(honest, *arguments):
    input("your name? ")
    return honest(*arguments)
