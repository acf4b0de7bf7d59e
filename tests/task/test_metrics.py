"""Each metric gives what its definition gives, computed here in plain loops, and refuses what it cannot compare."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from grader.errors import GraderFault, StudentFault, UsageError, Verdict
from grader.task.predictions import compare, perfect
from grader.task.scorers import SCORERS, scorer_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

RNG = np.random.default_rng(7)
CLASSES = RNG.integers(0, 3, 60)
GUESSES = np.where(RNG.random(60) < 0.6, CLASSES, RNG.integers(0, 3, 60))
ROWS = (RNG.random((40, 4)) < 0.4).astype(np.int64)
MARKED = np.where(RNG.random((40, 4)) < 0.8, ROWS, 1 - ROWS)
BINARY = RNG.integers(0, 2, 50)
SCORES = np.clip(0.3 * BINARY + 0.7 * RNG.random(50).round(1), 0.01, 0.99)  # with ties
SHARES = RNG.dirichlet([1, 1, 1], 60)
NUMBERS, NEAR = RNG.normal(0, 3, (20, 2)), RNG.normal(0, 3, (20, 2))
RANKED = np.array([RNG.permutation(8)[:5] for _ in range(20)])
WANTED = RNG.integers(0, 8, 20)
GAINS = RNG.integers(0, 4, (20, 8))
MASKS = RNG.integers(0, 3, (3, 6, 6))
PAINTED = np.where(RNG.random((3, 6, 6)) < 0.7, MASKS, RNG.integers(0, 3, (3, 6, 6)))
IMAGES = RNG.random((2, 12, 12))
BLURRED = np.clip(IMAGES + RNG.normal(0, 0.1, IMAGES.shape), 0, 1)
TEXTS = np.array(["the cat sat on the mat today", "all dogs bark at night", "rain falls"])
SAID = np.array(["the cat sat on a mat today", "dogs bark loudly at night", "snow falls"])
GROUPED = np.stack([CLASSES, RNG.integers(0, 4, 60)], axis=1)
BOXES = np.array(
    [[0, 0, 0, 0, 10, 10], [0, 0, 20, 20, 30, 30], [1, 0, 5, 5, 9, 9], [1, 1, 0, 0, 4, 4]], float
)
FOUND = np.array(
    [
        [0, 0, 0.9, 1, 0, 10, 10], [0, 0, 0.8, 0, 0, 10, 10], [0, 0, 0.7, 20, 21, 30, 30],
        [1, 0, 0.6, 5, 5, 6, 6], [1, 1, 0.5, 0, 0, 4, 5], [0, 1, 0.95, 0, 0, 4, 4],
    ]
)  # fmt: skip


EARNED = np.stack(
    [np.linspace(1, 3, 20), np.linspace(6, 7, 20)], axis=1
)  # what a weak and a strong player earn
RETURNS = np.linspace(7, 0, 20)


def plain_return(truth: NDArray[Any], given: NDArray[Any]) -> float:
    weak, strong = (math.fsum(column) for column in truth.T.tolist())
    return (math.fsum(given.tolist()) - weak) / (strong - weak)


def f1(truth: Sequence[int], given: Sequence[int], label: int) -> tuple[float, int, int, int]:
    pairs = list(zip(truth, given, strict=True))
    hit = sum(t == g == label for t, g in pairs)
    extra, missed = sum(g == label != t for t, g in pairs), sum(t == label != g for t, g in pairs)
    return 2 * hit / max(2 * hit + extra + missed, 1), hit, extra, missed


def plain_macro(truth: NDArray[Any], given: NDArray[Any]) -> float:
    return math.fsum(f1(truth.tolist(), given.tolist(), label)[0] for label in range(3)) / 3


def plain_micro_rows(truth: NDArray[Any], given: NDArray[Any]) -> float:
    counts = [f1(t, g, 1) for t, g in zip(truth.T.tolist(), given.T.tolist(), strict=True)]
    hit, wrong = sum(row[1] for row in counts), sum(row[2] + row[3] for row in counts)
    return 2 * hit / (2 * hit + wrong)


def plain_auc(truth: Sequence[int], scores: Sequence[float]) -> float:
    pairs = [
        (p > n) + 0.5 * (p == n)
        for p, t in zip(scores, truth, strict=True)
        for n, u in zip(scores, truth, strict=True)
        if t and not u
    ]
    return sum(pairs) / len(pairs)


def plain_auc_rows(truth: NDArray[Any], rows: NDArray[Any]) -> float:
    return sum(plain_auc((truth == label).tolist(), rows[:, label].tolist()) for label in range(3)) / 3


def plain_log_loss(truth: NDArray[Any], rows: NDArray[Any]) -> float:
    return -math.fsum(
        math.log(row[label]) for label, row in zip(truth.tolist(), rows.tolist(), strict=True)
    ) / len(truth)


def plain_ndcg(gains: NDArray[Any], ranked: NDArray[Any], k: int = 5) -> float:
    def gain(values: Sequence[float]) -> float:
        return sum(value / math.log2(place + 2) for place, value in enumerate(values[:k]))

    rows = [
        gain([row[item] for item in items]) / gain(sorted(row, reverse=True))
        for row, items in zip(gains.tolist(), ranked.tolist(), strict=True)
    ]
    return sum(rows) / len(rows)


def plain_mrr(wanted: NDArray[Any], ranked: NDArray[Any]) -> float:
    rows = zip(wanted.tolist(), ranked.tolist(), strict=True)
    return sum(1 / (1 + items.index(item)) if item in items else 0 for item, items in rows) / len(wanted)


def plain_miou(truth: NDArray[Any], given: NDArray[Any]) -> float:
    pairs = list(zip(truth.ravel().tolist(), given.ravel().tolist(), strict=True))
    shares = [sum(t == g == c for t, g in pairs) / sum(c in (t, g) for t, g in pairs) for c in range(3)]
    return math.fsum(shares) / 3


def plain_r2(truth: NDArray[Any], given: NDArray[Any]) -> float:
    mean = truth.sum() / truth.size
    return 1 - float(((truth - given) ** 2).sum() / ((truth - mean) ** 2).sum())


def plain_psnr(truth: NDArray[Any], given: NDArray[Any]) -> float:
    return sum(10 * math.log10(1 / ((t - g) ** 2).mean()) for t, g in zip(truth, given, strict=True)) / len(
        truth
    )


def plain_ssim(truth: NDArray[Any], given: NDArray[Any]) -> float:
    """Wang et al. 2004, equation 13, with a flat window of 7 and the sample covariance."""
    values = []
    for true, image in zip(truth, given, strict=True):
        for y in range(12 - 6):
            for x in range(12 - 6):
                a, b = true[y : y + 7, x : x + 7].ravel(), image[y : y + 7, x : x + 7].ravel()
                cov = np.cov(a, b)
                top = (2 * a.mean() * b.mean() + 1e-4) * (2 * cov[0, 1] + 9e-4)
                values.append(top / ((a.mean() ** 2 + b.mean() ** 2 + 1e-4) * (cov[0, 0] + cov[1, 1] + 9e-4)))
    return float(np.mean(values))


def grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def plain_bleu(truth: NDArray[Any], given: NDArray[Any]) -> float:
    """Papineni et al. 2002; nothing of these sentences is split further by a tokenizer."""
    logs = []
    for n in range(1, 5):
        hits = total = 0
        for true, text in zip(truth.tolist(), given.tolist(), strict=True):
            wanted, said = grams(true.split(), n), grams(text.split(), n)
            hits, total = hits + (wanted & said).total(), total + said.total()
        logs.append(math.log(hits / total))
    long, short = (sum(len(text.split()) for text in texts.tolist()) for texts in (given, truth))
    return 100 * min(1.0, math.exp(1 - short / long)) * math.exp(sum(logs) / 4)


def plain_chrf(truth: NDArray[Any], given: NDArray[Any]) -> float:
    """Popovic 2015: F2 of the characters' n-grams, n up to 6, of the whole corpus."""
    precisions, recalls = [], []
    for n in range(1, 7):
        pairs = [
            (grams(t.replace(" ", ""), n), grams(g.replace(" ", ""), n))
            for t, g in zip(truth.tolist(), given.tolist(), strict=True)
        ]
        hits = sum((t & g).total() for t, g in pairs)
        precisions.append(hits / sum(g.total() for _, g in pairs))
        recalls.append(hits / sum(t.total() for t, _ in pairs))
    p, r = sum(precisions) / 6, sum(recalls) / 6
    return 100 * 5 * p * r / (4 * p + r)


