"""The protected cells of `image_al`: what the slot gets, which returns are allowed, and whether the doubt is real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from notebook_source import code_cells, definitions
from torch import nn

from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

TINY = {
    "network": "LeNet5", "dropout": 0.25, "passes": 3, "committee": 2, "start": 8, "rounds": 2, "n_query": 4, "candidates": 30,
    "steps": 2, "batch_size": 4, "learning_rate": 1e-3, "weight_decay": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def notebook() -> Any:
    """The names of the notebook, with tiny knobs and a pool of random images."""
    names = definitions("image_al", solution=True)
    names.device, names.CLASSES, names.knobs = torch.device("cpu"), 10, dict(TINY)
    pool = names.Images.__new__(names.Images)
    pool.images = torch.randn(60, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    pool.labels, pool.spoilt = np.arange(60) % 10, np.zeros(60, dtype=bool)
    names.pools = dict.fromkeys(names.SCENARIOS, pool)
    return names


@pytest.fixture
def names(notebook: Any) -> Any:
    """The same for each test, without penalties."""
    notebook.penalties.clear()
    return notebook


@pytest.mark.parametrize(
    "answer",
    [np.arange(4), torch.tensor([3, 2, 1, 0]), [9, 0, 5, 7], (1, 2, np.int32(3), 4), np.arange(4, dtype=np.uint8)],
    ids=["array", "tensor", "list", "tuple", "uint8"],
)  # fmt: skip
def test_positions_in_a_usual_form_are_allowed(names: Any, answer: Any) -> None:
    positions = names.check_positions(answer, 10, 4)
    assert positions.dtype == np.int64
    assert positions.tolist() == [int(position) for position in answer]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, "return 4 positions as an array or a list, not a NoneType"),
        ("0123", "not a str"),
        ({0: 1}, "not a dict"),
        (7, "not a int"),
        (np.zeros((2, 2), np.int64), "have 2 dimensions instead of one"),
        (torch.tensor(3), "have 0 dimensions"),
        (np.ones(4), "have the type float64, not whole numbers"),
        (np.array([0, 1, np.nan, np.inf]), "have the type float64"),
        (torch.ones(4, dtype=torch.bool), "have the type torch.bool"),
        (np.array([None] * 4), "have the type object"),
        (np.array(["a", "b", "c", "d"]), "not whole numbers"),
        ([], "0 positions came back; the budget of a round is exactly 4"),
        (np.arange(3), "3 positions came back"),
        (np.arange(10), "10 positions came back"),
        (np.zeros(10**7, np.int64), "10000000 positions came back"),
        ([0, 1, 2, 10], "position 10 is out of range for 10 unlabelled images"),
        ([0, 1, 2, -1], "position -1 is out of range"),
        ([0, 1, 2, 10**40], "is out of range"),
        (np.array([0, 1, 2, 2**64 - 1], np.uint64), "position 18446744073709551615 is out of range"),
        ([0, 1, 2, 2], "position 2 came twice; a label is bought only once"),
        ([0, 1, 2, 3.0], "the list holds a float"),
        ([0, 1, 2, float("nan")], "holds a float"),
        ([0, 1, 2, True], "holds a bool"),
        ([0, 1, 2, None], "holds a NoneType"),
        ([[0], [1], [2], [3]], "holds a list"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_refused_with_a_sentence(names: Any, answer: Any, sentence: str) -> None:
    with pytest.raises(names.InvalidOutput, match=sentence):
        names.check_positions(answer, 10, 4)


def test_a_wrong_return_costs_the_labels_of_its_round_and_is_noted(names: Any) -> None:
    returns = iter([[0, 0, 1, 2], [0, 1, 2, 3]])
    _, record = names.play("noisy", lambda *_: next(returns))
    assert len(record["labelled"]) == 8 + 4
    assert names.penalties == [
        "noisy pool, round 1: position 0 came twice; a label is bought only once. The budget of this round is lost."
    ]


def test_no_image_is_bought_twice_and_the_candidates_are_limited(names: Any) -> None:
    seen: list[tuple[tuple[int, ...], ...]] = []

    def last(*arguments: Any) -> Any:
        seen.append(tuple(value.shape for value in arguments[:4]))
        return np.arange(4)

    _, record = names.play("clean", last)
    assert len(set(record["labelled"].tolist())) == 8 + 2 * 4
    assert seen == [
        ((3, 30, 10), (30, 84), (8, 84), (8,)),
        ((3, 30, 10), (30, 84), (12, 84), (12,)),
    ]


def test_the_slot_gets_copies_and_cannot_change_the_run(names: Any) -> None:
    def meddle(*arguments: Any) -> Any:
        for array in arguments[:4]:
            assert isinstance(array, np.ndarray)
            array[...] = 0
        return [0, 1, 2, 3]

    honest = names.play("clean", lambda *_: [0, 1, 2, 3])[1]["labelled"]
    assert names.play("clean", meddle)[1]["labelled"].tolist() == honest.tolist()
    assert names.pools["clean"].labels.tolist() == (np.arange(60) % 10).tolist()


def test_the_slot_sees_the_labels_as_given_in_the_order_of_buying(names: Any) -> None:
    labels: list[list[int]] = []

    def note(*arguments: Any) -> Any:
        labels.append(arguments[3].tolist())
        assert (arguments[4], type(arguments[5])) == (4, int)
        return [3, 2, 1, 0]

    _, record = names.play("clean", note)
    pool = names.pools["clean"]
    assert labels[1] == pool.labels[record["labelled"][:12]].tolist()
    assert labels[1][:8] == labels[0]


@pytest.mark.parametrize("network", ["LeNet5", "ResNet18"])
def test_dropout_is_the_only_thing_active_in_the_stochastic_passes(names: Any, network: str) -> None:
    images = names.pools["clean"].images[:6]
    model = names.NETWORKS[network](10, 0.5)
    before = {name: values.clone() for name, values in model.state_dict().items()}
    embeddings, probs = names.look_at(model, images, passes=4)
    assert probs.shape == (4, 6, 10)
    assert torch.allclose(probs.sum(dim=2), torch.ones(4, 6, dtype=torch.float64))
    assert len({tuple(each.flatten().tolist()) for each in probs}) == 4, "each pass asks another part"
    assert not any(layer.training for layer in model.modules()), "and dropout sleeps again"
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    again, _ = names.look_at(model, images)
    assert torch.equal(embeddings, again), "embeddings know no dropout"
    with torch.no_grad():
        logits = model.head(embeddings.float())
        assert torch.allclose(logits, model(images), atol=1e-5), "they are the last hidden layer"


def test_without_dropout_all_passes_agree_and_bald_is_zero(names: Any) -> None:
    model = names.LeNet5(10, 0.0)
    _, probs = names.look_at(model, names.pools["clean"].images[:6], passes=3)
    assert names.bald(probs.numpy()) == pytest.approx(0, abs=1e-9)


def test_resnet18_has_the_layers_of_torchvision_but_for_its_stem(names: Any) -> None:
    from torchvision.models import resnet18

    theirs = resnet18(num_classes=10)
    theirs.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
    ours = names.ResNet18(10, 0.5)
    shapes = [sorted(tuple(w.shape) for w in model.parameters()) for model in (ours, theirs)]
    assert shapes[0] == shapes[1]
    assert ours.features[:-2](torch.zeros(1, 1, 28, 28)).shape == (1, 512, 4, 4), "no stride in the stem"


def test_bald_asks_where_the_passes_disagree_and_not_where_they_are_unsure_together(
    names: Any,
) -> None:
    agree = np.tile([0.99, 0.01], (2, 1))
    unsure = np.full((2, 2), 0.5)
    disagree = np.array([[0.99, 0.01], [0.01, 0.99]])
    mc_probs = np.stack([agree, unsure, disagree], axis=1)  # (2, 3, 2)
    rest = (np.zeros((3, 2)), np.zeros((1, 2)), np.zeros(1, np.int64), 1, 0)
    assert names.bald(mc_probs) == pytest.approx([0, 0, np.log(2) - names.entropy(disagree[0])])
    assert names.bald_query(mc_probs, *rest).tolist() == [2]
    assert names.entropy_query(mc_probs[:, :2], *rest).tolist() == [1]
    assert names.margin_query(mc_probs[:, :2], *rest).tolist() == [1]


def test_the_reference_asks_for_the_class_that_lacks_labels(names: Any) -> None:
    mc_probs = np.tile([[0.55, 0.45], [0.45, 0.55], [0.99, 0.01]], (4, 1, 1))  # (T, U, K)
    known = (np.zeros((5, 3)), np.zeros(5, np.int64))
    assert names.query(mc_probs, np.eye(3), *known, 1, 0).tolist() == [1]
    assert sorted(names.query(mc_probs, np.eye(3), *known, 3, 0).tolist()) == [0, 1, 2]


def test_a_committee_answers_by_the_mean_of_its_probabilities(names: Any) -> None:
    def sure_of(*logits: float) -> nn.Module:
        last = nn.Linear(784, 3)
        last.weight.data.zero_()
        last.bias.data = torch.tensor(logits)
        return nn.Sequential(nn.Flatten(), last)

    images = torch.zeros(2, 1, 28, 28)
    nets = [sure_of(1.0, 0.9, 0.0), sure_of(0.0, 0.1, 0.0), sure_of(0.0, 5.0, 0.0)]
    assert names.predict(nets[:1], images).tolist() == [0, 0]
    assert names.predict(nets, images).tolist() == [1, 1]


def test_badge_measures_distances_of_the_gradients_without_forming_them(names: Any) -> None:
    rng = np.random.default_rng(0)
    mc_probs = rng.dirichlet(np.ones(3), (4, 6))  # (T, U, K)
    embeddings = rng.normal(size=(6, 5))
    errors = mc_probs.mean(axis=0)
    errors[np.arange(6), errors.argmax(axis=1)] -= 1
    gradients = (errors[:, :, None] * embeddings[:, None]).reshape(6, -1)
    rest = (embeddings[:1], np.zeros(1, np.int64))
    chosen = names.badge_query(mc_probs, embeddings, *rest, 6, 0)
    assert chosen[0] == np.linalg.norm(gradients, axis=1).argmax()
    assert sorted(chosen.tolist()) == list(range(6))
    firsts = [int(names.badge_query(mc_probs, embeddings, *rest, 2, seed)[1]) for seed in range(2000)]
    weights = ((gradients - gradients[chosen[0]]) ** 2).sum(axis=1)
    assert np.bincount(firsts, minlength=6) / 2000 == pytest.approx(weights / weights.sum(), abs=0.04)


def test_badge_still_answers_where_all_images_look_the_same(names: Any) -> None:
    chosen = names.badge_query(np.full((2, 9, 3), 1 / 3), np.ones((9, 4)), np.ones((1, 4)), np.zeros(1), 5, 0)
    assert len(set(chosen.tolist())) == 5


@pytest.mark.parametrize(
    ("accuracies", "points"), [([0.1, 0.5], 0), ([1.0, 0.9], 100), ([0.0, 2.0], 100)], ids=str
)
def test_points_follow_the_map_of_the_task(names: Any, accuracies: list[float], points: int) -> None:
    score = load_task("image_al").spec.score
    assert names.performance(accuracies) == points
    assert names.performance([score.floor, score.ceiling]) == 50


def write_fashion_mnist(root: Path) -> None:
    """Write the four files of a tiny FashionMNIST: 8 training images and one test image of each class."""
    rng, raw = np.random.default_rng(0), root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, count in (("train", 80), ("t10k", 10)):
        images, labels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count) % 10
        sizes = np.array([0x803, count, 28, 28], ">i4").tobytes()
        (raw / f"{name}-images-idx3-ubyte").write_bytes(sizes + images.tobytes())
        header = np.array([0x801, count], ">i4").tobytes()
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(header + labels.astype(np.uint8).tobytes())


@pytest.mark.parametrize("final", [False, True], ids=["as a student", "in the final evaluation"])
def test_the_large_size_runs_through_the_same_cells(final: bool, tmp_path: Path) -> None:
    import json

    import matplotlib as mpl

    mpl.use("Agg")
    write_fashion_mnist(tmp_path / "root")
    public, inputs = tmp_path / "public", tmp_path / "inputs"
    source = f"torchvision:FashionMNIST:{tmp_path / 'root'}"
    load_task("image_al").builder().make_data(public, inputs, None, 3, source, size="large")
    for folder in (public, inputs):
        setting = json.loads((folder / "setting.json").read_text())
        tiny = {"start": 4, "rounds": 1, "n_query": 2, "candidates": 6, "steps": 1, "passes": 2}
        knobs = {**TINY, **tiny, "network": "ResNet18"}
        (folder / "setting.json").write_text(json.dumps({**setting, "knobs": knobs}))
    given = {
        "FINAL_EVALUATION_MODE": final,
        "DATA_PATH": str(inputs if final else public),
        "PREDICTIONS_PATH": str(tmp_path / "predictions.npz"),
        "DEVICE": "cpu",
    }
    names: dict[str, Any] = {"__name__": "notebook"}
    for text in code_cells("image_al"):
        exec(compile(text, "notebook", "exec"), names)
        names.update(given if "FINAL_EVALUATION_MODE =" in text else {})
    assert isinstance(names["models"]["noisy"][0], names["ResNet18"])
    assert len(names["records"]["noisy"]["labelled"]) == 4 + 2
    assert names["penalties"] == []
    if final:
        with np.load(tmp_path / "predictions.npz") as arrays:
            shapes = {name: values.shape for name, values in arrays.items()}
        assert shapes == dict.fromkeys(("clean", "noisy"), (10,))
        assert names["points"] is None
    else:
        assert names["points"] in range(101)
