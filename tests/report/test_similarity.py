"""Programs are alike whatever their comments, layout and names, and not because they are short."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.report.similarity import FEWEST, Alike, tokens
from grader.report.similarity import alike as alike_by

PROGRAM = '''
import math

def your_select_indices(targets, losses):
    """Choose the samples with the smallest losses of each label."""
    chosen = []
    for loss in losses:
        order = loss.argsort()
        keep = max(1, math.ceil(0.7 * len(order)))
        easy = [index for index in order[:keep] if targets[index] in (0, 1)]
        chosen.append(torch.stack(easy))
    return chosen[::-1]
'''
RENAMED = """
import math
# mine, all mine
def your_select_indices(t, l):
    out = []
    for x in l:
        o = x.argsort()
        k = max(1, math.ceil(0.7 * len(o)))   # keep 70 %
        e = [i for i in o[:k]
             if t[i] in (0, 1)]
        out.append(torch.stack(e))
    return out[::-1]
"""
OTHER = """
history = {}

def your_select_indices(targets, losses):
    step = history.setdefault("step", 0)
    history["step"] = step + 1
    weights = torch.where(targets == 1, 0.3, 0.9)
    scores = [torch.sigmoid(-loss) * weights for loss in losses]
    while step > 20 and scores[0].sum() < 4:
        scores = [score * 2 for score in scores]
        step -= 1
    return [torch.multinomial(score, 64, replacement=True) for score in scores]
"""


def alike(sources: dict[str, str]) -> list[Alike]:
    """Return the pairs of programs of different people, the most similar first."""
    pairs = alike_by(sources, {key: [key] for key in sources})
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.left, pair.right))


def test_a_renamed_copy_is_alike_in_every_token() -> None:
    (pair,) = alike({"a": PROGRAM, "b": RENAMED, "c": OTHER})
    assert (pair.left, pair.right, pair.similarity) == ("a", "b", 1.0)


def test_a_small_change_is_still_alike_and_comes_after_a_copy() -> None:
    changed = PROGRAM.replace("0.7", "0.65").replace("[::-1]", "")
    pairs = alike({"a": PROGRAM, "b": changed, "c": RENAMED})
    assert [(pair.left, pair.right) for pair in pairs] == [("a", "c"), ("a", "b"), ("b", "c")]
    assert 0.9 <= pairs[1].similarity < 1


def test_the_attempts_of_one_student_are_not_compared() -> None:
    sources = {"a": PROGRAM, "b": RENAMED}
    assert list(alike_by(sources, {"a": ["ada", "bob"], "b": ["bob"]})) == []


def test_other_programs_are_not_alike() -> None:
    assert alike({"a": PROGRAM, "b": OTHER}) == []


def test_short_programs_are_not_called_alike() -> None:
    assert len(tokens("def f(a):\n    return a\n")) < FEWEST
    assert alike({"a": "def f(a):\n    return a\n", "b": "def f(b):\n    return b\n"}) == []


def test_what_cannot_be_parsed_is_like_nothing() -> None:
    broken = PROGRAM + "\ndef f(:\n"
    assert tokens(broken) == []
    assert alike({"a": broken, "b": broken + " ", "c": PROGRAM}) == []
    assert tokens("x = " + "(" * 5000) == []


def test_names_of_libraries_and_numbers_count() -> None:
    assert "torch" in tokens(PROGRAM)
    assert "losses" not in tokens(PROGRAM)
    assert tokens("x = 1") != tokens("x = 2")


@given(st.text())
def test_any_text_has_tokens_or_none(text: str) -> None:
    assert isinstance(tokens(text), list)


@pytest.mark.xdist_group("alone")  # it looks at a clock
def test_five_hundred_programs_take_seconds() -> None:
    lines = PROGRAM.strip("\n").splitlines()
    body = "\n".join(lines[4:-1])
    programs = {
        str(number): "\n".join(
            [*lines[:4], *[body.replace("0.7", f"0.{place}{number}") for place in range(5)], lines[-1]]
        )
        for number in range(500)
    }
    assert len(tokens(programs["0"])) > 300
    begun = time.monotonic()
    assert alike(programs)
    assert time.monotonic() - begun < 60
