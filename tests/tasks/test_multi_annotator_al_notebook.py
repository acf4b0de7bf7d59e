"""The protected cells of `multi_annotator_al`: which returns are allowed, what they cost, and what the slot gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import papermill
import pytest
import torch
from notebook_source import definitions

from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

TASK = load_task("multi_annotator_al")
QUERIES = 64
TINY = {"cycles": 3, "n_queries": 12, "epochs": 2, "batch_size": 16}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The functions of the starter over the public data, on the CPU, with little training."""
    folder = tmp_path_factory.mktemp("data")
    TASK.builder().make_data(folder, None, None, 0)
    names = definitions(TASK.id)
    names.device, names.SEED = torch.device("cpu"), 5
    names.setting = json.loads((folder / "setting.json").read_text())
    names.knobs = {**names.KNOBS["default"], **TINY}
    names.pool = names.load_arrays(folder / "train/pool.npz")
    names.val_set = names.load_arrays(folder / "val/images.npz")
    names.N, names.A = names.pool["annotations"].shape
    return names


@pytest.fixture
def names(loaded: Any) -> Any:
    loaded.penalties.clear()
    return loaded


def random_pairs(names: Any) -> Any:
    return lambda z, _, n_queries, seed: names.random_pairs(z, n_queries, seed)


def votes(names: Any) -> Any:
    return lambda z, _: names.majority_vote(z)


def answers() -> Any:
    """Answers (900, 8) of which person 2 has answered for picture 7."""
    z = np.full((900, 8), -1)
    z[7, 2] = 3
    return z


GOOD = np.stack([np.arange(QUERIES), np.arange(QUERIES) % 8], axis=1)


@pytest.mark.parametrize(
    "answer",
    [
        GOOD, GOOD.astype(np.int32), GOOD.astype(np.uint64), GOOD.tolist(), [tuple(row) for row in GOOD],
        torch.from_numpy(GOOD), list(torch.from_numpy(GOOD)),
    ],
    ids=["array", "int32", "uint64", "lists", "list of tuples", "tensor", "list of tensors"],
)  # fmt: skip
def test_pairs_in_a_usual_form_are_allowed(loaded: Any, answer: Any) -> None:
    pairs = loaded.check_pairs(answer, answers(), QUERIES)
    assert pairs.dtype == np.int64
    assert pairs.tolist() == GOOD.tolist()


def changed(row: int, pair: tuple[int, int]) -> Any:
    pairs = GOOD.copy()
    pairs[row] = pair
    return pairs


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, r"an array of shape \(64, 2\) was expected, not a NoneType"),
        ("all of them", "not a str"),
        ({(1, 2)}, "not a set"),
        (7, "not a int"),
        ([], r"not \(0,\)"),
        (GOOD[:-1], r"not \(63, 2\)"),
        (np.vstack([GOOD, [[99, 1]]]), r"not \(65, 2\)"),
        (GOOD.T, r"not \(2, 64\)"),
        (GOOD[:, 0], r"not \(64,\)"),
        (np.zeros((64, 2, 1), int), r"not \(64, 2, 1\)"),
        ([[0, 1]] * 63 + [[0]], "but this is not one"),
        (GOOD.astype(float), "have the type float64, not whole numbers"),
        (GOOD > 0, "have the type bool, not whole numbers"),
        (GOOD.astype(object), "an array of numbers was expected, not of object"),
        ([["a", "b"]] * 64, "an array of numbers was expected, not of <U1"),
        ([[10**30, 1]] * 64, "an array of numbers was expected, not of object"),
        (np.full((64, 2), np.nan), "float64, not whole numbers"),
        (changed(3, (-1, 2)), "picture -1 does not exist; there are 0 to 899"),
        (changed(3, (900, 2)), "picture 900 does not exist"),
        (changed(3, (0, 8)), "person 8 does not exist; there are 0 to 7"),
        (changed(3, (7, 2)), "person 2 has already answered for picture 7"),
        (changed(3, (5, 5)), "only 63 of the 64 pairs are different"),
        (np.full((64, 2), 2**63, dtype=np.uint64), "picture 9223372036854775808 does not exist"),
        (torch.rand(64, 2, requires_grad=True), "float64, not whole numbers"),
    ],
)
def test_pairs_that_are_not_allowed_get_a_sentence(loaded: Any, answer: Any, sentence: str) -> None:
    with pytest.raises(loaded.InvalidOutput, match=sentence):
        loaded.check_pairs(answer, answers(), QUERIES)


WEIGHTS = np.zeros((30, 10))
WEIGHTS[:20, 3], WEIGHTS[:20, 4] = 3, 1