def plain_wer(truth: NDArray[Any], given: NDArray[Any]) -> float:
    wrong = 0
    for true, text in zip(truth.tolist(), given.tolist(), strict=True):
        a, b = true.split(), text.split()
        row = list(range(len(b) + 1))
        for i, word in enumerate(a, start=1):
            last, row = row, [i]
            for j, said in enumerate(b, start=1):
                row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (word != said)))
        wrong += row[-1]
    return wrong / sum(len(text.split()) for text in truth.tolist())


def plain_group(truth: NDArray[Any], given: NDArray[Any]) -> float:
    rows = list(zip(truth.tolist(), given.tolist(), strict=True))
    groups = [[label == guess for (label, group), guess in rows if group == wanted] for wanted in range(4)]
    return math.fsum(sum(group) / len(group) for group in groups) / 4


def drawn_boxes(count: int) -> NDArray[Any]:
    corners = RNG.integers(0, 12, (count, 2))
    heads = np.stack([RNG.integers(0, 4, count), RNG.integers(0, 3, count)], axis=1)
    return np.hstack([heads, corners, corners + RNG.integers(3, 9, (count, 2))]).astype(float)


def plain_share(left: list[float], right: list[float]) -> float:
    width = min(left[2], right[2]) - max(left[0], right[0])
    height = min(left[3], right[3]) - max(left[1], right[1])
    common = max(width, 0) * max(height, 0)
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (left, right)]
    return common / (sum(sizes) - common)


