"""Which attack is blamed where the honest submission is graded otherwise: tried with an arena that can be poisoned and grades nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.redteam.corpus import Attack
from grader.redteam.window import WINDOW, culprits


class Poisonable:
    """An arena in which faced attacks leave a mark; honest submissions differ while all marks of a poison are there."""

    def __init__(self, *poisons: set[str]) -> None:
        self.poisons = poisons
        self.marks: set[str] = set()
        self.faced: list[str] = []
        self.honest_runs = 0

    def face(self, attack: Attack) -> None:
        self.marks.add(attack.name)
        self.faced.append(attack.name)

    def honest_difference(self) -> str:
        self.honest_runs += 1
        return "scored, lower" if any(poison <= self.marks for poison in self.poisons) else ""

    def renew(self) -> None:
        self.marks.clear()


def attacks(names: str) -> list[Attack]:
    return [Attack(name, Path(name), ("scored=honest",), "") for name in names]


def blamed(arena: Poisonable, names: str) -> dict[str, str]:
    window = attacks(names)
    for attack in window:
        arena.face(attack)
    return culprits(arena, window)


def test_a_window_that_changes_nothing_costs_one_honest_run() -> None:
    arena = Poisonable({"x"})
    assert blamed(arena, "abcdefgh"[:WINDOW]) == {}
    assert (arena.honest_runs, len(arena.faced)) == (1, WINDOW)


@pytest.mark.parametrize("culprit", "aceh")
def test_the_attack_that_poisons_what_comes_after_it_is_named_alone(culprit: str) -> None:
    arena = Poisonable({culprit})
    assert blamed(arena, "abcdefgh") == {
        culprit: "the submission after it was graded otherwise: scored, lower"
    }
    assert arena.faced == [*"abcdefgh", *"abcdefgh"], "faced once more, one by one"
    assert not arena.honest_difference(), "the next window begins with an arena that is clean"


def test_two_attacks_that_poison_are_both_named() -> None:
    assert set(blamed(Poisonable({"b"}, {"g"}), "abcdefgh")) == {"b", "g"}


def test_attacks_that_poison_only_together_are_named_together() -> None:
    arena = Poisonable({"a", "h"})
    # Faced one by one the last of them completes the poison, and is the one that is named.
    assert set(blamed(arena, "abcdefgh")) == {"h"}


def test_a_difference_that_does_not_come_back_is_held_against_the_whole_window() -> None:
    class Fickle(Poisonable):
        def honest_difference(self) -> str:
            return super().honest_difference() if self.honest_runs == 0 else ""

    said = blamed(Fickle({"b"}), "abc")
    assert set(said) == {"a", "b", "c"}
    assert said["a"].startswith(
        "the submission after a, b, c was graded otherwise, and after none of them alone"
    )


def test_a_window_of_one_is_not_run_again() -> None:
    arena = Poisonable({"a"})
    assert set(blamed(arena, "a")) == {"a"}
    assert arena.faced == ["a"]
