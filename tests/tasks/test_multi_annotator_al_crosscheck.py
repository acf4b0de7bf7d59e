"""`multi_annotator_al` beside scikit-activeml and crowd-kit: Annot-Mix, margins, Dawid-Skene, the recorded curves."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from crowd_kit import recorded_labels
from notebook_source import definitions

from grader.task.spec import load_task

TASK = load_task("multi_annotator_al")
ANSWERED = (1.0, 0.6)  # shares of the votes that are kept
sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))
tutorial_curves: Any = importlib.import_module("tutorial_curves")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The solution's functions over the pool of the tutorial's crowd."""
    return tutorial_curves.load_names(tmp_path_factory.mktemp("tutorial"), 0)


def pool_votes(names: Any, answered: float) -> Any:
    """Return the votes (n, A) of the pool, -1 where one is silent, of which a share is kept."""
    votes = names.pool["annotations"].copy()
    votes[np.random.default_rng(1).random(votes.shape) >= answered] = -1
    return votes


def library_module(names: Any, classes: int = 10) -> Any:
    """Return scikit-activeml's Annot-Mix module with the tutorial's settings, its lazy layer filled."""
    library = pytest.importorskip("skactiveml.classifier.multiannotator._annot_mix_classifier")
    module = library._AnnotMixModule(
        n_classes=classes, n_annotators=names.A, clf_module=tutorial_curves.embedding_net(names),
        clf_module_param_dict={}, sample_embed_dim=2, annotator_embed_dim=16, hidden_dim=128,
        n_hidden_layers=0, hidden_dropout=0.1, eta=0.9,
    )  # fmt: skip
    module.set_forward_return(["logits_class", "log_p_annotator_class", "log_p_annotator_perf"])
    module(names.pool["images"][:2], torch.eye(names.A)[:2])
    return module


def same_weights(names: Any, library: Any) -> Any:
    """Return our Annot-Mix with the library's weights."""
    ours = tutorial_curves.AnnotMix(names.new_net(), names.A, 10)
    ours.net.load_state_dict(library.clf_module.inner.state_dict())
    ours.sample_embed.load_state_dict(library.sample_embed.state_dict())
    ours.person_embed.load_state_dict(library.annotator_embed.state_dict())
    ours.head.load_state_dict(library.annotator_confusion_head[0].state_dict())
    return ours


def test_annot_mix_gives_the_probabilities_of_the_library_with_the_same_weights(names: Any) -> None:
    library = library_module(names)
    ours = same_weights(names, library)
    images, people = names.pool["images"][:40], torch.eye(names.A)[torch.arange(40) % names.A]
    with torch.no_grad():
        logits, *theirs = library.train()(images, people)
        classes, answers, right = ours(images, people)
    assert torch.allclose(classes, logits.log_softmax(dim=1), atol=1e-6)
    expected = {tuple(value.shape): value for value in theirs}
    assert torch.allclose(answers, expected[40, 10], atol=1e-6)
    assert torch.allclose(right, expected[40,], atol=1e-6)


def test_annot_mix_starts_with_the_same_prior_of_right_answers(names: Any) -> None:
    library, ours = library_module(names), tutorial_curves.AnnotMix(names.new_net(), names.A, 10)
    assert torch.equal(ours.head.bias, library.annotator_confusion_head[0].bias)
    matrix = ours.head.bias.view(10, 10).softmax(dim=1)
    assert torch.allclose(matrix.diagonal(), torch.tensor(0.9))


def test_the_mixed_pairs_are_those_of_the_library(names: Any) -> None:
    library = pytest.importorskip("skactiveml.classifier.multiannotator._annot_mix_classifier")
    z = names.pool["annotations"][:16].copy()
    z[np.random.default_rng(0).random(z.shape) < 0.5] = -1
    images = names.pool["images"][:16]
    collate = library._MixUpCollate(n_classes=10, n_annotators=names.A, alpha=0.5, missing_label=-1)
    torch.manual_seed(3)
    theirs, targets = collate(list(zip(images, torch.from_numpy(z), strict=True)))
    torch.manual_seed(3)
    ours = tutorial_curves.mixed_pairs(images, torch.from_numpy(z), 10)
    for mine, other in zip(ours, (theirs["x"], theirs["a"], targets), strict=True):
        assert torch.allclose(mine, other)


def test_annot_mix_has_the_loss_of_the_library_with_the_same_weights(names: Any) -> None:
    library = library_module(names)
    library.set_forward_return(["log_p_annotator_class"])
    ours = same_weights(names, library)
    z = torch.from_numpy(names.pool["annotations"][:16])
    images, people, targets = tutorial_curves.mixed_pairs(names.pool["images"][:16], z, 10)
    criterion = torch.nn.KLDivLoss(reduction="batchmean")  # as AnnotMixClassifier sets it
    assert criterion(ours(images, people)[1], targets).item() == pytest.approx(
        criterion(library.train()(images, people), targets).item(), abs=1e-6
    )


def test_margins_are_those_of_the_library() -> None:
    pool = pytest.importorskip("skactiveml.pool")
    probs = np.random.default_rng(0).dirichlet(np.ones(10), size=300)
    theirs = pool.uncertainty_scores(probs, method="margin_sampling")
    ours = definitions("multi_annotator_al").margins(probs)
    assert 1 - ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("answered", ANSWERED)
def test_em_without_a_prior_finds_the_labels_of_crowd_kit(names: Any, answered: float) -> None:
    z = pool_votes(names, answered)
    theirs = recorded_labels(f"multi_annotator_al: {answered}", z)
    strategy: dict[str, Any] = {"np": np, "CLASSES": 10}
    exec((TASK.folder / "strategies/fewest_plain_em.py").read_text(encoding="utf-8"), strategy)
    ours, _ = strategy["dawid_skene"](z, iterations=100, smoothing=1e-10)
    voted = theirs >= 0
    assert np.mean(ours[voted].argmax(axis=1) == theirs[voted]) >= 0.995


def test_the_recorded_curves_of_both_annot_mix_and_of_the_tutorial_agree() -> None:
    curves = json.loads((TASK.folder / "curves.json").read_text(encoding="utf-8"))["curves"]
    ours, library = curves["Annot-Mix"], curves["scikit-activeml's Annot-Mix"]
    for key, tolerance in (("area", 0.03), ("final", 0.03), ("right_answers", 0.05)):
        assert ours[key] == pytest.approx(library[key], abs=tolerance)
    # The tutorial, run again: 3 repetitions on one half of the digits.
    assert (ours["area"], ours["final"], ours["right_answers"]) == pytest.approx(
        (0.887, 0.936, 0.871), abs=0.04
    )
    votes = curves["random + majority vote"]
    assert (votes["area"], votes["final"], votes["right_answers"]) == pytest.approx(
        (0.790, 0.824, 0.767), abs=0.05
    )
