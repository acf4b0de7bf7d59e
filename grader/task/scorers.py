"""The metrics that task.toml knows by name: their best end, their range, and what predictions they compare."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from grader.errors import UsageError, instead
from grader.gradebook.metric import with_article
from grader.task import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SCORE_FILE = "score.py"


@dataclass(frozen=True)
class Scorer:
    """A metric by name: what it is called, its best end, what it compares, and the numbers that it may give."""

    key: str
    name: str
    kind: str
    compare: Callable[[NDArray[Any], NDArray[Any]], float]
    best: Literal["high", "low"] = "high"
    low: float = 0.0
    high: float = 1.0
    short: str = ""
    cut: int | None = None  # of a metric at a rank: how many items a list needs at least

    @property
    def article(self) -> str:
        """The name with its indefinite article."""
        return with_article(self.name)


def scorer_named(key: str) -> Scorer:
    """Return the metric that task.toml calls `key`, such as "roc_auc" or "ndcg@10".

    Raises UsageError where there is none.
    """
    for scorer in SCORERS:
        if scorer.key == key:
            return scorer
    stem, at, rank = key.partition("@")
    if stem == "ndcg" and at and rank.isdecimal() and 1 <= int(rank) <= 1000:
        compare = partial(metrics.ndcg, k=int(rank))
        return Scorer(key, f"nDCG@{int(rank)}", "rankings", compare, cut=int(rank))
    known = [scorer.key for scorer in SCORERS] + ["ndcg@K", SCORE_FILE]
    raise UsageError(f"there is no metric {key!r}; {instead(key, known)}")


def is_share(key: str) -> bool:
    """Return whether the values of a metric end at 1; others, and those of score.py and of parts, have a scale of their own."""
    return key.startswith("ndcg@") or any(scorer.key == key and scorer.high == 1.0 for scorer in SCORERS)


_ANY = math.inf
SCORERS = (
    Scorer("accuracy", "accuracy", "classes", metrics.accuracy),
    Scorer("group_accuracy", "accuracy per group", "grouped", metrics.group_accuracy, short="group accuracy"),
    Scorer("balanced_accuracy", "balanced accuracy", "classes", metrics.balanced_accuracy, short="BAC"),
    Scorer("macro_f1", "macro F1", "labels", metrics.macro_f1),
    Scorer("micro_f1", "micro F1", "labels", metrics.micro_f1),
    Scorer("log_loss", "log-loss", "probabilities", metrics.log_loss, best="low", high=_ANY),
    Scorer("roc_auc", "ROC-AUC", "scores", metrics.roc_auc),
    Scorer("mse", "MSE", "numbers", metrics.mse, best="low", high=_ANY),
    Scorer("rmse", "RMSE", "numbers", metrics.rmse, best="low", high=_ANY),
    Scorer("mae", "MAE", "numbers", metrics.mae, best="low", high=_ANY),
    Scorer("r2", "R²", "numbers", metrics.r2, low=-_ANY),
    Scorer("mrr", "MRR", "ranked", metrics.mrr),
    Scorer("miou", "mIoU", "masks", metrics.miou),
    Scorer("map@.5", "mAP@.5", "boxes", metrics.mean_average_precision),
    Scorer("psnr", "PSNR", "images", metrics.psnr, high=100.0),
    Scorer("ssim", "SSIM", "images", metrics.ssim, low=-1.0),
    Scorer("bleu", "BLEU", "texts", metrics.bleu, high=100.0),
    Scorer("chrf", "chrF", "texts", metrics.chrf, high=100.0),
    Scorer("wer", "word error rate", "texts", metrics.wer, best="low", high=_ANY, short="WER"),
    Scorer("exact_match", "exact match", "rows", metrics.exact_match),
    Scorer(
        "normalised_return", "normalised return", "returns", metrics.normalised_return, low=-_ANY, high=_ANY
    ),
)