def plain_map(truth: NDArray[Any], given: NDArray[Any]) -> float:
    areas = []
    for label in sorted(set(truth[:, 1])):
        answers = [row for row in truth.tolist() if row[1] == label]
        taken, hits = set[int](), list[bool]()
        for image, _, _, *box in sorted(
            (row for row in given.tolist() if row[1] == label), key=lambda row: -row[2]
        ):
            shares = [plain_share(box, row[2:]) if row[0] == image else -1.0 for row in answers]
            best = shares.index(max(shares))
            hits.append(shares[best] >= 0.5 and best not in taken)
            taken |= {best} if hits[-1] else set()
        precisions = [sum(hits[:end]) / end for end in range(1, len(hits) + 1)]
        areas.append(sum(max(precisions[place:]) for place, hit in enumerate(hits) if hit) / len(answers))
    return math.fsum(areas) / len(areas)


MANY_BOXES = drawn_boxes(60)
MANY_GUESSES = np.insert(drawn_boxes(300), 2, RNG.permutation(300) / 300, axis=1)
DEFINITIONS: dict[str, tuple[str, Any, Any, Callable[[Any, Any], float]]] = {
    "accuracy": ("accuracy", CLASSES, GUESSES, lambda t, g: sum(t == g) / len(t)),
    "accuracy per group": ("group_accuracy", GROUPED, GUESSES, plain_group),
    "macro F1": ("macro_f1", CLASSES, GUESSES, plain_macro),
    "micro F1 of classes": ("micro_f1", CLASSES, GUESSES, lambda t, g: sum(t == g) / len(t)),
    "micro F1 of rows": ("micro_f1", ROWS, MARKED, plain_micro_rows),
    "log-loss of rows": ("log_loss", CLASSES, SHARES, plain_log_loss),
    "log-loss of rows whose sum is nearly one": (
        "log_loss", CLASSES, 1.0005 * SHARES, lambda t, g: plain_log_loss(t, g / g.sum(axis=1, keepdims=True))
    ),
    "log-loss of one probability": (
        "log_loss", BINARY, SCORES, lambda t, g: plain_log_loss(t, np.stack([1 - g, g], axis=1))
    ),
    "ROC-AUC": ("roc_auc", BINARY, SCORES, lambda t, g: plain_auc(t.tolist(), g.tolist())),
    "ROC-AUC of rows of two classes": (
        "roc_auc", BINARY, np.stack([1 - SCORES, SCORES], axis=1), lambda t, g: plain_auc(t.tolist(), g[:, 1].tolist())
    ),
    "ROC-AUC of rows whose sum is nearly one": ("roc_auc", CLASSES, 1.0005 * SHARES, plain_auc_rows),
    "ROC-AUC of rows": ("roc_auc", CLASSES, SHARES, plain_auc_rows),
    "MSE": ("mse", NUMBERS, NEAR, lambda t, g: float(((t - g) ** 2).sum() / t.size)),
    "RMSE": ("rmse", NUMBERS, NEAR, lambda t, g: math.sqrt(((t - g) ** 2).sum() / t.size)),
    "MAE": ("mae", NUMBERS, NEAR, lambda t, g: float(abs(t - g).sum() / t.size)),
    "R2": ("r2", NUMBERS, NEAR, plain_r2),
    "MRR": ("mrr", WANTED, RANKED, plain_mrr),
    "nDCG@5": ("ndcg@5", GAINS, RANKED, plain_ndcg),
    "mIoU": ("miou", MASKS, PAINTED, plain_miou),
    # By hand. Class 0, three answers: the first box hits, its copy does not, the third hits, the fourth is too small:
    # precisions 1, 2/3 at the two hits. Class 1, one answer: the surest box is in another image, the next one hits: 1/2.
    "mAP@.5": ("map@.5", BOXES, FOUND, lambda _t, _g: ((1 + 2 / 3) / 3 + 1 / 2) / 2),
    "mAP@.5 of many boxes": ("map@.5", MANY_BOXES, MANY_GUESSES, plain_map),
    "PSNR": ("psnr", IMAGES, BLURRED, plain_psnr),
    "SSIM": ("ssim", IMAGES, BLURRED, plain_ssim),
    "BLEU": ("bleu", TEXTS, SAID, plain_bleu),
    "chrF": ("chrf", TEXTS, SAID, plain_chrf),
    "word error rate": ("wer", TEXTS, SAID, plain_wer),
    "normalised return": ("normalised_return", EARNED, RETURNS, plain_return),
    "exact match": ("exact_match", ROWS, MARKED, lambda t, g: sum((t == g).all(axis=1)) / len(t)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "answers", "predictions", "definition"), DEFINITIONS.values(), ids=DEFINITIONS.keys()
)
def test_a_metric_is_what_its_definition_says(
    key: str, answers: NDArray[Any], predictions: NDArray[Any], definition: Callable[[Any, Any], float]
) -> None:
    measured = compare(scorer_named(key), "model", answers, predictions)
    assert measured == pytest.approx(definition(answers, predictions), abs=1e-9)


