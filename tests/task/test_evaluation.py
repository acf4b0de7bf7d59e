"""Secrets are drawn once, seeds tell nothing, and data are built whole or not at all."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from grader.errors import UsageError
from grader.task.evaluation import prepare_rehearsal, prepare_repeats, resolve_source
from grader.task.secret import key_of, refuse_weak_secret, secret_for
from grader.task.seeds import PURPOSES, Seeds

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task


def test_a_secret_is_drawn_once_for_a_folder_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    first = secret_for(tmp_path, None)
    assert secret_for(tmp_path, None) == first
    assert len(first) == 64
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_two_folders_draw_different_secrets(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert secret_for(tmp_path / "a", None) != secret_for(tmp_path / "b", None)


def test_a_secret_file_is_used_as_it_is_and_not_copied(tmp_path: Path) -> None:
    file = tmp_path / "chosen"
    file.write_text("correct horse battery staple\n")
    assert secret_for(tmp_path, file) == b"correct horse battery staple"
    assert not (tmp_path / "secret").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"short\n", "shorter than 16"), (None, "cannot be read")],
    ids=["short", "missing"],
)
def test_a_secret_file_that_cannot_serve_is_one_line(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "chosen"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        secret_for(tmp_path, file)


def test_seeds_differ_by_task_purpose_and_repeat() -> None:
    for version in (1, 2):
        seeds = {
            Seeds.of(b"s" * 16, task, version).derive(purpose, number)
            for task in ("a", "b")
            for purpose in PURPOSES
            for number in range(3)
        }
        assert len(seeds) == 18


def test_seeds_are_as_wide_as_their_use_allows() -> None:
    seeds = Seeds.of(b"s" * 16, "a")
    for purpose, bits in (("data", 128), ("trainer", 63), ("slot", 32)):
        widest = max(seeds.derive(purpose, number) for number in range(64))
        assert bits - 6 < widest.bit_length() <= bits


def test_results_of_version_1_keep_their_seeds(toy_task: Task, tmp_path: Path) -> None:
    (repeat,) = prepare_repeats(toy_task, b"s" * 16, tmp_path, repeats=1, source="embedded", seed_version=1)
    assert (repeat.trainer_seed, repeat.slot_seed) == (2468806513, 2964746522), (
        "as version 0.1.0 derived them"
    )
    (other,) = prepare_repeats(toy_task, b"s" * 16, tmp_path, repeats=1, source="embedded")
    assert other.answers.read_bytes() != repeat.answers.read_bytes()


def test_a_chosen_secret_is_stretched_and_a_drawn_one_is_kept() -> None:
    drawn = b"0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    assert key_of(drawn) == drawn
    chosen = b"correct horse battery staple"
    assert len(key_of(chosen)) == 32
    assert key_of(chosen) != key_of(chosen + b"s")
    assert Seeds.of(chosen, "a").key == key_of(chosen)


@pytest.mark.parametrize(
    "secret",
    [
        "olympiad-exam-2026",
        "aaaaaaaaaaaaaaaa",
        "0123456789abcdef0123",
        "Passwords2026Passwords2026",
        "abababab cdcdcd cd",
    ],
)
def test_a_secret_that_people_choose_is_refused_with_how_to_draw_one(secret: str, tmp_path: Path) -> None:
    file = tmp_path / "chosen"
    file.write_text(secret)
    with pytest.raises(UsageError, match="draw one: python -c"):
        refuse_weak_secret(file)


@pytest.mark.parametrize(
    "secret",
    [b"correct horse battery staple", b"0f1e2d3c4b5a69788796a5b4c3d2e1f0", b"Wr51LeG1Qx6Vxi8SaAtltEuukzZRQbnoghCP2geXGqI=",
     bytes(range(200, 256, 3))],
    ids=["four words", "hex", "base64", "bytes"],
)  # fmt: skip
def test_a_secret_that_chance_made_is_taken(secret: bytes, tmp_path: Path) -> None:
    file = tmp_path / "chosen"
    file.write_bytes(secret)
    refuse_weak_secret(file)
    assert secret_for(tmp_path, file) == secret


def test_answers_are_not_in_the_trainers_inputs(toy_task: Task, tmp_path: Path) -> None:
    """Rule 1: answers are never visible to the trainer's notebook inputs."""
    for repeat in prepare_repeats(toy_task, b"s" * 16, tmp_path, repeats=2, source="embedded"):
        assert repeat.answers.is_file()
        assert repeat.inputs.resolve() not in repeat.answers.resolve().parents
        names = {path.name for path in repeat.inputs.rglob("*")}
        assert "answers.npz" not in names
        assert "dataset_labels.csv" not in {path.name for path in (repeat.inputs / "test").rglob("*")}


def test_data_are_built_once_and_are_the_same_for_everybody(toy_task: Task, tmp_path: Path) -> None:
    first = prepare_repeats(toy_task, b"s" * 16, tmp_path, repeats=1, source="embedded")
    seen = first[0].answers.stat().st_mtime_ns
    again = prepare_repeats(toy_task, b"s" * 16, tmp_path, repeats=2, source="embedded")
    assert again[0] == first[0]
    assert again[0].answers.stat().st_mtime_ns == seen
    assert not list(tmp_path.rglob("draft-*"))


def test_another_secret_makes_other_data(toy_task: Task, tmp_path: Path) -> None:
    one = prepare_repeats(toy_task, b"s" * 16, tmp_path, repeats=1, source="embedded")[0]
    two = prepare_repeats(toy_task, b"t" * 16, tmp_path, repeats=1, source="embedded")[0]
    assert one.answers.read_bytes() != two.answers.read_bytes()
    assert one.trainer_seed != two.trainer_seed


def test_a_source_that_does_not_exist_is_one_line_and_leaves_nothing(toy_task: Task, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be built"):
        prepare_repeats(toy_task, b"s" * 16, tmp_path, repeats=1, source="torchvision:Nothing")
    assert not list(tmp_path.rglob("repeat-*"))
    assert not list(tmp_path.rglob("draft-*"))


def test_a_rehearsal_needs_only_the_public_folder(toy_task: Task, tmp_path: Path) -> None:
    public = tmp_path / "public"
    toy_task.builder().make_data(public, None, None, 0)
    (repeat,) = prepare_rehearsal(toy_task, public, tmp_path / "scratch", repeats=1)
    assert repeat.answers.is_file()


def test_a_relative_npz_source_is_found_from_its_base(tmp_path: Path) -> None:
    assert resolve_source("npz:x.npz", tmp_path) == f"npz:{tmp_path / 'x.npz'}"
    assert resolve_source("embedded", tmp_path) == "embedded"
