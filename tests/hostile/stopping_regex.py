# attack: stopping-regex  expect: time_limit
"""A pattern that goes back 2^60 times, in C, at definition."""

import re

re.match(r"(?:a|a|aa)+$", "a" * 60 + "b")