@pytest.mark.parametrize(
    "answer",
    [WEIGHTS, WEIGHTS.astype(np.float32), WEIGHTS.astype(int), WEIGHTS.tolist(), torch.from_numpy(WEIGHTS),
     torch.from_numpy(WEIGHTS).bfloat16(), WEIGHTS * 1e307, WEIGHTS * 1e-320],
    ids=["array", "float32", "int", "lists", "tensor", "bfloat16", "huge", "tiny"],
)  # fmt: skip
def test_rows_of_weights_are_divided_by_their_sum(loaded: Any, answer: Any) -> None:
    weights = loaded.check_weights(answer, (30, 10))
    assert weights[:20, 3:5] == pytest.approx(np.tile([0.75, 0.25], (20, 1)), abs=1e-3)
    assert not weights[20:].any()


def test_a_mask_counts_as_equal_weights(loaded: Any) -> None:
    assert loaded.check_weights(WEIGHTS > 0, (30, 10))[0].tolist() == [0, 0, 0, 0.5, 0.5, 0, 0, 0, 0, 0]


def spoilt(value: float) -> Any:
    weights = WEIGHTS.copy()
    weights[25, 0] = value
    return weights


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, r"an array of shape \(30, 10\) was expected, not a NoneType"),
        ("labels", "not a str"),
        (WEIGHTS.T, r"not \(10, 30\)"),
        (WEIGHTS[:-1], r"not \(29, 10\)"),
        (WEIGHTS.argmax(axis=1), r"not \(30,\)"),
        ([[1.0]] * 29 + [[1.0, 2.0]], "but this is not one"),
        (spoilt(np.nan), "1 weights are infinite or not a number"),
        (spoilt(np.inf), "1 weights are infinite or not a number"),
        (spoilt(-0.1), "the weights must not be negative; the least is -0.1"),
        (WEIGHTS * 0, "all weights are zero"),
        (WEIGHTS.astype(object), "an array of numbers was expected, not of object"),
        (WEIGHTS.astype(complex), "an array of numbers was expected, not of complex128"),
    ],
)
def test_weights_that_are_not_allowed_get_a_sentence(loaded: Any, answer: Any, sentence: str) -> None:
    with pytest.raises(loaded.InvalidOutput, match=sentence):
        loaded.check_weights(answer, (30, 10))


def test_pairs_that_are_not_allowed_cost_the_budget_of_their_cycle(names: Any) -> None:
    calls = []

    def second_is_wrong(z: Any, probs: Any, n_queries: int, seed: int) -> Any:
        calls.append((z.copy(), probs, n_queries, seed))
        return None if len(calls) == 2 else names.random_pairs(z, n_queries, seed)

    _, history = names.run_cycles(second_is_wrong, votes(names))
    assert [record["asked"].sum() for record in history] == [12, 12, 24]
    assert names.penalties == [
        "cycle 2, query_pairs: an array of shape (12, 2) was expected, not a NoneType; the budget of this cycle is lost"
    ]
    assert [probs is None for _, probs, _, _ in calls] == [True, False, False]
    assert len({seed for _, _, _, seed in calls}) == 3


def test_weights_that_are_not_allowed_leave_the_last_net(names: Any) -> None:
    seen: list[Any] = []

    def first_and_third_are_wrong(z: Any, probs: Any) -> Any:
        seen.append(probs)
        return names.majority_vote(z) * (-1 if len(seen) != 2 else 1)

    net, _ = names.run_cycles(random_pairs(names), first_and_third_are_wrong)
    assert [sentence[:7] for sentence in names.penalties] == ["cycle 1", "cycle 3"]
    assert all("no net is trained in this cycle" in sentence for sentence in names.penalties)
    assert seen[1] is None, "an untrained network's outputs would tell its weights"
    assert np.array_equal(seen[2], names.predict(net, names.pool["images"]))


def test_what_the_functions_do_to_their_arguments_changes_nothing(names: Any) -> None:
    def spoils(z: Any, probs: Any, n_queries: int, seed: int) -> Any:
        pairs = names.random_pairs(z, n_queries, seed)
        z[:] = 0
        if probs is not None:
            probs[:] = 0
        torch.manual_seed(n_queries)
        return pairs

    records = [names.run_cycles(query, votes(names))[1] for query in (spoils, random_pairs(names))]
    assert [record["bac"] for record in records[0]] == [record["bac"] for record in records[1]]


