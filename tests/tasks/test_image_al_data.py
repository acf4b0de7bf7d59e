"""The data of `image_al`: rare classes, two kinds of noise, malicious labels, and what the seed decides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Builder

POOLS = ("clean", "noisy")
SURE = 0.98  # share of redrawn images that are still most like the image they were drawn from
SECRET_SEED = 2**70 + 7  # secrets may be wider than 64 bits


@pytest.fixture(scope="module")
def builder() -> Builder:
    return load_task("image_al").builder()


@pytest.fixture(scope="module")
def code(builder: Builder) -> dict[str, Any]:
    """The functions and constants of data.py."""
    return vars(builder)


@pytest.fixture(scope="module")
def embedded(
    builder: Builder, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The three folders of the embedded source, and the manifest."""
    root = tmp_path_factory.mktemp("embedded")
    return root, builder.make_data(root / "public", root / "inputs", root / "answers", SECRET_SEED)


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def keys(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images]


def nearest(images: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Return the position (n,) of the original that is most like each image: the one that it was redrawn from."""
    flat, known = (each.reshape(len(each), -1).astype(np.float32) for each in (images, originals))
    distances = (known**2).sum(axis=1) - 2 * flat @ known.T  # squared, but for a constant of each image
    return np.asarray(distances.argmin(axis=1))


def test_students_get_both_pools_and_a_clean_validation_set(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, manifest = embedded
    assert sorted(files_of(root / "public")) == [
        "manifest.json", "setting.json",
        *(f"train/{name}.npz" for name in POOLS), "val/images.npz",
    ]  # fmt: skip
    val = arrays_of(root / "public/val/images.npz")
    assert np.bincount(val["labels"]).tolist() == [50] * 10
    assert manifest["public"]["clean"]["labels"] == [300, 24] * 5
    setting = json.loads((root / "public/setting.json").read_text())
    assert setting == {"size": "default", "noise": "gaussian", "classes": 10}


def test_the_test_images_come_without_labels_and_the_answers_fit_them(
    embedded: tuple[Path, dict[str, Any]], code: dict[str, Any]
) -> None:
    root, _ = embedded
    test = arrays_of(root / "inputs/test/images.npz")
    assert set(test) == {"images"}
    answers = arrays_of(root / "answers/answers.npz")["labels"]
    assert answers.dtype == np.int64
    assert np.bincount(answers).tolist() == [150] * 10
    digits = code["embedded_digits"]()
    assert (digits.labels[nearest(test["images"], digits.images)] == answers).mean() >= SURE


def test_only_the_spoilt_images_of_the_noisy_pool_have_wrong_labels(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    root, _ = embedded
    clean, noisy = (arrays_of(root / f"inputs/train/{pool}.npz") for pool in POOLS)
    label_of = dict(zip(keys(clean["images"]), clean["labels"].tolist(), strict=True))
    assert not clean["spoilt"].any()
    spoilt = noisy["spoilt"] == 1
    whole = noisy["images"][~spoilt]
    assert [label_of[key] for key in keys(whole)] == noisy["labels"][~spoilt].tolist()
    assert not set(keys(noisy["images"][spoilt])) & set(label_of)
    missing = sorted(set(label_of) - set(keys(whole)))
    truth = np.bincount([label_of[key] for key in missing], minlength=10)
    assert truth.tolist() == [90, 7] * 5, "30 % of each digit"
    assert np.bincount(noisy["labels"][spoilt], minlength=10).tolist() == np.roll(truth, 1).tolist()


def test_every_image_is_redrawn_and_none_can_be_looked_up(
    embedded: tuple[Path, dict[str, Any]], code: dict[str, Any]
) -> None:
    root, _ = embedded
    originals = code["embedded_digits"]().images
    drawn = [
        arrays_of(root / name)["images"]
        for name in ("public/val/images.npz", "inputs/train/clean.npz", "inputs/test/images.npz")
    ]
    for images in drawn:
        assert not set(keys(images)) & set(keys(originals))
        changed = images - originals[nearest(images, originals)].astype(float)
        assert 5 < np.sqrt((changed**2).mean()) < 60, "gray levels: changed, and still what it was"


def test_malicious_labels_are_never_right(code: dict[str, Any]) -> None:
    labels = np.arange(10)
    assert code["lie"](labels, 10).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


def test_gaussian_noise_has_the_announced_mean_and_spread_before_it_is_cut_off(code: dict[str, Any]) -> None:
    gray = np.full((50, 28, 28), 128, dtype=np.uint8)
    noisy = code["spoil"](gray, "gaussian", np.random.default_rng(0)) / 255
    assert noisy.mean() == pytest.approx(0.5, abs=0.01)
    assert (noisy == 0).mean() == pytest.approx(0.309, abs=0.01)  # P(N(0.5, 1) < 0)
    assert (noisy == 1).mean() == pytest.approx(0.309, abs=0.01)


def test_salt_and_pepper_noise_writes_both_salt_and_pepper(code: dict[str, Any]) -> None:
    gray = np.full((50, 28, 28), 128, dtype=np.uint8)
    noisy = code["spoil"](gray, "salt_and_pepper", np.random.default_rng(0))
    share = code["SALT_AND_PEPPER_SHARE"]
    assert set(np.unique(noisy)) == {0, 128, 255}
    assert (noisy == 0).mean() == pytest.approx(share / 2, abs=0.01)
    assert (noisy == 255).mean() == pytest.approx(share / 2, abs=0.01)
    with pytest.raises(ValueError, match="no noise 'pepper'; there are gaussian and salt_and_pepper"):
        code["spoil"](gray, "pepper", np.random.default_rng(0))


def test_noise_leaves_the_images_it_was_given_alone(code: dict[str, Any]) -> None:
    gray = np.full((2, 28, 28), 128, dtype=np.uint8)
    for kind in ("gaussian", "salt_and_pepper"):
        code["spoil"](gray, kind, np.random.default_rng(0))
    assert (gray == 128).all()


def test_no_image_is_both_in_the_pool_and_in_the_test(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    pool = set(keys(arrays_of(root / "inputs/train/clean.npz")["images"]))
    assert len(pool) == 1620
    assert not pool & set(keys(arrays_of(root / "inputs/test/images.npz")["images"]))
    assert not set(keys(arrays_of(root / "public/train/clean.npz")["images"])) & set(
        keys(arrays_of(root / "public/val/images.npz")["images"])
    )


def test_the_pools_are_in_another_order_each_time(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    orders = [
        arrays_of(root / f"{folder}/train/{name}.npz")["labels"].tolist()
        for folder in ("public", "inputs")
        for name in POOLS
    ]
    assert len({tuple(order) for order in orders}) == 4
    assert all(abs(np.mean(order[:700]) - np.mean(order[700:])) < 0.6 for order in orders)


def test_files_and_times_tell_nothing(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    assert len({path.stat().st_mtime_ns for path in (root / "inputs").rglob("*.*")}) == 1


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A source of random images of three classes."""
    rng, arrays = np.random.default_rng(0), {}
    for name, count in (("train", 90), ("val", 21), ("test", 30)):
        arrays[f"{name}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{name}_labels"] = (np.arange(count) % 3).astype(np.uint8)[:, None]
    np.savez(tmp_path / "small.npz", allow_pickle=False, **arrays)
    return f"npz:{tmp_path / 'small.npz'}"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        folder = tmp_path / name
        builder.make_data(folder / "p", folder / "i", folder / "a", seed, source)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    one, other = files_of(tmp_path / "one/i"), files_of(tmp_path / "other/i")
    assert one["train/noisy.npz"] != other["train/noisy.npz"]


def test_answers_built_alone_belong_to_inputs_built_alone(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    builder.make_data(None, tmp_path / "i", tmp_path / "a", 5, source)
    builder.make_data(None, tmp_path / "i2", None, 5, source)
    builder.make_data(None, None, tmp_path / "a2", 5, source)
    assert files_of(tmp_path / "i") == files_of(tmp_path / "i2")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "a2")


@pytest.mark.parametrize(
    ("size", "noise", "black"), [("default", "gaussian", 0.35), ("large", "salt_and_pepper", 0.2)]
)
def test_each_size_has_its_noise(
    builder: Builder, source: str, tmp_path: Path, size: str, noise: str, black: float
) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source, size=size)
    setting = json.loads((tmp_path / "p/setting.json").read_text())
    assert setting == {"size": size, "noise": noise, "classes": 3}
    pool = arrays_of(tmp_path / "p/train/noisy.npz")
    spoilt = pool["images"][pool["spoilt"] == 1]
    assert [(spoilt == value).mean() for value in (0, 255)] == pytest.approx([black, black], abs=0.05)


