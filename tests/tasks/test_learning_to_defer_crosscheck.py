"""Cross-checks of `learning_to_defer`: the bounds against scipy's optimiser, our metric against scikit-learn's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from notebook_source import definitions

from grader.task.metrics import balanced_accuracy


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return distributions (n, A) from nearly flat to nearly certain, and bounds (A,) that can be kept."""
    rng = np.random.default_rng(seed)
    agents = int(rng.integers(2, 6))
    logits = rng.choice([0.5, 2, 6]) * rng.normal(size=(200, agents)) + 2 * rng.normal(size=agents)
    q = np.exp(logits - logits.max(axis=1, keepdims=True))
    middle = rng.dirichlet(np.full(agents, 5.0))
    return q / q.sum(axis=1, keepdims=True), 0.5 * middle, np.minimum(1, 1.2 * middle)


def by_scipy(q: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Minimise the dual: mean log-sum-exp of the tilted rows, plus the multipliers (all >= 0) times the bounds."""
    optimize = pytest.importorskip("scipy.optimize")
    special = pytest.importorskip("scipy.special")
    agents, log_q = q.shape[1], np.log(np.maximum(q, 1e-12))

    def dual(multipliers: np.ndarray) -> tuple[float, np.ndarray]:
        high, low = multipliers[:agents], multipliers[agents:]
        tilted = log_q - high + low
        load = special.softmax(tilted, axis=1).mean(axis=0)
        value = special.logsumexp(tilted, axis=1).mean() + high @ upper - low @ lower
        return value, np.concatenate([upper - load, load - lower])

    found = optimize.minimize(
        dual, np.zeros(2 * agents), jac=True, method="L-BFGS-B", bounds=[(0, None)] * (2 * agents),
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000},
    )  # fmt: skip
    return np.asarray(special.softmax(log_q - found.x[:agents] + found.x[agents:], axis=1))


def divergence(nearest: np.ndarray, q: np.ndarray) -> float:
    return float((nearest * np.log(np.maximum(nearest, 1e-300) / np.maximum(q, 1e-12))).sum(axis=1).mean())


@pytest.fixture(scope="module")
def solution() -> Any:
    return definitions("learning_to_defer", solution=True)


@pytest.mark.parametrize("seed", range(12))
def test_the_reference_keeps_the_bounds_as_scipy_does_on_the_same_dual(solution: Any, seed: int) -> None:
    q, lower, upper = random_case(seed)
    ours, theirs = solution.within_bounds(q, lower, upper), by_scipy(q, lower, upper)
    load = ours.mean(axis=0)
    assert (load >= lower - 1e-5).all()
    assert (load <= upper + 1e-5).all()
    assert divergence(ours, q) == pytest.approx(divergence(theirs, q), abs=1e-5)
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_distributions_within_the_bounds_stay_as_they_are(solution: Any) -> None:
    q, _, _ = random_case(3)
    load = q.mean(axis=0)
    assert solution.within_bounds(q, 0.9 * load, 1.1 * load) == pytest.approx(q, abs=1e-9)


def test_our_balanced_accuracy_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for _ in range(50):
        labels, predictions = rng.integers(0, rng.integers(2, 12), (2, int(rng.integers(5, 300))))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # predicted classes that no label has
            expected = metrics.balanced_accuracy_score(labels, predictions)
        assert balanced_accuracy(labels, predictions) == pytest.approx(expected, abs=1e-12)