def test_answers_are_those_of_the_pool_and_nothing_else(names: Any) -> None:
    z = names.ask(np.full((names.N, names.A), -1), None, random_pairs(names), 1, 3)
    known = z >= 0
    assert known.sum() == TINY["n_queries"]
    assert (z[known] == names.pool["annotations"][known]).all()


@pytest.mark.parametrize("filled", [0.0, 0.5, 0.95])
def test_the_examples_choose_allowed_pairs_however_much_is_known(names: Any, filled: float) -> None:
    rng = np.random.default_rng(0)
    z = np.where(rng.random((names.N, names.A)) < filled, names.pool["annotations"], -1)
    probs = rng.dirichlet(np.ones(10), size=names.N) if filled else None
    for pairs in (
        names.random_pairs(z, QUERIES, 1),
        names.uncertain_pairs(z, probs, QUERIES, 1),
        names.pairs_of_the_most_agreeing(z, QUERIES, 1),
    ):
        assert names.check_pairs(pairs, z, QUERIES).shape == (QUERIES, 2)


def test_the_majority_vote_shares_ties_and_leaves_out_what_nobody_answered(names: Any) -> None:
    weights = names.majority_vote(np.array([[3, 3, 5, -1], [3, 5, -1, -1], [-1, -1, -1, -1]]))
    assert [np.flatnonzero(row).tolist() for row in weights] == [[3], [3, 5], []]


def test_the_final_evaluation_saves_one_array_and_the_penalties(names: Any, tmp_path: Path) -> None:
    TASK.builder().make_data(None, tmp_path / "i", None, 1)
    names.PREDICTIONS_PATH = str(tmp_path / "predictions.npz")
    names.penalise("cycle 1: something")
    assert names.final_evaluate(names.new_net(), tmp_path / "i/test/images.npz") is None
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as arrays:
        assert {name: (array.shape, str(array.dtype)) for name, array in arrays.items()} == {
            "final": ((899,), "int64")
        }
    assert json.loads((tmp_path / "penalties.json").read_text()) == ["cycle 1: something"]


@pytest.mark.slow
@pytest.mark.parametrize("size", ["tutorial", "large"])
def test_a_tiny_run_of_another_size_goes_through(tmp_path: Path, size: str) -> None:
    source, expected = "embedded", 899
    if size == "large":
        rng, arrays = np.random.default_rng(0), dict[str, Any]()
        for name, count in (("train", 80), ("val", 20), ("test", 30)):
            arrays[f"{name}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            arrays[f"{name}_labels"] = np.arange(count) % 10
        np.savez(tmp_path / "x.npz", allow_pickle=False, **arrays)
        source, expected = f"npz:{tmp_path / 'x.npz'}", 30
    TASK.builder().make_data(None, tmp_path / "i", None, 1, source, size=size)
    setting = json.loads((tmp_path / "i/setting.json").read_text())
    (tmp_path / "i/setting.json").write_text(json.dumps({**setting, "knobs": TINY}))
    papermill.execute_notebook(
        str(TASK.solution), None, progress_bar=False, kernel_name="python3",
        parameters={"FINAL_EVALUATION_MODE": True, "DATA_PATH": str(tmp_path / "i"), "SEED": 2**63 + 1,
                    "PREDICTIONS_PATH": str(tmp_path / "predictions.npz"), "DEVICE": "cpu"},
    )  # fmt: skip
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as arrays:
        assert arrays["final"].shape == (expected,)


def test_the_start_of_a_network_depends_on_every_bit_of_its_seed(names: Any) -> None:
    draws = set()
    for seed in (5, 5 + 2**32, 5 + 2**62):
        names.seed_everything(seed)
        draws.add((torch.rand(1).item(), np.random.random(), torch.randn(1).item()))  # noqa: NPY002 -- the seeded one
    assert len(draws) == 3
    assert len({value for draw in draws for value in draw}) == 9


def test_the_seed_that_a_function_gets_is_no_draw_of_the_generators_of_the_run(names: Any) -> None:
    calls: list[int] = []

    def notes_its_seed(z: Any, _: Any, n_queries: int, seed: int) -> Any:
        calls.append(seed)
        return names.random_pairs(z, n_queries, seed)

    names.run_cycles(notes_its_seed, lambda z, _: names.majority_vote(z))
    assert calls == [names.derive_seed("query_pairs", cycle, bits=32) for cycle in (1, 2, 3)]
    assert max(calls) < 2**32
    names.seed_everything(names.SEED)
    draws = {
        *np.random.default_rng(names.SEED).integers(2**31, size=99).tolist(),
        *torch.randint(2**31, (99,)).tolist(),
    }
    assert not draws & {seed for call in calls for seed in (call, call >> 1)}
