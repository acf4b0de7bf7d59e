"""Similar programs are groups of people, each beside the earliest, also across classes, years and published files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from published import course

from grader.notebooks.program import slot_key
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot
from grader.report.clusters import clusters
from grader.report.pages import write_report
from grader.report.programs import OwnedProgram
from grader.task.spec import load_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

SORTED = """def your_select_indices(targets, losses):
    chosen = []
    for loss in losses:
        order = loss.argsort()
        keep = max(1, int(0.7 * len(order)))
        easy = [index for index in order[:keep] if targets[index] in (0, 1)]
        chosen.append(torch.stack(easy))
    return chosen[::-1]
"""
RENAMED = SORTED.replace("chosen", "out").replace("keep", "k").replace("order", "o").replace("easy", "e")
TUNED = RENAMED.replace("0.7", "0.65")
OTHER = """def your_select_indices(targets, losses):
    weights = torch.where(targets == 1, 0.3, 0.9)
    scores = [torch.sigmoid(-loss) * weights for loss in losses]
    while scores[0].sum() < 4:
        scores = [score * 2 for score in scores]
    return [torch.multinomial(score, 64, replacement=True) for score in scores]
"""


def program(owner: str, source: str, sent: str = "2026-01-01", origin: str = "") -> OwnedProgram:
    return OwnedProgram(slot_key(source), source, owner, origin, sent)


def grouped(*programs: OwnedProgram, starter: str = "") -> list[list[str]]:
    return [cluster.names for cluster in clusters(programs, slot_key(starter), "T", "t")]


def test_a_group_holds_whoever_is_like_somebody_in_it_and_begins_with_the_earliest() -> None:
    found = grouped(
        program("ada", SORTED, "2026-01-03"), program("ben", RENAMED, "2026-01-01"), program("cy", TUNED, "2026-01-02"),
        program("dee", OTHER, "2025-01-01"),
    )  # fmt: skip
    assert found == [["ben", "cy", "ada"]]


def test_each_program_has_one_difference_to_the_earliest_and_a_copy_none() -> None:
    (cluster,) = clusters(
        [program("ada", SORTED), program("ben", "# mine\n" + SORTED), program("cy", TUNED)], "", "T", "t"
    )
    first, copy, tuned = cluster.members
    assert (first.same, copy.same, copy.lines, tuned.same) == (True, True, [], False)
    assert any("0.65" in (pair.right or "") for pair in tuned.lines)
    assert 90 <= tuned.percent == cluster.percent < 100


def test_the_untouched_starter_is_in_no_group_and_its_changed_copies_are() -> None:
    students = [program(name, SORTED) for name in ("ada", "ben", "cy")]
    assert grouped(*students) == [["ada", "ben", "cy"]]
    assert grouped(*students, starter="# the starter\n" + SORTED) == []
    assert grouped(*students, program("dee", TUNED), program("eve", TUNED), starter=SORTED) == [
        ["dee", "eve"]
    ]


def test_files_of_predictions_are_a_group_only_where_all_values_are_the_same() -> None:
    def handed_in(owner: str, key: str, wrong: int) -> OwnedProgram:
        rows = [f"{number},{int(number == wrong)}" for number in range(30)]
        return OwnedProgram(key, "\n".join(rows), owner, is_file=True)

    files = [handed_in("ada", "1", 1), handed_in("bob", "2", 2), handed_in("eve", "1", 1)]
    assert [cluster.names for cluster in clusters(files, "", "T", "t")] == [["ada", "eve"]]


def test_the_attempts_of_one_person_are_no_group_and_count_once() -> None:
    assert grouped(program("ada", SORTED), program("ada", TUNED)) == []
    assert grouped(program("ada", SORTED), program("ada", TUNED), program("ben", TUNED)) == [["ada", "ben"]]


def test_one_id_in_two_classes_is_two_people() -> None:
    assert grouped(program("s1", SORTED), program("s1", SORTED, origin="last year")) == [
        ["s1", "s1 in last year"]
    ]


def test_short_programs_are_a_group_only_where_they_are_the_same() -> None:
    short = "def f(a):\n    return a\n"
    assert grouped(program("ada", short), program("ben", short.replace("a", "b"))) == []
    assert grouped(program("ada", short), program("ben", short)) == [["ada", "ben"]]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """This year's class: ada and ben share a program, cy has one of last year, dee and eve left the starter as it was."""
    task = load_task("noisy_labels")
    starter = load_starter(task)
    with course(tmp_path / "results", task) as made:
        made.scored("ada", SORTED, submitted="2026-03-02T10:00:00+00:00")
        made.scored("ben", RENAMED, submitted="2026-03-01T10:00:00+00:00")
        made.scored("cy", OTHER)
        for student in ("dee", "eve"):
            made.scored(student, find_slot(starter, starter))
    with course(tmp_path / "last_year", task) as made:
        made.scored("cy", OTHER, submitted="2025-03-01T10:00:00+00:00")
        made.scored("zed", find_slot(starter, starter))
    return tmp_path / "results"


