"""The protected cells of `learning_to_defer`: which returns are allowed, what the slot gets, and how images are dealt out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from notebook_source import code_cells, definitions

from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

TASK = load_task("learning_to_defer")
AGENTS, ANSWERS = (5, 4), (5, 3, 10)  # shapes of q_z and q_t for a batch of five


@pytest.fixture(scope="module")
def names() -> Any:
    return definitions("learning_to_defer")


def flat(shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, 1 / shape[-1])


def spoilt(shape: tuple[int, ...], value: float) -> np.ndarray:
    array = flat(shape)
    array.flat[1] = value
    return array


HARD = np.eye(4, dtype=np.int64)[[0, 1, 2, 3, 3]]


@pytest.mark.parametrize(
    "answer",
    [
        (flat(AGENTS), flat(ANSWERS)),
        [flat(AGENTS).astype(np.float32), torch.from_numpy(flat(ANSWERS))],
        (HARD, flat(ANSWERS)),
        (HARD.astype(np.int32), flat(ANSWERS).astype(np.float16)),
        [HARD.tolist(), flat(ANSWERS).tolist()],
        (flat(AGENTS) * 1.0005, flat(ANSWERS)),
        (spoilt(AGENTS, 0.25 - 1e-12), flat(ANSWERS)),
        (np.where(HARD == 0, -1e-9, HARD), flat(ANSWERS)),
    ],
    ids=["float64", "float32 and torch", "int64", "int32", "lists", "sum", "rounding", "minus 1e-9"],
)
def test_distributions_in_a_usual_form_are_allowed_and_normalised(names: Any, answer: Any) -> None:
    for q, shape in zip(names.check_e_step(answer, AGENTS, ANSWERS), (AGENTS, ANSWERS), strict=True):
        assert (q.shape, q.dtype) == (shape, np.float64)
        assert q.min() >= 0
        assert q.sum(axis=-1) == pytest.approx(1, abs=1e-12)


GOOD_Z, GOOD_T = flat(AGENTS), flat(ANSWERS)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, "the two arrays q_z and q_t, not a NoneType"),
        ("q_z, q_t", "not a str"),
        (GOOD_Z, "not a ndarray"),
        ({"q_z": GOOD_Z, "q_t": GOOD_T}, "not a dict"),
        ([GOOD_Z], "not 1 values"),
        ([GOOD_Z, GOOD_T, GOOD_T], "not 3 values"),
        ([], "not 0 values"),
        ([GOOD_T, GOOD_Z], r"q_z has the shape \(5, 3, 10\) instead of \(5, 4\)"),
        ([GOOD_Z.T, GOOD_T], "q_z has the shape"),
        ([GOOD_Z[:, :3], GOOD_T], "q_z has the shape"),
        ([GOOD_Z[:4], GOOD_T], "q_z has the shape"),
        ([GOOD_Z, GOOD_T[..., None]], "q_t has the shape"),
        ([GOOD_Z, GOOD_T.reshape(5, 30)], "q_t has the shape"),
        ([np.zeros((10**7, 4), np.int8), GOOD_T], "q_z has the shape"),
        ([[], GOOD_T], r"q_z has the shape \(0,\)"),
        ([0.25, GOOD_T], "q_z is a float, not an array"),
        ([GOOD_Z, None], "q_t is a NoneType, not an array"),
        ([[[0.5, 0.5], [1.0]], GOOD_T], "rows of different lengths"),
        ([GOOD_Z, HARD.astype(bool)], "q_t holds values of type bool"),
        ([np.full(AGENTS, "x"), GOOD_T], "not numbers"),
        ([np.full(AGENTS, None), GOOD_T], "q_z holds values of type object"),
        ([GOOD_Z.astype(complex), GOOD_T], "type complex128"),
        ([spoilt(AGENTS, np.nan), GOOD_T], "q_z has values that are nan or infinite"),
        ([GOOD_Z, spoilt(ANSWERS, np.inf)], "q_t has values that are nan or infinite"),
        ([np.log(GOOD_Z), GOOD_T], "q_z has negative values, such as -1.39"),
        ([spoilt(AGENTS, -0.01), GOOD_T], "negative"),
        ([GOOD_Z * 2, GOOD_T], "the rows of q_z must sum to 1 along the last axis; one sums to 2"),
        ([GOOD_Z, spoilt(ANSWERS, 0.2)], "the rows of q_t must sum to 1"),
        ([GOOD_Z, np.zeros(ANSWERS)], "one sums to 0"),
        ([np.full(AGENTS, 1e300), GOOD_T], "must sum to 1"),
        ([GOOD_Z / GOOD_Z.sum(axis=0), GOOD_T], "must sum to 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_an_invalid_output_with_a_sentence(names: Any, answer: Any, sentence: str) -> None:
    with pytest.raises(names.InvalidOutput, match=sentence):
        names.check_e_step(answer, AGENTS, ANSWERS)


def make_source(path: Path, *, scale: int) -> str:
    """Write a small npz source of ten classes, in each a bright column of its own."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for name, count in (("train", 20 * scale), ("val", 10 * scale), ("test", 10 * scale)):
        labels = np.arange(count) % 10
        images = rng.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:, 2 * label : 2 * label + 3] += 150
        arrays |= {f"{name}_images": images, f"{name}_labels": labels.astype(np.uint8)[:, None]}
    np.savez(path, allow_pickle=False, **arrays)
    return f"npz:{path}"


