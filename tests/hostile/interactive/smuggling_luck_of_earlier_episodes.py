# attack: smuggling-luck-of-earlier-episodes  expect: scored=honest
"""Remembers every observation, and looks whether an episode begins like an earlier one went on: then its luck could be known.

A player may remember. What it remembers must not tell what comes.
"""

import json

seen, episodes = [], []


def plain(value):
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def attack(honest, *arguments):
    text = json.dumps([plain(value) for value in arguments])
    if seen and text == seen[0]:
        episodes.append([])
    elif not seen:
        episodes.append([])
    seen.append(text)
    episodes[-1].append(text)
    whole = [tuple(episode) for episode in episodes[:-1]]
    if len(whole) > 1 and len(whole[-1]) > 8 and whole[-1] in whole[:-1]:
        reached("the course of an episode that was played before")
    return honest(*arguments)
