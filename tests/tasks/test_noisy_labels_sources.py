"""The sources of `noisy_labels`: an instructor's own npz file or torchvision data set, and what is refused."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Builder


@pytest.fixture(scope="module")
def builder() -> Builder:
    return load_task("noisy_labels").builder()


def medmnist_file(
    path: Path, *, classes: int = 2, shape: tuple[int, ...] = (28, 28), train: int = 60
) -> Path:
    """Write a small file in MedMNIST format: labels (n, 1) uint8, the classes in unequal numbers."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, count in (("train", train), ("val", 20), ("test", 30)):
        labels = np.arange(count) % (classes + 1)
        labels[labels == classes] = 0
        arrays[f"{name}_images"] = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
        arrays[f"{name}_labels"] = labels.astype(np.uint8)[:, None]
    np.savez(path, allow_pickle=False, **arrays)
    return path


@pytest.mark.parametrize(
    "shape", [(28, 28), (28, 28, 3), (64, 64), (64, 64, 3)], ids=["gray", "rgb", "gray 64", "rgb 64"]
)
def test_medmnist_images_become_gray_and_28_pixels_wide(
    builder: Builder, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    from PIL import Image

    file = medmnist_file(tmp_path / "x.npz", shape=shape)
    builder.make_data(tmp_path / "p", None, None, 0, f"npz:{file}")
    with Image.open(tmp_path / "p/train/data/0000000.png") as image:
        assert (image.mode, image.size) == ("L", (28, 28))


def test_two_classes_keep_their_labels(builder: Builder, tmp_path: Path) -> None:
    file = medmnist_file(tmp_path / "x.npz")
    manifest = builder.make_data(None, None, tmp_path / "a", 0, f"npz:{file}")
    assert manifest["answers"]["test"]["labels"] == {"0": 20, "1": 10}


def test_of_several_classes_the_rarest_become_class_1(builder: Builder, tmp_path: Path) -> None:
    file = medmnist_file(tmp_path / "x.npz", classes=9, train=100)  # class 0 has 20 %, the others 10 % each
    manifest = builder.make_data(tmp_path / "p", None, None, 0, f"npz:{file}")
    assert manifest["public"]["train"]["true_share_of_class_1"] == pytest.approx(0.2)


def test_the_noise_goes_by_the_size_of_a_class_and_not_by_its_number(
    builder: Builder, tmp_path: Path
) -> None:
    with np.load(medmnist_file(tmp_path / "x.npz")) as arrays:
        flipped = {name: 1 - values if "labels" in name else values for name, values in arrays.items()}
    np.savez(tmp_path / "y.npz", allow_pickle=False, **flipped)
    manifest = builder.make_data(tmp_path / "p", None, None, 0, f"npz:{tmp_path / 'y.npz'}")
    wrong = manifest["public"]["train"]["wrong_labels"]
    assert wrong["1->0"] > 0.5 > wrong["0->1"]  # here class 1 is the more frequent one


def _spoil(arrays: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the arrays with the fault called `name`."""
    faults: dict[str, dict[str, Any]] = {
        "no labels": {"test_labels": None},
        "several labels": {"train_labels": np.zeros((60, 14), np.uint8)},
        "too few labels": {"val_labels": np.zeros((7, 1), np.uint8)},
        "oblong": {"val_images": np.zeros((20, 28, 30), np.uint8)},
        "floats": {"train_images": np.zeros((60, 28, 28), np.float32)},
        "one class": {"train_labels": np.zeros((60, 1), np.uint8)},
    }
    return {key: value for key, value in (arrays | faults[name]).items() if value is not None}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("no labels", "has no array 'test_labels'"),
        ("several labels", "several labels per image"),
        ("too few labels", "20 val images but 7 labels"),
        ("oblong", "must be square"),
        ("floats", "must be square and uint8"),
        ("one class", "all of one class"),
    ],
    ids=lambda value: value.split()[0],
)
def test_a_file_that_is_not_of_medmnist_format_is_refused_with_a_sentence(
    builder: Builder, tmp_path: Path, fault: str, sentence: str
) -> None:
    with np.load(medmnist_file(tmp_path / "x.npz")) as arrays:
        spoilt = _spoil(dict(arrays), fault)
    np.savez(tmp_path / "y.npz", allow_pickle=False, **spoilt)
    with pytest.raises(ValueError, match=sentence):
        builder.make_data(tmp_path / "p", None, None, 0, f"npz:{tmp_path / 'y.npz'}")


def test_a_pickled_array_is_not_loaded(builder: Builder, tmp_path: Path) -> None:
    with np.load(medmnist_file(tmp_path / "x.npz")) as arrays:
        np.savez(tmp_path / "y.npz", **{**arrays, "val_labels": np.array([{}] * 20)})
    with pytest.raises(ValueError, match="allow_pickle=False"):
        builder.make_data(tmp_path / "p", None, None, 0, f"npz:{tmp_path / 'y.npz'}")


def test_a_file_that_is_no_npz_is_refused_with_a_sentence(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(pickle.dumps([1, 2]))
    for name in ("x.npz", "missing.npz"):
        with pytest.raises(ValueError, match=f"{name} is missing or not an npz file"):
            builder.make_data(tmp_path / "p", None, None, 0, f"npz:{tmp_path / name}")


@pytest.mark.parametrize("source", ["", "npz", "npz:", "torchvision:", "http://x", "Embedded"])
def test_an_unknown_source_is_refused_with_the_known_ones(
    builder: Builder, tmp_path: Path, source: str
) -> None:
    with pytest.raises(ValueError, match=r"embedded, npz:PATH or torchvision:NAME"):
        builder.make_data(tmp_path / "p", None, None, 0, source)


def test_a_torchvision_data_set_is_read_from_its_folder(builder: Builder, tmp_path: Path) -> None:
    from torchvision import datasets

    root = tmp_path / "root"
    write_usps(root, datasets.USPS.split_list)
    manifest = builder.make_data(
        tmp_path / "p", tmp_path / "i", tmp_path / "a", 0, f"torchvision:USPS:{root}"
    )
    assert manifest["public"]["train"]["images"] == 54
    assert manifest["public"]["val"]["images"] == 6
    assert manifest["answers"]["test"]["images"] == 30


def write_usps(root: Path, split_list: dict[str, list[str]]) -> None:
    """Write the two files of USPS, a text line of label and 256 pixels for each image."""
    import bz2

    rng = np.random.default_rng(0)
    root.mkdir()
    for split, count in (("train", 60), ("test", 30)):
        lines = [
            f"{number % 10 + 1} " + " ".join(f"{k}:{v:.2f}" for k, v in enumerate(rng.uniform(-1, 1, 256), 1))
            for number in range(count)
        ]
        (root / split_list[split][1]).write_bytes(bz2.compress("\n".join(lines).encode()))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("FashionMNIST", "FashionMNIST is not in .*; download it there first"),
        ("NoSuchSet", "torchvision has no data set 'NoSuchSet'"),
        ("FakeData", "no data set 'FakeData' of a training and a test part"),
    ],
)
def test_a_torchvision_data_set_is_never_downloaded(
    builder: Builder, tmp_path: Path, name: str, sentence: str
) -> None:
    with pytest.raises((ValueError, OSError), match=sentence):
        builder.make_data(tmp_path / "p", None, None, 0, f"torchvision:{name}:{tmp_path / 'root'}")
    assert not list(tmp_path.rglob("*.gz"))
