"""The letters to the town hall: topics and volunteers are as the README says, and no program sees a right topic."""

from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from notebook_source import code_cells

from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TASK = load_task("town_letters")


@pytest.fixture(scope="module")
def data() -> Any:
    return TASK.builder()


@pytest.fixture(scope="module")
def drawn(data: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Letters, labels and votes."""
    letters, labels, votes = data.draw_letters(3000, np.random.default_rng(11))
    return letters, labels, votes


@pytest.fixture(scope="module")
def check_labels() -> SimpleNamespace:
    """What the cell that checks answers defines."""
    names: dict[str, Any] = {"TOPICS": TASK.spec.class_names, "np": np}
    (text,) = [text for text in code_cells("town_letters") if "def check_labels" in text]
    exec(text, names)
    return SimpleNamespace(check=names["check_labels"], error=names["InvalidOutput"])


def test_topics_have_the_shares_and_the_names_of_the_statement(
    data: Any, drawn: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
) -> None:
    _, labels, _ = drawn
    assert tuple(TASK.spec.class_names) == data.TOPICS == tuple(data.NOUNS)
    assert np.bincount(labels) / len(labels) == pytest.approx(data.SHARES, abs=0.03)
    nouns = [noun for text in data.NOUNS.values() for noun in text.split()]
    assert len(set(nouns)) == len(nouns) == 60
    assert min(map(len, nouns)) >= 3, "a noun of two characters could not lose one"


def test_two_volunteers_read_each_letter_and_are_right_as_often_as_the_readme_says(
    data: Any,
) -> None:
    labels = np.random.default_rng(1).choice(5, 4000, p=data.SHARES)
    first = (labels + 1) % 5  # never the complaint
    votes = data.draw_votes(labels, first, np.random.default_rng(2))
    assert ((votes >= 0).sum(axis=1) == 2).all()
    right = sorted(float((votes[:, one] == labels)[votes[:, one] >= 0].mean()) for one in range(6))
    by_shares = sum(share**2 for share in data.SHARES)
    assert right == pytest.approx([*sorted([0.2, 0.2, 0.2, by_shares]), 0.936, 0.936], abs=0.04)
    skimmed = sorted(float((votes[:, one] == first)[votes[:, one] >= 0].mean()) for one in range(6))
    assert skimmed[-3:] == pytest.approx([0.8] * 3, abs=0.04)


def test_a_letter_without_praise_and_remarks_is_its_complaint(data: Any) -> None:
    """The forms of complaints are those of the first clause; `write_letter` says which topic comes first."""
    rng = np.random.default_rng(3)
    lengths = set()
    for label in range(5):
        for _ in range(20):
            text, first = data.write_letter(label, rng)
            clauses = [
                clause
                for clause in text.split(", ")
                if clause not in f"{data.OPENINGS}|{data.CLOSINGS}".split("|")
            ]
            lengths.add(len(clauses))
            assert text == text.lower()
            assert first in range(5)
            if len(clauses) == 1:
                assert first == label
                assert any(matches(form, clauses[0]) for form in data.COMPLAINTS.split("|"))
    assert lengths == {1, 2, 3}


def matches(form: str, clause: str) -> bool:
    """Return whether a clause, which may end with a place, is of a form."""
    before, after = form.split("{}")
    return clause.startswith(before) and after in clause[len(before) :]


def test_a_noun_is_misspelt_by_at_most_one_character_and_its_topic_stays_known(data: Any) -> None:
    rng = np.random.default_rng(4)
    spellings = [data.misspell("hydrant", rng) for _ in range(2000)]
    assert {len(spelling) for spelling in spellings} == {6, 7, 8}
    assert spellings.count("hydrant") / 2000 == pytest.approx(0.53, abs=0.04)
    assert spellings.count("hydrants") / 2000 == pytest.approx(0.25, abs=0.04)


def test_the_same_seed_gives_the_same_files_and_a_program_gets_no_labels(data: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name
        data.make_data(folder / "public", folder / "inputs", folder / "answers", seed=3)
    for path in ("public/train.npz", "public/val.npz", "inputs/test.npz", "answers/answers.npz"):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    public, hidden, test = (
        data.load(tmp_path / "a" / path)
        for path in ("public/train.npz", "inputs/train.npz", "inputs/test.npz")
    )
    assert sorted(public) == sorted(hidden) == ["letters", "votes"]
    assert sorted(test) == ["letters"]
    assert (public["letters"] != hidden["letters"]).mean() > 0.99
    with pytest.raises(FileExistsError, match="already holds data"):
        data.make_data(tmp_path / "a" / "public", None, None, seed=3)
    with pytest.raises(ValueError, match="not one of: embedded"):
        data.make_data(tmp_path / "c", None, None, 0, "npz:mine.npz")


def test_a_rehearsal_sorts_the_letters_of_val_in_another_order(data: Any, tmp_path: Path) -> None:
    data.make_data(tmp_path / "public", None, None, seed=0)
    data.rehearse(tmp_path / "public", tmp_path / "inputs", tmp_path / "answers", 4)
    val, again = (data.load(tmp_path / path) for path in ("public/val.npz", "inputs/test.npz"))
    assert sorted(val["letters"]) == sorted(again["letters"])
    assert (val["letters"] != again["letters"]).any()
    with np.load(tmp_path / "answers" / "answers.npz") as answers:
        labels = dict(zip(again["letters"].tolist(), answers["labels"].tolist(), strict=True))
    assert all(
        labels[text] == label for text, label in zip(val["letters"].tolist(), val["labels"], strict=True)
    )
    np.savez(tmp_path / "public" / "val.npz", allow_pickle=False, letters=val["letters"])
    with pytest.raises(ValueError, match="has no array 'labels'"):
        data.rehearse(tmp_path / "public", tmp_path / "x", tmp_path / "y", 4)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([0, 1], r"the shape \(2,\) for 3 letters"),
        ([0.0, 1.0, 2.0], "the type float64; return whole numbers"),
        ([0, 1, 5], "topics from 0 to 5; each is a number from 0 to 4"),
        ([-1, 0, 1], "topics from -1 to 1"),
        ([[0], [1, 2], 3], "no array"),
        (None, r"the shape \(\) for 3 letters"),
    ],
    ids=["too few", "floats", "too high", "negative", "ragged", "none"],
)
def test_a_wrong_answer_gets_a_sentence(answer: Any, sentence: str, check_labels: SimpleNamespace) -> None:
    with pytest.raises(check_labels.error, match=sentence):
        check_labels.check(answer, 3)


def test_an_answer_is_kept_as_whole_numbers(check_labels: SimpleNamespace) -> None:
    assert check_labels.check([4, 0, 2], 3).tolist() == [4, 0, 2]


def test_the_program_gets_letters_and_votes_and_nothing_of_val() -> None:
    (text,) = [text for text in code_cells("town_letters") if "check_labels(solve(" in text]
    (call,) = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "solve"
    ]
    assert [ast.unparse(argument) for argument in call.args] == [
        "given",
        "{'letters': test['letters'].tolist()}",
    ]
    assert "given = {'letters': train['letters'].tolist(), 'votes': train['votes'].copy()}" in ast.unparse(
        ast.parse(text)
    )