def found(run: Run, *words: object) -> list[list[tuple[str, str]]]:
    code, printed, errors = run("similar", *words, "--json")
    assert (code, errors) == (0, "")
    groups: list[list[dict[str, Any]]] = json.loads(printed)["clusters"]
    return [[(member["owner"], member["origin"]) for member in group] for group in groups]


def test_without_against_a_class_is_compared_with_itself(run: Run, out: Path) -> None:
    assert found(run, out) == [[("ben", ""), ("ada", "")]]
    code, printed, _ = run("similar", out)
    assert (code, printed.splitlines()) == (
        0,
        [
            "ben, ada: the same but for names and comments",
            f"5 programs: 1 group of similar programs; wrote {out}/similar.html",
        ],
    )


def test_against_another_year_only_groups_with_a_part_there_are_shown(run: Run, out: Path) -> None:
    other = out.parent / "last_year"
    assert found(run, out, "--against", other) == [[("cy", str(other)), ("cy", "")]]
    page = (out / "similar.html").read_text(encoding="utf-8")
    assert f"cy in {other}" in page
    assert "ben" not in page


@pytest.mark.parametrize("form", ["py", "py with more", "slot", "other notebook"])
def test_against_published_solutions_in_any_form(form: str, run: Run, out: Path) -> None:
    folder = out.parent / "solutions" / "2024"
    folder.mkdir(parents=True)
    starter = load_starter(load_task("noisy_labels"))
    before = "import torch\n\n\ndef helper(a, b):\n    return [a + b for _ in range(10)]\n\n\n"
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": text}
        for text in (before, "!ls", SORTED)
    ]
    texts = {
        "py": ("a.py", RENAMED),
        "py with more": ("a.py", before + RENAMED + "\n\nprint(helper(1, 2))\n"),
        "slot": ("a.ipynb", json.dumps(rebuild(starter, RENAMED))),
        "other notebook": (
            "a.ipynb",
            json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
        ),
    }
    name, text = texts[form]
    (folder / name).write_text(text, encoding="utf-8")
    (folder / "notes.txt").write_text("nothing", encoding="utf-8")
    (folder / "broken.ipynb").write_text("{", encoding="utf-8")
    ((first, *students),) = found(run, out, "--against", folder.parent)
    assert first == (f"2024/{name}", str(folder.parent)), "what is published is earlier"
    assert [student for student, _ in students] == ["ben", "ada"]


def test_the_report_shows_the_groups_and_who_left_the_starter_as_it_was(out: Path) -> None:
    task = load_task("noisy_labels")
    write_report(out, {task.id: task})
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert '<a href="similar.html#noisy_labels-1">ben, ada</a>' in page
    assert "unchanged, from 2: dee, eve" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--against", "nowhere"), "--against nowhere does not exist"),
        (("--against", "OUT"), "is the folder itself"),
        (("--against", "EMPTY"), "holds neither results nor programs"),
        (("--task", "toy"), "has no results of 'toy'"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    words: tuple[str, ...], message: str, run: Run, out: Path
) -> None:
    (out.parent / "empty").mkdir()
    places = {"OUT": out, "EMPTY": out.parent / "empty"}
    code, _, errors = run("similar", out, *(places.get(word, word) for word in words))
    assert code == 2
    assert message in errors
