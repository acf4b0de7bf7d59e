"""Trainers are packed on cards: never more than fit, and one alone where it asks for it."""

from __future__ import annotations

import threading
import time

import pytest

from grader.trainer.gpus import ANYWHERE, Cards, Place, split


def test_places_are_spread_over_the_cards_and_share_the_memory() -> None:
    cards = Cards(["0", "3"], per_card=2)
    assert cards.places == 4
    with cards.place() as one, cards.place() as two, cards.place() as three:
        assert {one.card, two.card} == {"0", "3"}
        assert {one.share, two.share, three.share} == {0.5}
        assert one.environment() == {"CUDA_VISIBLE_DEVICES": one.card}
    assert ANYWHERE.environment() == {}


def test_a_trainer_by_itself_has_all_the_memory() -> None:
    with Cards(["0"], per_card=1).place() as place:
        assert place == Place("0", 0.0)


def test_no_more_trainers_than_places_run_and_one_alone_has_its_card_for_itself() -> None:
    cards, lock = Cards(["0"], per_card=3), threading.Lock()
    inside: list[bool] = []
    seen: list[tuple[int, bool]] = []

    def work(alone: bool) -> None:
        for _ in range(15):
            with cards.place(alone=alone):
                with lock:
                    inside.append(alone)
                    seen.append((len(inside), any(inside)))
                time.sleep(0.001)
                with lock:
                    inside.remove(alone)

    threads = [threading.Thread(target=work, args=(number == 0,), daemon=True) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads), (
        "nobody waits for ever, the one who wants a whole card least"
    )
    assert max(count for count, _ in seen) == 3
    assert {count for count, alone in seen if alone} == {1}


@pytest.mark.parametrize(
    ("visible", "asked", "count", "expected"),
    [
        ("", "all", 3, ["0", "1", "2"]),
        ("", "0,2", 3, ["0", "2"]),
        ("4,6", "all", 2, ["4", "6"]),
        ("4,6", "1", 2, ["6"]),
        ("GPU-aa,GPU-bb", "1", 2, ["GPU-bb"]),
    ],
)
def test_the_choice_of_a_scheduler_is_kept(
    visible: str, asked: str, count: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert split(asked, count) == expected


@pytest.mark.parametrize("asked", ["2", "-1", "one", "0,0", ""])
def test_cards_that_are_not_there_are_one_line(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(ValueError, match="names no GPUs"):
        split(asked, 2)


def test_a_machine_without_a_card_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(ValueError, match="has no GPU"):
        split("all", 0)
