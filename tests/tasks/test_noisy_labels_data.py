"""The data of `noisy_labels`: what each folder holds, and what the seed decides."""

from __future__ import annotations

import csv
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Builder

SECRET_SEED = 2**70 + 7  # secrets may be wider than 64 bits


@pytest.fixture(scope="module")
def builder() -> Builder:
    return load_task("noisy_labels").builder()


@pytest.fixture(scope="module")
def embedded(
    builder: Builder, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The three folders of the embedded source, and the manifest."""
    root = tmp_path_factory.mktemp("embedded")
    manifest = builder.make_data(root / "public", root / "inputs", root / "answers", SECRET_SEED)
    return root, manifest


def label_of(folder: Path) -> dict[str, int]:
    with (folder / "dataset_labels.csv").open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        assert reader.fieldnames == ["file_name", "label"]
        return {row["file_name"]: int(row["label"]) for row in reader}


def labels_by_image(folder: Path) -> dict[str, int]:
    """Map the hash of each image to its label; no two images of the sources used here are equal."""
    labels = label_of(folder)
    return {
        hashlib.sha256((folder / "data" / name).read_bytes()).hexdigest(): labels[name] for name in labels
    }


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_public_folder_holds_noisy_training_and_clean_validation_images(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    root, manifest = embedded
    assert sorted(path.name for path in (root / "public").iterdir()) == ["manifest.json", "train", "val"]
    train, val = label_of(root / "public/train"), label_of(root / "public/val")
    assert sorted(train) == sorted(path.name for path in (root / "public/train/data").iterdir())
    assert (len(train), len(val)) == (2880, 600)
    assert sum(val.values()) == 180
    facts = manifest["public"]["train"]
    assert facts["labels"] == {"0": len(train) - sum(train.values()), "1": sum(train.values())}
    assert json.loads((root / "public/manifest.json").read_text())["train"] == facts


def test_the_inputs_hold_test_images_without_labels(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    assert sorted(path.name for path in (root / "inputs").iterdir()) == ["test", "train", "val"]
    assert [path.name for path in (root / "inputs/test").iterdir()] == ["data"]
    assert len(list((root / "inputs/test/data").iterdir())) == 1000


def test_the_answers_are_the_labels_in_the_order_of_the_test_files(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    root, _ = embedded
    with np.load(root / "answers/answers.npz", allow_pickle=False) as arrays:
        labels = arrays["labels"]
    table = label_of(root / "answers/test")
    assert labels.dtype == np.int64
    assert labels.sum() == 300
    names = sorted(path.name for path in (root / "inputs/test/data").iterdir())
    assert [table[name] for name in names] == labels.tolist()


def test_the_noise_rates_are_drawn_within_the_ranges_of_the_statement(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    facts = embedded[1]["inputs"]["train"]
    statement = (load_task("noisy_labels").folder / "notebook.py").read_text(encoding="utf-8")
    assert "between 50 % and 62 % of the true 0s, and between 10 % and 24 %" in statement
    assert "add up to between 66 % and 76 %" in statement
    frequent, rare = facts["wrong_labels"]["0->1"], facts["wrong_labels"]["1->0"]
    assert 0.499 < frequent < 0.621
    assert 0.099 < rare < 0.241
    assert 0.659 < frequent + rare < 0.761
    assert facts["true_share_of_class_1"] == pytest.approx(500 / 2880, abs=0.001)


def test_students_and_every_evaluation_meet_other_noise_rates(builder: Builder) -> None:
    rates = {vars(builder)["_draw_flips"](np.random.default_rng(seed)) for seed in range(50)}
    frequent, rare = np.array(sorted(rates)).T
    assert (frequent.min() < 0.52, frequent.max() > 0.6) == (True, True)
    assert (rare.min() < 0.12, rare.max() > 0.2) == (True, True)


def test_no_image_is_one_of_the_package(embedded: tuple[Path, dict[str, Any]], builder: Builder) -> None:
    digits = vars(builder)["embedded_digits"]().images
    files = sorted((embedded[0] / "inputs/test/data").iterdir())[:20]
    images = np.stack([np.asarray(Image.open(file)) for file in files]).astype(int)
    gaps = np.abs(images[:, None] - digits[None]).mean(axis=(2, 3))
    assert gaps.min() > 2  # gray levels, on average over the pixels


def test_no_image_is_in_two_splits(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    images = [path.read_bytes() for path in (root / "inputs").rglob("*.png")]
    assert len(set(images)) == len(images)


def test_the_final_evaluation_draws_noise_and_order_anew(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    public, final = labels_by_image(root / "public/train"), labels_by_image(root / "inputs/train")
    assert public.keys() == final.keys()
    differ = sum(public[image] != final[image] for image in public) / len(public)
    assert 0.35 < differ < 0.55  # two independent draws of similar noise
    assert list(public) != list(final)


def test_public_and_final_validation_images_have_the_same_labels(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    root, _ = embedded
    assert labels_by_image(root / "public/val") == labels_by_image(root / "inputs/val")


def test_file_names_numbers_and_times_tell_nothing(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    files = [path for path in (root / "inputs").rglob("*") if path.is_file()]
    assert len({path.stat().st_mtime_ns for path in files}) == 1
    names = sorted(path.name for path in (root / "inputs/test/data").iterdir())
    assert names == [f"{number:07d}.png" for number in range(1000)]
    with np.load(root / "answers/answers.npz") as arrays:
        halves = arrays["labels"][:500].mean(), arrays["labels"][500:].mean()
    assert abs(halves[0] - halves[1]) < 0.12  # sorted by label, they would differ by 0.6


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A source of a few random images, a third of them of class 1."""
    rng, arrays = np.random.default_rng(0), {}
    for name, count in (("train", 60), ("val", 20), ("test", 30)):
        arrays[f"{name}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{name}_labels"] = (np.arange(count) % 3 == 1).astype(np.uint8)[:, None]
    np.savez(tmp_path / "small.npz", allow_pickle=False, **arrays)
    return f"npz:{tmp_path / 'small.npz'}"


def test_the_same_seed_gives_the_same_bytes(builder: Builder, source: str, tmp_path: Path) -> None:
    manifests = [
        builder.make_data(tmp_path / f"{n}/p", tmp_path / f"{n}/i", tmp_path / f"{n}/a", 5, source)
        for n in (1, 2)
    ]
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")
    assert manifests[0] == manifests[1]


def test_answers_built_alone_belong_to_inputs_built_alone(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    builder.make_data(None, tmp_path / "i", tmp_path / "a", 5, source)
    builder.make_data(None, tmp_path / "i2", None, 5, source)
    builder.make_data(None, None, tmp_path / "a2", 5, source)
    assert files_of(tmp_path / "i") == files_of(tmp_path / "i2")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "a2")


def test_another_seed_gives_other_noise(builder: Builder, source: str, tmp_path: Path) -> None:
    for seed in (5, 6):
        builder.make_data(None, tmp_path / f"{seed}", None, seed, source)
    assert labels_by_image(tmp_path / "5/train") != labels_by_image(tmp_path / "6/train")


def test_one_seed_never_draws_the_same_noise_for_students_and_for_the_evaluation(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    builder.make_data(tmp_path / "p", tmp_path / "i", None, 5, source)
    assert labels_by_image(tmp_path / "p/train") != labels_by_image(tmp_path / "i/train")


def test_a_folder_that_holds_data_is_left_alone(builder: Builder, source: str, tmp_path: Path) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source)
    before = files_of(tmp_path / "p")
    with pytest.raises(FileExistsError, match="already holds data"):
        builder.make_data(tmp_path / "p", None, None, 6, source)
    assert files_of(tmp_path / "p") == before


def test_a_rehearsal_trains_on_the_public_labels_and_tests_on_val(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source)
    builder.rehearse(tmp_path / "p", tmp_path / "i", tmp_path / "a", 9)
    assert files_of(tmp_path / "i/train") == files_of(tmp_path / "p/train")
    assert not (tmp_path / "i/test/dataset_labels.csv").exists()
    answers = label_of(tmp_path / "a/test")
    (tmp_path / "i/test/dataset_labels.csv").write_bytes(
        (tmp_path / "a/test/dataset_labels.csv").read_bytes()
    )
    assert labels_by_image(tmp_path / "i/test") == labels_by_image(tmp_path / "p/val")
    with np.load(tmp_path / "a/answers.npz") as arrays:
        assert arrays["labels"].tolist() == [answers[name] for name in sorted(answers)]


def test_a_rehearsal_refuses_a_public_folder_with_a_missing_image(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source)
    (tmp_path / "p/val/data/0000000.png").unlink()
    with pytest.raises(ValueError, match="are not those of its dataset_labels"):
        builder.rehearse(tmp_path / "p", tmp_path / "i", tmp_path / "a", 9)
