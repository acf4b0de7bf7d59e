"""Places of a final round: on common seeds, with how far they depend on which seeds were drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grader.grading.places import Entrant, groups_within_noise, placements
from grader.task.score_table import Score
from grader.task.scoring import points

MAP = Score(floor=0.5, ceiling=0.8)
HARD = np.array([0.0, -0.08, 0.05, -0.03, 0.06, 0.02])  # what the seeds do to everybody


def entrant(student: str, mean: float, noise: float, number: int, seeds: int = 6) -> Entrant:
    own = np.random.default_rng(number).normal(0, noise, seeds)
    return Entrant(student, tuple((mean + HARD[:seeds] + own - own.mean()).tolist()))


CLASS = [
    entrant("ada", 0.74, 0.004, 1),
    entrant("ben", 0.70, 0.004, 2),
    entrant("cy", 0.699, 0.03, 3),
    Entrant("dee", ()),
    Entrant("eve", (), graded=False),
]


def test_what_a_seed_does_to_everybody_falls_out_of_the_comparison() -> None:
    places = placements(CLASS, MAP)
    assert [place.student for place in places] == ["ada", "ben", "cy", "dee", "eve"]
    first, second, third, *_ = places
    assert (first.best, first.worst, first.swap) == (1, 1, 0.0), "seeds differ by .1, but ada leads on each"
    assert (second.best, second.worst) == (third.best, third.worst) == (2, 3)
    assert second.swap is not None
    assert 0.2 < second.swap < 0.5
    assert groups_within_noise(CLASS, MAP) == [["ben", "cy"]]


def test_points_are_those_of_the_score_map() -> None:
    for place, one in zip(placements(CLASS, MAP)[:3], CLASS, strict=False):
        assert place.points == points(float(np.mean(one.values)), MAP)
    assert [(place.points, place.seeds) for place in placements(CLASS, MAP)[3:]] == [(0, 0), (None, 0)]


def test_a_tie_at_the_ceiling_is_broken_by_what_it_cut() -> None:
    entrants = [entrant("low", 0.86, 0.001, 1), entrant("high", 0.89, 0.001, 2)]
    places = placements(entrants, MAP)
    assert [(place.student, place.points, place.rank) for place in places] == [
        ("high", 100, 1),
        ("low", 100, 2),
    ]


@pytest.mark.parametrize(
    ("change", "groups"),
    [
        ({}, [["ben", "cy"]]),
        ({"adjusted": 55}, []),
        ({"penalty": 30}, []),
        ({"values": CLASS[1].values}, []),
        ({"values": tuple(value - 0.25 for value in CLASS[2].values)}, []),
    ],
    ids=["as it is", "adjusted", "late", "the same program", "at the floor"],
)
def test_a_group_is_of_neighbours_whom_only_noise_divides(
    change: dict[str, object], groups: list[list[str]]
) -> None:
    cy = replace(CLASS[2], **change)  # type: ignore[arg-type]
    assert groups_within_noise([CLASS[0], CLASS[1], cy], MAP) == groups


def test_more_seeds_of_a_group_are_drawn_beside_those_that_all_have() -> None:
    rng = np.random.default_rng(5)
    longer = [
        replace(one, values=(*one.values, *(mean + rng.normal(0, 0.01, 18)).tolist()))
        for one, mean in ((CLASS[1], 0.72), (CLASS[2], 0.68))
    ]
    places = placements([CLASS[0], *longer], MAP)
    assert [(place.student, place.seeds) for place in places] == [("ada", 6), ("ben", 24), ("cy", 24)]
    assert places[1].swap == 0.0
    assert placements([CLASS[0], *longer], MAP) == places, "the same results give the same places"


def test_a_late_or_adjusted_student_stands_where_the_points_are() -> None:
    late, adjusted = replace(CLASS[0], penalty=40), replace(CLASS[1], adjusted=95)
    places = placements([late, adjusted, CLASS[2]], MAP)
    assert [(place.student, place.points) for place in places] == [("ben", 95), ("cy", 67), ("ada", 41)]
    assert places[0].swap == 0.0
