"""The data of `multi_annotator_al`: what each folder holds, who the annotators are, and what the seed decides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Builder

SECRET_SEED = 2**70 + 7  # secrets may be wider than 64 bits
ACCURACIES = [0.0167, 0.10, 0.35, 0.46, 0.60, 0.60, 0.80, 0.95]  # of the eight, ascending


@pytest.fixture(scope="module")
def builder() -> Builder:
    return load_task("multi_annotator_al").builder()


@pytest.fixture(scope="module")
def embedded(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The three folders of the embedded source, and the manifest."""
    root = tmp_path_factory.mktemp("embedded")
    return root, builder.make_data(root / "public", root / "inputs", root / "answers", SECRET_SEED)


def arrays_of(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def as_they_are(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same three folders in the size that does not redraw the digits."""
    root = tmp_path_factory.mktemp("tutorial")
    builder.make_data(root / "public", root / "inputs", root / "answers", SECRET_SEED, size="tutorial")
    return root


def known_labels() -> dict[bytes, int]:
    digits = load_digits()
    images = digits.images.astype(np.uint8)
    return {image.tobytes(): int(label) for image, label in zip(images, digits.target, strict=True)}


def nearest_digits(images: np.ndarray) -> np.ndarray:
    """Return the position of the nearest of scikit-learn's digits to each image."""
    whole, ours = load_digits().images.reshape(-1, 64), images.reshape(-1, 64).astype(float)
    products: np.ndarray = ours @ whole.T
    return np.asarray(((whole**2).sum(axis=1) - 2 * products).argmin(axis=1))


def test_the_public_folder_holds_a_pool_and_val_with_everything_a_student_may_see(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    root, manifest = embedded
    names = {"manifest.json", "setting.json", "train/pool.npz", "val/images.npz"}
    assert set(files_of(root / "public")) == names
    pool, val = arrays_of(root / "public/train/pool.npz"), arrays_of(root / "public/val/images.npz")
    assert {name: (array.shape, str(array.dtype)) for name, array in pool.items()} == {
        "images": ((898, 8, 8), "uint8"),
        "annotations": ((898, 8), "int64"),
        "labels": ((898,), "int64"),
    }
    assert {name: array.shape for name, array in val.items()} == {"images": (899, 8, 8), "labels": (899,)}
    assert json.loads((root / "public/manifest.json").read_text())["public"] == manifest["public"]


def test_the_inputs_hold_no_true_labels(embedded: tuple[Path, dict[str, Any]]) -> None:
    root, _ = embedded
    assert set(files_of(root / "inputs")) == {"setting.json", "train/pool.npz", "test/images.npz"}
    assert set(arrays_of(root / "inputs/train/pool.npz")) == {"images", "annotations"}
    assert set(arrays_of(root / "inputs/test/images.npz")) == {"images"}


def test_the_answers_are_the_labels_in_the_order_of_the_test_images(
    embedded: tuple[Path, dict[str, Any]], as_they_are: Path
) -> None:
    known = known_labels()
    images = arrays_of(as_they_are / "inputs/test/images.npz")["images"]
    labels = arrays_of(as_they_are / "answers/answers.npz")
    assert list(labels) == ["labels"]
    assert [known[image.tobytes()] for image in images] == labels["labels"].tolist()
    redrawn = arrays_of(embedded[0] / "inputs/test/images.npz")["images"]
    truth = arrays_of(embedded[0] / "answers/answers.npz")["labels"]
    assert np.mean(load_digits().target[nearest_digits(redrawn)] == truth) > 0.95


def test_no_digit_is_found_again_by_what_a_network_answers_to_it(
    embedded: tuple[Path, dict[str, Any]], as_they_are: Path
) -> None:
    """Whoever had the network's weights could look its answers up, were the pictures those of scikit-learn."""
    whole = load_digits()
    net = LogisticRegression(max_iter=200).fit(whole.images.reshape(-1, 64)[::2], whole.target[::2])
    answers = net.predict_proba(whole.images.reshape(-1, 64))
    shares = []
    for root in (as_they_are, embedded[0]):
        images = arrays_of(root / "inputs/train/pool.npz")["images"].reshape(-1, 64)
        order = nearest_digits(images)
        shown = net.predict_proba(images)
        matches = np.abs(shown[:, None] - answers[None]).max(axis=2).argmin(axis=1)
        shares.append(np.mean(matches == order))
    assert shares[0] > 0.95
    assert shares[1] < 0.3


def test_the_two_halves_are_all_the_digits_once(as_they_are: Path) -> None:
    root = as_they_are
    for folder, test in (("public", "val"), ("inputs", "test")):
        halves = [
            arrays_of(root / folder / "train/pool.npz"),
            arrays_of(root / folder / test / "images.npz"),
        ]
        images = np.concatenate([half["images"] for half in halves])
        whole = load_digits().images.astype(np.uint8)
        assert sorted(image.tobytes() for image in images) == sorted(image.tobytes() for image in whole)


def test_the_annotators_are_as_good_as_the_statement_says_in_an_order_of_their_own(
    embedded: tuple[Path, dict[str, Any]],
) -> None:
    _, manifest = embedded
    public = manifest["public"]["accuracy_of_annotators"]
    final = manifest["answers"]["accuracy_of_annotators"]
    for found in (public, final):
        assert sorted(found) == pytest.approx(ACCURACIES, abs=0.06)
    assert np.argsort(public).tolist() != np.argsort(final).tolist()


def test_each_annotator_answers_by_a_confusion_matrix_of_its_own(builder: Builder) -> None:
    matrices = vars(builder)["confusion_matrices"]("eight", 10)
    assert matrices.shape == (8, 10, 10)
    assert np.allclose(matrices.sum(axis=2), 1)
    labels = np.repeat(np.arange(10), 4000)
    drawn = vars(builder)["annotate"](labels, matrices, np.random.default_rng(0))
    for annotator, matrix in enumerate(matrices):
        counts = np.bincount(labels * 10 + drawn[:, annotator], minlength=100).reshape(10, 10)
        assert np.abs(counts / 4000 - matrix).max() < 0.04
    expert, _, first, second, _, biased, spammer, malicious = matrices
    assert expert.diagonal().tolist() == [0.95] * 10
    assert first.diagonal().tolist() == second.diagonal()[::-1].tolist() == [0.95] * 5 + [0.25] * 5
    assert biased[7, 1] == pytest.approx(0.6)
    assert (spammer == 0.1).all()
    assert malicious[9, 0] == malicious[3, 4] == pytest.approx(0.85)


def test_the_size_tutorial_has_the_five_annotators_of_the_tutorial(builder: Builder, tmp_path: Path) -> None:
    manifest = builder.make_data(tmp_path / "p", None, None, 3, size="tutorial")
    assert json.loads((tmp_path / "p/setting.json").read_text()) == {
        "size": "tutorial",
        "crowd": "five",
        "white": 16,
    }
    found = sorted(manifest["public"]["accuracy_of_annotators"])
    assert found == pytest.approx([0.55, 0.70, 0.805, 0.85, 0.95], abs=0.05)
    hard = vars(builder)["confusion_matrices"]("five", 10)[3].diagonal()
    assert hard.tolist() == [0.85] * 9 + [0.40]


def test_neither_order_nor_times_tell_a_label(as_they_are: Path) -> None:
    root = as_they_are
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len({path.stat().st_mtime_ns for path in files}) == 1
    labels = arrays_of(root / "answers/answers.npz")["labels"]
    assert abs(labels[:450].mean() - labels[450:].mean()) < 0.8  # sorted by label, they would differ by 5
    order = [image.tobytes() for image in arrays_of(root / "inputs/train/pool.npz")["images"]]
    whole = [image.tobytes() for image in load_digits().images.astype(np.uint8)]
    places = [whole.index(image) for image in order]
    assert abs(np.corrcoef(places, np.arange(len(places)))[0, 1]) < 0.15


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(builder: Builder, tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        builder.make_data(tmp_path / name / "p", tmp_path / name / "i", tmp_path / name / "a", seed)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    ours, others = files_of(tmp_path / "a"), files_of(tmp_path / "c")
    assert all(ours[name] != others[name] for name in ours if name.endswith(".npz"))


def test_answers_built_alone_belong_to_inputs_built_alone(builder: Builder, tmp_path: Path) -> None:
    builder.make_data(None, tmp_path / "i", tmp_path / "a", 5)
    builder.make_data(None, tmp_path / "i2", None, 5)
    builder.make_data(None, None, tmp_path / "a2", 5)
    assert files_of(tmp_path / "i") == files_of(tmp_path / "i2")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "a2")


def test_one_seed_never_draws_the_same_pool_for_students_and_for_the_evaluation(
    embedded: tuple[Path, dict[str, Any]], as_they_are: Path
) -> None:
    shares = []
    for root in (as_they_are, embedded[0]):
        public, final = (
            {image.tobytes() for image in arrays_of(root / folder / "train/pool.npz")["images"]}
            for folder in ("public", "inputs")
        )
        shares.append(len(public & final) / len(final))
    assert 0.4 < shares[0] < 0.6
    assert shares[1] == 0, "each picture is redrawn"


def test_a_folder_that_holds_data_is_left_alone(builder: Builder, tmp_path: Path) -> None:
    builder.make_data(tmp_path / "p", None, None, 5)
    before = files_of(tmp_path / "p")
    with pytest.raises(FileExistsError, match="already holds data"):
        builder.make_data(tmp_path / "p", None, None, 6)
    assert files_of(tmp_path / "p") == before


def test_an_unknown_size_is_refused_with_the_known_ones(builder: Builder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no size 'huge'; there are: default, tutorial, large"):
        builder.make_data(tmp_path / "p", None, None, 0, size="huge")


def test_a_rehearsal_shuffles_the_public_pool_and_people_and_tests_on_val(
    embedded: tuple[Path, dict[str, Any]], builder: Builder, tmp_path: Path
) -> None:
    public = embedded[0] / "public"
    builder.rehearse(public, tmp_path / "i", tmp_path / "a", 9)
    assert set(files_of(tmp_path / "i")) == {"setting.json", "train/pool.npz", "test/images.npz"}
    assert (tmp_path / "i/setting.json").read_bytes() == (public / "setting.json").read_bytes()
    given, ours = arrays_of(public / "train/pool.npz"), arrays_of(tmp_path / "i/train/pool.npz")
    assert set(ours) == {"images", "annotations"}
    assert not np.array_equal(given["annotations"], ours["annotations"])
    answers_of = {
        image.tobytes(): sorted(row)
        for image, row in zip(given["images"], given["annotations"].tolist(), strict=True)
    }
    for image, row in zip(ours["images"], ours["annotations"].tolist(), strict=True):
        assert answers_of[image.tobytes()] == sorted(row)
    val, test = arrays_of(public / "val/images.npz"), arrays_of(tmp_path / "i/test/images.npz")
    known = {image.tobytes(): label for image, label in zip(val["images"], val["labels"], strict=True)}
    labels = arrays_of(tmp_path / "a/answers.npz")["labels"]
    assert [known[image.tobytes()] for image in test["images"]] == labels.tolist()


@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [("labels", "has no array 'labels'"), ("rows", "have different lengths")],
)
def test_a_rehearsal_refuses_an_incomplete_public_folder(
    builder: Builder, tmp_path: Path, lacking: str, sentence: str
) -> None:
    builder.make_data(tmp_path / "p", None, None, 5)
    pool = arrays_of(tmp_path / "p/train/pool.npz")
    if lacking == "labels":
        del pool["labels"]
    else:
        pool["labels"] = pool["labels"][1:]
    np.savez(tmp_path / "p/train/pool.npz", **pool)
    with pytest.raises(ValueError, match=sentence):
        builder.rehearse(tmp_path / "p", tmp_path / "i", tmp_path / "a", 9)


def medmnist_file(path: Path, *, classes: int) -> str:
    rng, arrays = np.random.default_rng(0), {}
    for name, count in (("train", 60), ("val", 20), ("test", 30)):
        arrays[f"{name}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{name}_labels"] = (np.arange(count) % classes).astype(np.uint8)[:, None]
    np.savez(path, allow_pickle=False, **arrays)
    return f"npz:{path}"


def test_a_source_with_splits_of_its_own_keeps_them(builder: Builder, tmp_path: Path) -> None:
    source = medmnist_file(tmp_path / "x.npz", classes=10)
    manifest = builder.make_data(tmp_path / "p", tmp_path / "i", tmp_path / "a", 5, source, size="large")
    assert [manifest["public"][name]["images"] for name in ("pool", "val")] == [60, 20]
    assert [manifest["inputs"][name]["images"] for name in ("pool", "test")] == [60, 30]
    assert json.loads((tmp_path / "i/setting.json").read_text()) == {
        "size": "large",
        "crowd": "eight",
        "white": 255,
    }


def test_a_source_without_ten_classes_is_refused_with_a_sentence(builder: Builder, tmp_path: Path) -> None:
    source = medmnist_file(tmp_path / "x.npz", classes=9)
    with pytest.raises(ValueError, match="must have the classes 0 to 9"):
        builder.make_data(tmp_path / "p", None, None, 5, source)