@pytest.fixture(params=["default", "large"])
def ready(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The notebook's names with tiny data of a size, and with knobs that make its training tiny."""
    large = request.param == "large"  # a ResNet takes its time on a CPU
    source = make_source(tmp_path / "small.npz", scale=1 if large else 6)
    TASK.builder().make_data(
        tmp_path / "public", tmp_path / "inputs", tmp_path / "answers", 3, source, size=request.param
    )
    torch.set_num_threads(1)  # as the notebook does
    names = definitions("learning_to_defer")
    names.folder, setting = tmp_path, json.loads((tmp_path / "inputs/setting.json").read_text())
    names.knobs = {**names.KNOBS[setting["size"]], "epochs": 2, "batch_size": 10 if large else 60}
    names.eps_lower, names.eps_upper = np.array(setting["eps_lower"]), np.array(setting["eps_upper"])
    names.CLASSES, names.AGENTS = setting["classes"], ["expert 1", "expert 2", "expert 3", "classifier"]
    names.PREDICTIONS_PATH = str(tmp_path / "predictions.npz")
    return names


def weights(team: Any) -> torch.Tensor:
    return torch.cat([values.detach().flatten().clone() for values in team.parameters()])


def test_both_sizes_train_and_save_the_teams_answers(ready: Any) -> None:
    ready.seed_everything(0)
    team = ready.Team(3, 10).to(ready.device)
    val_set = ready.TaskDataset(ready.folder / "public/val")
    train_set = ready.TaskDataset(ready.folder / "public/train")
    history = ready.train(team, train_set, ready.default_e_step, val_set)
    assert len(history) == 2
    assert ready.penalties == []
    ready.FINAL_EVALUATION_MODE = True
    assert 0 <= ready.final_evaluate(ready.folder / "public/val", team) <= 100
    assert ready.final_evaluate(ready.folder / "inputs/test", team) is None
    labels = np.load(ready.folder / "answers/answers.npz")["labels"]
    with np.load(ready.PREDICTIONS_PATH, allow_pickle=False) as arrays:
        assert {name: (values.shape, values.dtype) for name, values in arrays.items()} == {
            "team": ((len(labels),), np.dtype("int64"))
        }


@pytest.mark.parametrize("ready", ["default"], indirect=True)
def test_nothing_learns_from_a_batch_whose_return_is_not_allowed_and_it_is_said_once(
    ready: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    train_set, team = ready.TaskDataset(ready.folder / "public/train"), ready.Team(3, 10)
    before = weights(team)
    history = ready.train(team, train_set, lambda *_: None)
    assert torch.equal(weights(team), before)
    assert len(ready.penalties) == 1
    assert ready.penalties[0].startswith("4 of 4 batches were skipped")
    assert "not a NoneType" in ready.penalties[0]
    assert capsys.readouterr().out.count("PENALTY") == 1
    assert np.isnan(history[-1]["load"]).all()


@pytest.mark.parametrize("ready", ["default"], indirect=True)
def test_the_slot_gets_copies_of_plain_arrays_and_cannot_change_the_training(ready: Any) -> None:
    seen: list[list[np.ndarray]] = []

    def meddle(*given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answer: tuple[np.ndarray, np.ndarray] = ready.default_e_step(*given)
        seen.append([array.copy() for array in given])
        for array in given:
            array[...] = 0
        return answer

    def trained(e_step: Any) -> torch.Tensor:
        ready.seed_everything(1)
        team = ready.Team(3, 10)
        ready.train(team, ready.TaskDataset(ready.folder / "public/train"), e_step)
        return weights(team)

    bounds = ready.eps_upper.copy()
    assert torch.equal(trained(ready.default_e_step), trained(meddle))
    assert np.array_equal(ready.eps_upper, bounds)
    log_gate, log_expert, log_ai, y, t, low, high = seen[0]
    assert [array.shape for array in seen[0]] == [(60, 4), (60, 3, 10), (60, 10), (60,), (60, 3), (4,), (4,)]
    assert {array.dtype for array in (log_gate, log_expert, log_ai, low, high)} == {np.dtype("float64")}
    assert {y.dtype, t.dtype} == {np.dtype("int64")}
    assert np.exp(log_gate).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (t == -1).mean() == pytest.approx(0.69, abs=0.12)


def test_nobody_gets_more_images_than_the_cap_and_overflow_goes_to_who_is_free(names: Any) -> None:
    log_gate = np.log(np.tile([0.1, 0.2, 0.1, 0.6], (99, 1)))
    caps = np.array([0.2, 0.35, 0.35, 0.2])
    agent, wanted = names.assign(log_gate, caps, 0)
    assert (wanted == 3).all()
    assert (np.bincount(agent, minlength=4) <= np.floor(caps * 99)).all()
    assert (agent == 3).sum() == 19
    again, _ = names.assign(log_gate, caps, 0)
    other, _ = names.assign(log_gate, caps, 1)
    assert np.array_equal(agent, again)
    assert not np.array_equal(agent, other)


def test_who_is_wanted_within_the_caps_is_asked(names: Any) -> None:
    wanted = np.repeat([0, 1, 2, 3], [10, 35, 35, 20])
    agent, _ = names.assign(np.log(np.eye(4)[wanted] + 0.01), np.array([0.2, 0.35, 0.35, 0.2]), 0)
    assert np.array_equal(agent, wanted)


def test_a_file_that_a_list_does_not_name_has_the_label_minus_one(names: Any, tmp_path: Path) -> None:
    (tmp_path / "expert1.json").write_text('[{"file": "data/b.png", "label": 7}]')
    assert names.read_labels(tmp_path / "expert1.json", ["data/a.png", "data/b.png"]).tolist() == [-1, 7]


def test_the_examples_follow_bayes_rule_and_take_missing_for_wrong(names: Any) -> None:
    t, y = np.array([[1, -1, 0]]), np.array([1])
    log_likelihood = names.answer_log_likelihood(np.log([[0.2, 0.8]]), y, t)
    assert np.exp(log_likelihood[0]) == pytest.approx([0.995, 0.005, 0.005, 0.797])
    q = names.posterior(np.log([[0.1, 0.2, 0.3, 0.4]]), log_likelihood)
    assert q[0] == pytest.approx(np.array([0.0995, 0.001, 0.0015, 0.3188]) / 0.4208)
    assert names.one_hot_answers(t, 2)[0].tolist() == [[0, 1], [0.5, 0.5], [1, 0]]


def test_points_follow_the_map_of_the_task(names: Any) -> None:
    score = TASK.spec.score
    assert (score.floor, score.ceiling) == (names.FLOOR, names.CEILING)
    accuracies = [0.1, score.floor, (score.floor + score.ceiling) / 2, score.ceiling, 1]
    assert [names.performance([accuracy]) for accuracy in accuracies] == [0, 0, 50, 100, 100]


def test_code_cells_stay_short_enough_to_be_read() -> None:
    for text in code_cells("learning_to_defer"):
        if "def make_data" not in text:
            lines = [line for line in text.splitlines() if not line.startswith("# PROTECTED CELL")]
            assert len(lines) <= 25, lines[0]
