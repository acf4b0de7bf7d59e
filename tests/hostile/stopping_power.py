# attack: stopping-power  expect: time_limit
"""A power whose digits nobody will ever see, in C and without a look at signals."""


def attack(honest, *arguments):
    base = 3 if arguments else 2
    return base ** (10**9) and honest(*arguments)
