"""The data of `crowd_hpo`: what each folder holds, who the annotators are, and what the seed decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.task.spec import Builder, load_task

SECRET_SEED = 2**70 + 7  # secrets may be wider than 64 bits
EPISODES = range(1, 6)
Folders = tuple[Path, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def builder() -> Builder:
    return load_task("crowd_hpo").builder()


@pytest.fixture(scope="module")
def embedded(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The three folders of the embedded source, and the manifest."""
    root = tmp_path_factory.mktemp("embedded")
    manifest = builder.make_data(root / "public", root / "inputs", root / "answers", SECRET_SEED)
    return root, manifest


def read(folder: Path, episode: int) -> dict[str, Any]:
    with np.load(folder / f"episode{episode}.npz", allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def confusion(answers: Any, labels: Any) -> Any:
    """Return the shares (K, K) of each answer given the true class."""
    counts = np.zeros((10, 10))
    np.add.at(counts, (labels[answers >= 0], answers[answers >= 0]), 1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def test_the_public_folder_holds_annotations_and_only_for_val_true_labels(embedded: Folders) -> None:
    root, manifest = embedded
    names = ["annotators.json", "setting.json", "train", "val"]
    assert sorted(path.name for path in (root / "public").iterdir()) == names
    for episode in EPISODES:
        train, val = read(root / "public/train", episode), read(root / "public/val", episode)
        assert (sorted(train), sorted(val)) == (
            ["annotations", "features"],
            ["annotations", "features", "labels"],
        )
        assert (train["features"].dtype, train["features"].shape[1]) == (np.uint8, 64)
        assert 350 < len(train["features"]) < 550
        assert (val["annotations"].dtype, val["annotations"].shape) == (np.int64, (400, 10))
    assert manifest["public"]["val"]["samples"] == [400] * 5


def test_the_inputs_hold_no_true_label_and_no_word_about_the_annotators(embedded: Folders) -> None:
    root, _ = embedded
    assert sorted(path.name for path in (root / "inputs").iterdir()) == [
        "setting.json",
        "test",
        "train",
        "val",
    ]
    for episode in EPISODES:
        assert sorted(read(root / "inputs/val", episode)) == ["annotations", "features"]
        assert sorted(read(root / "inputs/test", episode)) == ["features"]
    setting = json.loads((root / "inputs/setting.json").read_text())
    assert setting == {"size": "default", "feature_max": 255, "classes": 10}


def test_the_answers_name_every_class_equally_often_in_each_episode(embedded: Folders) -> None:
    root, _ = embedded
    with np.load(root / "answers/answers.npz", allow_pickle=False) as arrays:
        assert sorted(arrays.files) == [f"episode{episode}" for episode in EPISODES]
        for labels in arrays.values():
            assert labels.dtype == np.int64
            assert np.bincount(labels).tolist() == [40] * 10
            assert abs(labels[:200].mean() - labels[200:].mean()) < 1.5  # sorted, they would differ by 5


def test_no_sample_of_an_episode_is_in_two_splits(embedded: Folders) -> None:
    root, _ = embedded
    for episode in EPISODES:
        rows = [read(root / "inputs" / split, episode)["features"] for split in ("train", "val", "test")]
        everything = np.concatenate(rows)
        assert len(np.unique(everything, axis=0)) == len(everything)


def test_every_sample_has_an_answer_and_missing_ones_are_minus_one(embedded: Folders) -> None:
    root, _ = embedded
    for episode in EPISODES:
        for split in ("train", "val"):
            answers = read(root / "inputs" / split, episode)["annotations"]
            assert set(np.unique(answers)) <= set(range(-1, 10))
            assert (answers >= 0).any(axis=1).all()


def crowd_of(root: Path, episode: int) -> tuple[list[str], dict[str, Any]]:
    """Return the kinds of the annotators of a public episode, and its val arrays."""
    people = json.loads((root / "public/annotators.json").read_text())
    return people[f"episode{episode}"]["annotators"], read(root / "public/val", episode)


def test_annotators_answer_as_their_kind_says(embedded: Folders) -> None:
    seen = set()
    for episode in EPISODES:
        kinds, val = crowd_of(embedded[0], episode)
        present = np.unique(val["labels"])
        for kind, answers in zip(kinds, val["annotations"].T, strict=True):
            matrix = confusion(answers, val["labels"])
            seen.add(kind)
            if kind == "careful":
                assert 0.6 < matrix.diagonal()[present].mean() < 1
            elif kind == "slipped":
                assert matrix.diagonal().mean() < 0.1
                assert matrix.max(axis=1)[present].mean() > 0.85
            elif kind == "biased":
                assert matrix[present].mean(axis=0).max() > 0.6
    assert seen == {"lazy", "careful", "slipped", "biased"}


def test_all_lazy_annotators_of_an_episode_merge_the_same_four_classes(embedded: Folders) -> None:
    merged_ones = set()
    for episode in EPISODES:
        kinds, val = crowd_of(embedded[0], episode)
        answers = val["annotations"][:, np.array(kinds) == "lazy"]
        if not answers.size:
            continue
        matrix = confusion(answers.ravel(), np.repeat(val["labels"], answers.shape[1]))
        merged = [label for label in np.unique(val["labels"]) if matrix[label, label] == 0]
        assert 3 <= len(merged) <= 4  # a rare class may be absent
        assert matrix[merged].max(axis=1).min() == 1
        alike = matrix[merged].argmax(axis=1)
        assert 0.03 < matrix[alike, merged].mean() < 0.4  # now and then the other way round
        merged_ones.add(tuple(merged))
    assert len(merged_ones) > 1, "the classes of the digits are shuffled"


def test_which_classes_are_rare_and_how_much_is_drawn_for_each_episode(embedded: Folders) -> None:
    rare, shares = set(), set()
    for episode in EPISODES:
        counts = np.bincount(read(embedded[0] / "public/val", episode)["labels"], minlength=10)
        order = counts.argsort()
        assert counts[order[2]] < 0.35 * counts.max()  # three are rare
        assert counts[order[6:]].min() > 40  # four are whole
        rare.add(tuple(sorted(order[:3].tolist())))
        shares.add(int(counts[order[:3]].sum()))
    assert len(rare) >= 4
    assert len(shares) >= 3


def scikit_learn_digits() -> tuple[Any, Any]:
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    return (15 * pixels).astype(np.uint8), digits


def test_no_picture_is_one_of_scikit_learns_and_no_class_has_the_name_of_its_digit(embedded: Folders) -> None:
    pixels, digits = scikit_learn_digits()
    originals, names = {row.tobytes() for row in pixels}, []
    for episode in EPISODES:
        val = read(embedded[0] / "public/val", episode)
        assert not originals & {row.tobytes() for row in val["features"]}
        distances = ((val["features"][:, None].astype(np.float32) - pixels[None]) ** 2).sum(axis=2)
        looked_up = digits[distances.argmin(axis=1)]
        classes = np.array(
            [np.bincount(val["labels"][looked_up == digit], minlength=10).argmax() for digit in range(10)]
        )
        names.append(classes.tolist())
        assert (classes == np.arange(10)).sum() <= 5
    assert len({tuple(classes) for classes in names}) == len(names)


def test_the_order_of_the_kinds_of_episodes_is_drawn(builder: Builder, tmp_path: Path) -> None:
    orders = set()
    for seed in range(4):
        builder.make_data(tmp_path / str(seed), None, None, seed)
        people = json.loads((tmp_path / str(seed) / "annotators.json").read_text())
        kinds = [people[f"episode{episode}"]["kind"] for episode in EPISODES]
        assert sorted(kinds) == ["lazy", "lazy", "mixed", "shifted", "shifted"]
        orders.add(tuple(kinds))
    assert len(orders) > 1


def test_in_shifted_episodes_the_careful_do_most_of_train_and_less_of_val(embedded: Folders) -> None:
    root, _ = embedded
    people = json.loads((root / "public/annotators.json").read_text())
    for episode in EPISODES:
        if people[f"episode{episode}"]["kind"] == "shifted":
            careful = np.array(people[f"episode{episode}"]["annotators"]) == "careful"
            done = {
                s: (read(root / "public" / s, episode)["annotations"] >= 0).mean(axis=0)
                for s in ("train", "val")
            }
            assert done["train"][careful].min() > 2 * done["train"][~careful].max()
            assert done["val"][careful].sum() < done["val"][~careful].sum()


def test_the_same_seed_gives_the_same_bytes_and_times(builder: Builder, tmp_path: Path) -> None:
    manifests = [
        builder.make_data(tmp_path / f"{n}/p", tmp_path / f"{n}/i", tmp_path / f"{n}/a", 5) for n in (1, 2)
    ]
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")
    assert manifests[0] == manifests[1]
    assert len({path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}) == 1


def test_answers_built_alone_belong_to_inputs_built_alone(builder: Builder, tmp_path: Path) -> None:
    builder.make_data(None, tmp_path / "i", tmp_path / "a", 5)
    builder.make_data(None, tmp_path / "i2", None, 5)
    builder.make_data(None, None, tmp_path / "a2", 5)
    assert files_of(tmp_path / "i") == files_of(tmp_path / "i2")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "a2")


def test_students_and_the_evaluation_never_get_the_same_crowd(embedded: Folders) -> None:
    root, _ = embedded
    for episode in EPISODES:
        public, secret = (
            read(root / folder / "val", episode)["annotations"] for folder in ("public", "inputs")
        )
        assert not np.array_equal(public, secret)


def test_a_folder_that_holds_data_is_left_alone(builder: Builder, tmp_path: Path) -> None:
    builder.make_data(tmp_path / "p", None, None, 5)
    before = files_of(tmp_path / "p")
    with pytest.raises(FileExistsError, match="already holds data"):
        builder.make_data(tmp_path / "p", None, None, 6)
    assert files_of(tmp_path / "p") == before


def test_a_rehearsal_tests_on_the_public_val_without_its_labels(
    embedded: Folders, builder: Builder, tmp_path: Path
) -> None:
    public = embedded[0] / "public"
    builder.rehearse(public, tmp_path / "i", tmp_path / "a", 9)
    assert files_of(tmp_path / "i/train") == files_of(public / "train")
    with np.load(tmp_path / "a/answers.npz") as arrays:
        answers = {name: arrays[name] for name in arrays.files}
    for episode in EPISODES:
        val, test = read(public / "val", episode), read(tmp_path / "i/test", episode)
        assert sorted(read(tmp_path / "i/val", episode)) == ["annotations", "features"]
        label_of = {row.tobytes(): label for row, label in zip(val["features"], val["labels"], strict=True)}
        labels = [label_of[row.tobytes()] for row in test["features"]]
        assert labels == answers[f"episode{episode}"].tolist()


@pytest.mark.parametrize("fault", ["missing", "unlabelled", "torn"])
def test_a_rehearsal_refuses_an_incomplete_public_folder(
    embedded: Folders, builder: Builder, tmp_path: Path, fault: str
) -> None:
    import shutil

    public = tmp_path / "p"
    shutil.copytree(embedded[0] / "public", public)
    val, path = read(public / "val", 2), public / "val/episode2.npz"
    if fault == "missing":
        path.unlink()
    elif fault == "unlabelled":
        np.savez(path, features=val["features"], annotations=val["annotations"])
    else:
        np.savez(path, features=val["features"], annotations=val["annotations"], labels=val["labels"][:7])
    with pytest.raises(ValueError, match=r"is missing|have no labels|do not belong together"):
        builder.rehearse(public, tmp_path / "i", tmp_path / "a", 9)


def write_npz(path: Path, classes: int = 10) -> str:
    """Write a source in MedMNIST format, 28 x 28 pixels, and return its name."""
    rng, arrays = np.random.default_rng(0), {}
    for name, count in (("train", 200), ("val", 60), ("test", 60)):
        arrays[f"{name}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{name}_labels"] = (np.arange(count) % classes).astype(np.uint8)[:, None]
    np.savez(path, allow_pickle=False, **arrays)
    return f"npz:{path}"


def test_the_large_size_takes_its_own_images_and_three_times_the_annotators(
    builder: Builder, tmp_path: Path
) -> None:
    source = write_npz(tmp_path / "x.npz")
    manifest = builder.make_data(tmp_path / "p", tmp_path / "i", tmp_path / "a", 5, source, size="large")
    train, test = read(tmp_path / "i/train", 1), read(tmp_path / "i/test", 1)
    assert (train["features"].shape[1], train["annotations"].shape[1]) == (784, 30)
    assert len(test["features"]) == 60  # of the test images only
    assert manifest["size"] == "large"
    setting = json.loads((tmp_path / "i/setting.json").read_text())
    assert (setting["size"], setting["feature_max"]) == ("large", 255)


def test_a_source_of_other_classes_is_refused_with_a_sentence(builder: Builder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be of the classes 0 to 9"):
        builder.make_data(tmp_path / "p", None, None, 5, write_npz(tmp_path / "x.npz", classes=7))


@pytest.mark.parametrize("source", ["", "npz", "http://x", "Embedded"])
def test_an_unknown_source_is_refused_with_the_known_ones(
    builder: Builder, tmp_path: Path, source: str
) -> None:
    with pytest.raises(ValueError, match=r"embedded, npz:PATH or torchvision:NAME"):
        builder.make_data(tmp_path / "p", None, None, 0, source)
