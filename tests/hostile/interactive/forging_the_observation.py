# attack: forging-the-observation  expect: scored=honest
"""Writes a record of its own into the observation, after the honest player has looked at it, for the judge to go on with."""


def attack(honest, *arguments):
    action = honest(*arguments)
    for observation in arguments:
        for value in observation.values():
            if hasattr(value, "fill"):
                value.fill(1)
        observation.update(returns=[1e9], is_over=True, steps=0)
    return action
