# attack: stopping-exits-at-definition  expect: slot_crashed
"""Leave politely before the function is there, past every `except Exception`."""

import sys


class Goodbye(SystemExit):
    def __repr__(self):
        return "scored: 100 points"


try:
    sys.exit(0)
except SystemExit:
    raise Goodbye(0) from None
