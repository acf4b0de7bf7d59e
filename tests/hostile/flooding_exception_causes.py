# attack: flooding-exception-causes  expect: slot_error|memory_limit|time_limit
"""An exception whose cause is always another new one, so that whoever follows it never comes to an end."""

KEPT = []


class Endless(Exception):
    @property
    def __cause__(self):
        KEPT.append(Endless("and before that"))
        return KEPT[-1]


def attack(honest, *arguments):
    raise Endless("at last")
