"""Play the episodes of an interactive task: the judge, of which a notebook gets the text in place of `# {{ judge.py }}`.

A game is an object of the author's with three parts. `observe()` returns what the player may see: plain values and arrays.
`step(action)` returns what the action earns, or raises InvalidOutput. `is_over` says whether the episode has ended.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.task.scorer_process import InvalidOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_IMPORTS = "import hashlib\nimport json\nimport operator\nfrom pathlib import Path\n\nimport numpy as np"
_NOT_SHOWN = (
    "  # noqa: N818 -- the name that notebooks have, too",
    ": Sequence[Any]", ": Callable[..., Any]", ": NDArray[Any]", ": Any", ": int", ": str",
    " -> tuple[NDArray[Any], NDArray[Any]]", " -> np.random.Generator", " -> int", " -> None",
)  # fmt: skip


def whole_number(action: Any, low: int, high: int) -> int:
    """Return an action as a whole number from `low` to `high`, or raise InvalidOutput."""
    wanted = f"return a whole number from {low} to {high}"
    try:
        number = operator.index(action)
    except TypeError:
        raise InvalidOutput(f"the action is of the type {type(action).__name__}; {wanted}") from None
    if isinstance(action, bool) or not low <= number <= high:
        raise InvalidOutput(f"the action is {action}; {wanted}")
    return number


def episode_rng(seed: int, episode: int) -> np.random.Generator:
    """Return the random numbers of one episode; they tell nothing about the seed, nor about other episodes."""
    digest = hashlib.sha256(f"{seed} episode {episode}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def play(games: Sequence[Any], act: Callable[..., Any], steps: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Play each game with `act`; return what it earned, (n,) float64, and how many actions that took, (n,) int64.

    An episode that is not over after `steps` actions ends with what it earned so far.
    """
    returns, lengths = np.zeros(len(games)), np.zeros(len(games), dtype=np.int64)
    for episode, game in enumerate(games):
        while lengths[episode] < steps and not game.is_over:
            action = act(game.observe())
            lengths[episode] += 1
            try:
                returns[episode] += game.step(action)
            except InvalidOutput as error:
                raise InvalidOutput(f"episode {episode + 1}, step {lengths[episode]}: {error}") from None
    return returns, lengths


def save_episodes(path: str, returns: NDArray[Any], lengths: NDArray[Any]) -> None:
    """Save what each episode earned for the grader, and for the feedback page also how long it took."""
    np.savez(path, returns=returns)
    series = {"return of the episode": returns.tolist(), "actions in the episode": lengths.tolist()}
    axis = {"name": "episode", "values": list(range(1, len(returns) + 1))}
    Path(path).with_name("history.json").write_text(json.dumps({"x": axis, "series": series}))


def judge_code() -> str:
    """Return the text of the cell that defines all of this, without annotations, which a notebook has no need for."""
    parts = [
        inspect.getsource(part).strip()
        for part in (InvalidOutput, whole_number, episode_rng, play, save_episodes)
    ]
    text = "\n\n\n".join([_IMPORTS, *parts])
    for part in _NOT_SHOWN:
        text = text.replace(part, "")
    return text