def test_every_metric_has_a_definition_here() -> None:
    tried = {key for key, *_ in DEFINITIONS.values()}
    assert {scorer.key for scorer in SCORERS} - tried == {"balanced_accuracy"}, "which test_scoring.py tries"


@pytest.mark.parametrize(
    ("key", "answers"), {key: truth for key, truth, *_ in DEFINITIONS.values()}.items(), ids=str
)
def test_answers_as_predictions_get_the_best_value_there_is(key: str, answers: NDArray[Any]) -> None:
    scorer = scorer_named(key)
    best = 0.0 if scorer.best == "low" else scorer.high if math.isfinite(scorer.high) else 1.0
    assert compare(scorer, "model", answers, perfect(scorer, answers)) == pytest.approx(best, abs=1e-9)


MISFITS: dict[str, tuple[str, Any, Any, str]] = {
    "floats for classes": ("accuracy", CLASSES, GUESSES * 1.0, "are float64 of shape"),
    "other rows": ("macro_f1", ROWS, MARKED[:, :3], "rows of 0 and 1 of shape"),
    "a two among rows of 0 and 1": ("micro_f1", ROWS, MARKED + 1, "rows of 0 and 1"),
    "probabilities above one": ("log_loss", BINARY, SCORES + 1, "probabilities from 0 to 1"),
    "rows that do not sum to one": ("roc_auc", CLASSES, SHARES * 2, "with the sum 1"),
    "whole numbers for scores": ("roc_auc", BINARY, BINARY, "floats"),
    "a class without a column": ("log_loss", CLASSES + 1, SHARES, "are not below 3"),
    "one class only": ("roc_auc", BINARY * 0, SCORES, "cannot be computed|impossible"),
    "an item twice": ("mrr", WANTED, RANKED * 0, "without an item twice"),
    "an item that is none": ("ndcg@5", GAINS, RANKED + 8, "items from 0 to 7"),
    "fewer items than the rank": ("ndcg@5", GAINS, RANKED[:, :4], "lists of at least 5 items"),
    "masks of another size": ("miou", MASKS, PAINTED[:, :5], "masks of shape"),
    "images beyond one": ("psnr", IMAGES, BLURRED + 1, "values from 0 to 1"),
    "images of another kind": ("ssim", IMAGES, (255 * BLURRED).astype(np.uint8), "images of float64"),
    "boxes without confidence": ("map@.5", BOXES, BOXES, "rows of image, class, confidence"),
    "numbers for texts": ("wer", TEXTS, CLASSES[:3], "texts of shape"),
    "too few texts": ("bleu", TEXTS, SAID[:2], "texts of shape"),
    "answers of another kind": ("mse", TEXTS, NEAR, "the answers for 'model' are not finite numbers"),
    "too few returns": ("normalised_return", EARNED, RETURNS[:3], "what each of 20 episodes earned"),
    "a strong player that earns less": ("normalised_return", EARNED[:, ::-1], RETURNS, "the strong one more"),
    "answers that are missing": ("mae", None, NEAR, "there are no answers for 'model'"),
}  # fmt: skip


