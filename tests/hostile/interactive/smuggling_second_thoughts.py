# attack: smuggling-second-thoughts  expect: slot_error
"""Fails in the middle of an episode, hoping that the judge plays it again from the start."""

thoughts = []


def attack(honest, *arguments):
    thoughts.append(True)
    if len(thoughts) == 7:
        raise ValueError("this episode should be played again")
    return honest(*arguments)
