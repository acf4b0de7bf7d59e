"""The data of `learning_to_defer`: who knows what, which answers are missing, and what each folder holds."""

from __future__ import annotations

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
LISTS = ["expert1.json", "expert2.json", "expert3.json"]


@pytest.fixture(scope="module")
def builder() -> Builder:
    return load_task("learning_to_defer").builder()


@pytest.fixture(scope="module")
def embedded(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The three folders of the embedded source, and the manifest."""
    root = tmp_path_factory.mktemp("embedded")
    return root, builder.make_data(root / "public", root / "inputs", root / "answers", SECRET_SEED)


def labels_in(path: Path) -> dict[str, int]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert all(row.keys() == {"file", "label"} for row in rows)
    return {row["file"]: row["label"] for row in rows}


def by_image(folder: Path, name: str) -> dict[str, int]:
    """Map the hash of each image to its label in the list `name`."""
    labels = labels_in(folder / name)
    return {hashlib.sha256((folder / file).read_bytes()).hexdigest(): labels[file] for file in labels}


def accuracy(folder: Path, truth: dict[str, int], classes: int = 10) -> np.ndarray:
    """Return the share of right ones among each expert's answers to each class, (M, K)."""
    table = np.zeros((len(LISTS), classes, 2))
    for expert, name in enumerate(LISTS):
        for file, label in labels_in(folder / name).items():
            table[expert, truth[file]] += (1, label == truth[file])
    return np.asarray(table[..., 1] / table[..., 0])


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_public_folder_holds_images_true_classes_and_a_list_for_each_expert(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    root, manifest = embedded
    for split, count in (("train", 2500), ("val", 500)):
        folder = root / "public" / split
        assert sorted(path.name for path in folder.iterdir()) == ["data", *LISTS, "ground_truth.json"]
        assert len(labels_in(folder / "ground_truth.json")) == count == manifest["public"][split]["images"]
        assert {f"data/{path.name}" for path in (folder / "data").iterdir()} == set(
            labels_in(folder / "ground_truth.json")
        )


def test_the_test_has_all_answers_and_no_true_classes(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    assert sorted(path.name for path in (root / "inputs").iterdir()) == ["setting.json", "test", "train"]
    test = root / "inputs/test"
    assert sorted(path.name for path in test.iterdir()) == ["data", *LISTS]
    assert all(len(labels_in(test / name)) == 2000 for name in LISTS)


def test_the_answers_are_the_true_classes_in_the_order_of_the_test_files(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    root, _ = embedded
    truth = labels_in(root / "answers/ground_truth.json")
    with np.load(root / "answers/answers.npz", allow_pickle=False) as arrays:
        labels = arrays["labels"]
    names = sorted(path.name for path in (root / "inputs/test/data").iterdir())
    assert [truth[f"data/{name}"] for name in names] == labels.tolist()
    assert labels.dtype == np.int64


@pytest.mark.parametrize("folder", ["public/val", "inputs/test"])
def test_the_experts_know_seven_four_and_four_classes(
    embedded: tuple[Path, dict[str, Any]], folder: str
) -> None:
    root, _ = embedded
    truth = "answers/ground_truth.json" if folder == "inputs/test" else f"{folder}/ground_truth.json"
    right = accuracy(root / folder, labels_in(root / truth))
    known = right > 0.6
    assert sorted(known.sum(axis=1)) == [4, 4, 7]
    assert right[known].mean() == pytest.approx(0.95, abs=0.02)
    assert right[~known].mean() == pytest.approx(0.30, abs=0.03)
    assert known.any(axis=0).all(), "somebody knows each class"


def test_the_one_who_knows_most_has_the_smallest_cap(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    setting = json.loads((root / "inputs/setting.json").read_text())
    right = accuracy(root / "inputs/test", labels_in(root / "answers/ground_truth.json"))
    assert np.argmax((right > 0.6).sum(axis=1)) == np.argmin(setting["eps_upper"][:3])
    assert sum(setting["eps_lower"]) < 1 < sum(setting["eps_upper"])
    assert setting["size"] == "default"


def test_seven_of_ten_training_answers_are_missing_whether_a_class_is_known_or_not(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    root, manifest = embedded
    assert np.mean(manifest["inputs"]["train"]["missing_answers"]) == pytest.approx(0.69, abs=0.02)
    truth = labels_in(root / "inputs/train/ground_truth.json")
    sizes = np.bincount(list(truth.values()), minlength=10)
    for name in LISTS:
        given = [truth[file] for file in labels_in(root / "inputs/train" / name)]
        seen = np.bincount(given, minlength=10) / sizes
        assert sorted(np.round(seen, 1))[-5] < 0.3 < sorted(seen)[-4]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("classes", [4, 5, 10, 26])
def test_an_expert_saw_as_many_known_classes_often_as_unknown_ones_and_few_classes_were_seen_by_nobody(
    builder: Builder, classes: int, seed: int
) -> None:
    experts = vars(builder)["draw_experts"](classes, np.random.default_rng(seed))
    knows, often = experts.right > 0.5, experts.missing < 0.5
    count = round(0.4 * classes)
    assert (often & knows).sum(axis=1).tolist() == [count // 2] * 3
    assert (often & ~knows).sum(axis=1).tolist() == [count - count // 2] * 3
    assert (~often.any(axis=0)).sum() <= 0.1 * classes


def test_no_digit_is_one_of_the_originals_that_everybody_can_import(
    builder: Builder, embedded: tuple[Path, dict[str, Any]]
) -> None:
    root, _ = embedded
    originals = {image.tobytes() for image in vars(builder)["embedded_digits"]().images}
    files = [*(root / "public").rglob("*.png"), *(root / "inputs").rglob("*.png")]
    assert not originals & {np.asarray(Image.open(file)).tobytes() for file in files}


def test_the_training_experts_are_the_test_experts(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    train = accuracy(root / "inputs/train", labels_in(root / "inputs/train/ground_truth.json"))
    test = accuracy(root / "inputs/test", labels_in(root / "answers/ground_truth.json"))
    assert np.corrcoef(train.flat, test.flat)[0, 1] > 0.8


def test_the_final_evaluation_draws_other_experts_and_another_order(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    root, _ = embedded
    public, final = (by_image(root / folder / "train", "expert1.json") for folder in ("public", "inputs"))
    assert public.keys() != final.keys()
    truth = [by_image(root / folder / "train", "ground_truth.json") for folder in ("public", "inputs")]
    assert truth[0] == truth[1]
    assert list(truth[0]) != list(truth[1])


def test_no_image_is_in_two_splits_and_times_tell_nothing(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    images = [path.read_bytes() for path in (root / "inputs").rglob("*.png")]
    assert len(set(images)) == len(images) == 4500
    files = [path for path in (root / "inputs").rglob("*") if path.is_file()]
    assert len({path.stat().st_mtime_ns for path in files}) == 1


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A source of a few random images of five classes, numbered 3 to 7."""
    return write_source(tmp_path / "small.npz", classes=5)


def write_source(path: Path, *, classes: int) -> str:
    rng, arrays = np.random.default_rng(0), {}
    for name, count in (("train", 80), ("val", 30), ("test", 40)):
        arrays[f"{name}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{name}_labels"] = (np.arange(count) % classes + 3).astype(np.uint8)[:, None]
    np.savez(path, allow_pickle=False, **arrays)
    return f"npz:{path}"


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


def test_another_seed_gives_other_experts(builder: Builder, source: str, tmp_path: Path) -> None:
    for seed in (5, 6):
        builder.make_data(None, tmp_path / f"{seed}", None, seed, source)
    lists = [by_image(tmp_path / f"{seed}/train", "expert1.json") for seed in (5, 6)]
    assert lists[0] != lists[1]


def test_classes_of_any_numbers_become_0_to_k(builder: Builder, source: str, tmp_path: Path) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source, size="large")
    setting = json.loads((tmp_path / "p/setting.json").read_text())
    assert (setting["size"], setting["classes"]) == ("large", 5)
    assert set(labels_in(tmp_path / "p/train/ground_truth.json").values()) == set(range(5))


def test_a_source_of_too_few_classes_is_refused(builder: Builder, tmp_path: Path) -> None:
    few = write_source(tmp_path / "few.npz", classes=3)
    with pytest.raises(ValueError, match="3 classes; at least 4 are needed"):
        builder.make_data(tmp_path / "p", None, None, 5, few)


def test_a_folder_that_holds_data_is_left_alone(builder: Builder, source: str, tmp_path: Path) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source)
    before = files_of(tmp_path / "p")
    with pytest.raises(FileExistsError, match="already holds data"):
        builder.make_data(tmp_path / "p", None, None, 6, source)
    assert files_of(tmp_path / "p") == before


def test_a_rehearsal_trains_on_the_public_answers_and_tests_on_val(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source)
    builder.rehearse(tmp_path / "p", tmp_path / "i", tmp_path / "a", 9)
    assert files_of(tmp_path / "i/train") == files_of(tmp_path / "p/train")
    assert (tmp_path / "i/setting.json").read_bytes() == (tmp_path / "p/setting.json").read_bytes()
    assert not (tmp_path / "i/test/ground_truth.json").exists()
    for name in LISTS:
        assert by_image(tmp_path / "i/test", name) == by_image(tmp_path / "p/val", name)
    with np.load(tmp_path / "a/answers.npz") as arrays:
        assert arrays["labels"].tolist() == list(labels_in(tmp_path / "a/ground_truth.json").values())


def test_a_rehearsal_refuses_a_public_folder_with_a_missing_image(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source)
    (tmp_path / "p/val/data/0000000.png").unlink()
    with pytest.raises(ValueError, match=r"are not those of its ground_truth.json"):
        builder.rehearse(tmp_path / "p", tmp_path / "i", tmp_path / "a", 9)