@pytest.mark.parametrize(("key", "answers", "predictions", "says"), MISFITS.values(), ids=MISFITS.keys())
def test_arrays_that_do_not_fit_are_our_fault(key: str, answers: Any, predictions: Any, says: str) -> None:
    with pytest.raises(GraderFault, match=says):
        compare(scorer_named(key), "model", answers, predictions)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_comes_from_the_students_training(bad: float) -> None:
    predictions = NEAR.copy()
    predictions[3, 1] = bad
    with pytest.raises(StudentFault, match="NaN or infinite") as caught:
        compare(scorer_named("mse"), "model", NUMBERS, predictions)
    assert caught.value.verdict is Verdict.INVALID_OUTPUT


@pytest.mark.parametrize("key", ["mse", "rmse", "mae", "r2"])
def test_numbers_too_large_to_measure_come_from_the_students_training(key: str) -> None:
    predictions = np.full(NUMBERS.shape, 1.7e308)
    with pytest.raises(StudentFault, match="numbers too large for a") as caught:
        compare(scorer_named(key), "model", NUMBERS, predictions)
    assert caught.value.verdict is Verdict.INVALID_OUTPUT


@pytest.mark.parametrize("key", ["ndcg@0", "ndcg@", "ndcg", "mape", "Accuracy"])
def test_an_unknown_metric_is_refused_with_the_nearest(key: str) -> None:
    with pytest.raises(UsageError, match=f"there is no metric '{key}'; (did you mean|there are)"):
        scorer_named(key)


def test_the_same_image_is_worth_100_decibels() -> None:
    images = (255 * IMAGES).astype(np.uint8)
    assert compare(scorer_named("psnr"), "model", images, images) == 100.0
    darker = images // 2
    error = np.mean((images.astype(float) - darker) ** 2, axis=(1, 2))
    expected = np.mean(10 * np.log10(255**2 / error))
    assert compare(scorer_named("psnr"), "model", images, darker) == pytest.approx(expected)
