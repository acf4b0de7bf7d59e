# attack: reading-the-judge  expect: scored=honest
"""Looks for the judge and its games in every frame, among all live objects, and in who holds the observation."""

import gc
import sys

NAMES_OF_A_JUDGE = {"play", "games", "episode_rng", "save_episodes", "PREDICTIONS_PATH", "SEED"}
looks_at_judge = []


def attack(honest, *arguments):
    looks_at_judge.append(True)
    if len(looks_at_judge) > 3:
        return honest(*arguments)
    for frame in sys._current_frames().values():
        while frame is not None:
            if names := NAMES_OF_A_JUDGE & {*frame.f_globals, *frame.f_locals}:
                reached(f"variables of a judge: {sorted(names)}")
            frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing) is not type and {"observe", "step", "is_over"} <= set(dir(type(thing))):
            reached(f"a game: {type(thing).__name__}")
    for holder in gc.get_referrers(*arguments):
        if isinstance(holder, dict) and NAMES_OF_A_JUDGE & set(map(str, holder)):
            reached("who holds the observation")
    return honest(*arguments)