def test_an_unknown_size_is_refused_with_the_known_ones(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no size 'huge'; there are: default, large"):
        builder.make_data(tmp_path / "q", None, None, 5, source, size="huge")


def test_a_source_with_gaps_in_its_classes_is_refused(builder: Builder, tmp_path: Path) -> None:
    arrays: dict[str, Any] = {}
    for name in ("train", "val", "test"):
        arrays[f"{name}_images"] = np.zeros((6, 28, 28), np.uint8)
        arrays[f"{name}_labels"] = np.array([0, 0, 2, 2, 3, 3], np.uint8)[:, None]
    np.savez(tmp_path / "x.npz", allow_pickle=False, **arrays)
    with pytest.raises(ValueError, match="at least two classes 0, 1"):
        builder.make_data(tmp_path / "p", None, None, 0, f"npz:{tmp_path / 'x.npz'}")


def test_a_folder_that_holds_data_is_left_alone(builder: Builder, source: str, tmp_path: Path) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source)
    before = files_of(tmp_path / "p")
    with pytest.raises(FileExistsError, match="already holds data"):
        builder.make_data(tmp_path / "p", None, None, 6, source)
    assert files_of(tmp_path / "p") == before


def test_a_rehearsal_keeps_the_public_pools_in_another_order_and_tests_on_val(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source)
    builder.rehearse(tmp_path / "p", tmp_path / "i", tmp_path / "a", 9)
    for name in POOLS:
        old, new = (arrays_of(tmp_path / f"{folder}/train/{name}.npz") for folder in ("p", "i"))
        assert keys(old["images"]) != keys(new["images"])
        assert dict(zip(keys(old["images"]), old["labels"].tolist(), strict=True)) == dict(
            zip(keys(new["images"]), new["labels"].tolist(), strict=True)
        )
    test, val = arrays_of(tmp_path / "i/test/images.npz"), arrays_of(tmp_path / "p/val/images.npz")
    assert set(test) == {"images"}
    label_of = dict(zip(keys(val["images"]), val["labels"].tolist(), strict=True))
    answers = arrays_of(tmp_path / "a/answers.npz")["labels"].tolist()
    assert [label_of[key] for key in keys(test["images"])] == answers
    assert (tmp_path / "i/setting.json").read_bytes() == (tmp_path / "p/setting.json").read_bytes()


def test_a_rehearsal_refuses_an_incomplete_public_folder(
    builder: Builder, source: str, tmp_path: Path
) -> None:
    builder.make_data(tmp_path / "p", None, None, 5, source)
    (tmp_path / "p/train/noisy.npz").unlink()
    with pytest.raises(ValueError, match=r"no noisy.npz in the folder train"):
        builder.rehearse(tmp_path / "p", tmp_path / "i", tmp_path / "a", 9)
