"""The measures of doubt of `image_al` against those of scikit-activeml."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from notebook_source import definitions

pool = pytest.importorskip("skactiveml.pool", reason="the extra [crosscheck] is not installed")


@pytest.fixture(scope="module")
def names() -> Any:
    return definitions("image_al")


@pytest.fixture(scope="module")
def mc_probs() -> np.ndarray:
    """Random class probabilities (T, U, K), some of them nearly certain."""
    logits = np.random.default_rng(0).normal(0, 4, (20, 50, 10))
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True))


def test_bald_is_batch_bald_with_a_batch_of_one(names: Any, mc_probs: np.ndarray) -> None:
    scores = pool.batch_bald(mc_probs, 1, random_state=0)[0]  # (U,)
    assert np.abs(names.bald(mc_probs) - scores).max() < 1e-5
    known = (np.zeros((50, 4)), np.zeros((1, 4)), np.zeros(1, np.int64))
    assert names.bald_query(mc_probs, *known, 5, 0).tolist() == np.argsort(-scores)[:5].tolist()


def test_entropy_and_margin_are_the_uncertainty_scores(names: Any, mc_probs: np.ndarray) -> None:
    mean = mc_probs.mean(axis=0)
    assert names.entropy(mean) == pytest.approx(pool.uncertainty_scores(mean, method="entropy"))
    assert 1 - names.margin(mc_probs) == pytest.approx(
        pool.uncertainty_scores(mean, method="margin_sampling")
    )
