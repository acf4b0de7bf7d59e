"""Measure predictions: well-known metrics by name, from libraries where one has them.

Each function compares `answers` with `predictions` and returns a number. It is one whole text: the notebook of a task gets
it as it stands here, with its own imports, so a student and the grader compute the same. What the arrays must be is checked
before, in `scorers.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def accuracy(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the share of right predictions."""
    import numpy as np

    return float(np.mean(answers == predictions))


def group_accuracy(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the accuracy in each group, averaged over the groups; `answers` (n, 2) has the class and the group."""
    import numpy as np

    right, groups = answers[:, 0] == predictions, answers[:, 1]
    return float(np.mean([right[groups == group].mean() for group in np.unique(groups)]))


def balanced_accuracy(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the mean recall over the classes that occur in `answers`, in [0, 1].

    answers, predictions: (n,) integers, n >= 1. A predicted class that no answer has counts as wrong.

    Brodersen et al. 2010, "The balanced accuracy and its posterior distribution", equation 6, for any number of
    classes.
    """
    import numpy as np

    classes, index = np.unique(answers, return_inverse=True)
    hits = np.bincount(index, weights=predictions == answers, minlength=len(classes))
    return float(np.mean(hits / np.bincount(index, minlength=len(classes))))


def macro_f1(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the mean of the F1 of each class, or of each label of (n, k) rows of 0 and 1."""
    from sklearn.metrics import f1_score

    return float(f1_score(answers, predictions, average="macro", zero_division=0))


def micro_f1(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the F1 of all decisions together."""
    from sklearn.metrics import f1_score

    return float(f1_score(answers, predictions, average="micro", zero_division=0))


def log_loss(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the mean of -log of the probability of the right class; rows are divided by their sums."""
    import numpy as np
    from sklearn import metrics

    rows = np.stack([1 - predictions, predictions], axis=1) if predictions.ndim == 1 else predictions
    rows = rows.astype(float) / rows.astype(float).sum(axis=1, keepdims=True)
    return float(metrics.log_loss(answers, rows, labels=np.arange(rows.shape[1])))


def roc_auc(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the area under the ROC curve.

    Of (n, k) rows of probabilities it is the mean over the classes, each against the rest; with two classes both are the same.
    """
    import numpy as np
    from sklearn.metrics import roc_auc_score

    if predictions.ndim == 1 or predictions.shape[1] == 2:
        return float(roc_auc_score(answers, predictions if predictions.ndim == 1 else predictions[:, 1]))
    rows = predictions.astype(float) / predictions.astype(float).sum(axis=1, keepdims=True)
    classes = np.arange(rows.shape[1])
    return float(roc_auc_score(answers, rows, multi_class="ovr", average="macro", labels=classes))


def mse(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the mean squared error over all numbers."""
    import numpy as np

    return float(np.mean((answers.astype(float) - predictions.astype(float)) ** 2))


def rmse(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the root of the mean squared error."""
    import numpy as np

    return float(np.sqrt(np.mean((answers.astype(float) - predictions.astype(float)) ** 2)))


def mae(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the mean absolute error over all numbers."""
    import numpy as np

    return float(np.mean(np.abs(answers.astype(float) - predictions.astype(float))))


def r2(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the share of the variance that the predictions explain."""
    from sklearn.metrics import r2_score

    return float(r2_score(answers.ravel().astype(float), predictions.ravel().astype(float)))


def mrr(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the mean of 1 / rank of the right item; `predictions` (n, k) lists items, the best first.

    Voorhees 1999, "The TREC-8 question answering track report". An item that is not listed counts 0.
    """
    import numpy as np

    hits = predictions == answers[:, None]  # (n, k)
    return float(np.mean(np.where(hits.any(axis=1), 1 / (1 + hits.argmax(axis=1)), 0.0)))


def ndcg(answers: NDArray[Any], predictions: NDArray[Any], k: int = 10) -> float:
    """Return nDCG@k; `predictions` (n, at least k) lists items, the best first, `answers` (n, items) has their gains."""
    import numpy as np
    from sklearn.metrics import ndcg_score

    scores = np.zeros(answers.shape)
    np.put_along_axis(scores, predictions, np.arange(predictions.shape[1], 0, -1.0)[None], axis=1)
    return float(ndcg_score(answers, scores, k=k))


def miou(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the intersection over union of each class of the answers, over all pixels, averaged."""
    import numpy as np
    from sklearn.metrics import jaccard_score

    classes = np.unique(answers)
    return float(jaccard_score(answers.ravel(), predictions.ravel(), labels=classes, average="macro"))


def mean_average_precision(answers: NDArray[Any], predictions: NDArray[Any], percent: int = 50) -> float:
    """Return the mean over classes of the average precision of boxes that overlap by `percent`.

    predictions: (m, 7) rows of image, class, confidence, x1, y1, x2, y2; answers: (k, 6) rows without the confidence.
    Everingham et al. 2015, "The Pascal Visual Object Classes Challenge: A Retrospective": the area under the precision that
    never rises with recall. Each answer is found once, by the most confident box that overlaps it most.
    """
    import numpy as np

    def overlaps(box: NDArray[Any], boxes: NDArray[Any]) -> NDArray[Any]:
        low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
        common = np.prod(np.clip(high - low, 0, None), axis=1)
        sizes = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        shares: NDArray[Any] = common / np.maximum(np.prod(box[2:] - box[:2]) + sizes - common, 1e-12)
        return shares

    areas = []
    for label in np.unique(answers[:, 1]):
        truth = answers[answers[:, 1] == label]
        listed = predictions[predictions[:, 1] == label]
        listed = listed[np.argsort(-listed[:, 2], kind="stable")]
        nearest, most = (
            np.full(len(listed), -1),
            np.zeros(len(listed)),
        )  # the answer that each box overlaps most
        for number, box in enumerate(truth):  # over the author's boxes: a student may send a million
            rows = np.flatnonzero(listed[:, 0] == box[0])
            shares = overlaps(box[2:], listed[rows, 3:])
            closer = shares > most[rows]
            nearest[rows[closer]], most[rows[closer]] = number, shares[closer]
        near = np.flatnonzero(most >= percent / 100)
        hits = np.zeros(len(listed))
        hits[near[np.unique(nearest[near], return_index=True)[1]]] = (
            1.0  # of each answer, the first box near it
        )
        precision = np.cumsum(hits) / np.arange(1, len(listed) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        areas.append(float(np.sum(envelope * hits) / len(truth)))
    return float(np.mean(areas))


def psnr(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the peak signal-to-noise ratio in dB, the mean over images; an image that is the same counts 100."""
    import numpy as np
    from skimage.metrics import peak_signal_noise_ratio

    width = 255 if answers.dtype == np.uint8 else 1
    return float(
        np.mean(
            [
                100.0
                if np.array_equal(true, given)
                else min(100.0, peak_signal_noise_ratio(true, given, data_range=width))
                for true, given in zip(answers, predictions, strict=True)
            ]
        )
    )


def ssim(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the structural similarity, the mean over images; (n, h, w) or (n, h, w, channels)."""
    import numpy as np
    from skimage.metrics import structural_similarity

    width, channels = (255 if answers.dtype == np.uint8 else 1), (-1 if answers.ndim == 4 else None)
    pairs = zip(answers, predictions, strict=True)
    return float(
        np.mean([structural_similarity(*pair, data_range=width, channel_axis=channels) for pair in pairs])
    )


def bleu(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the BLEU of a corpus, 0 to 100, as sacreBLEU computes it."""
    import sacrebleu

    return float(sacrebleu.corpus_bleu(predictions.tolist(), [answers.tolist()]).score)


def chrf(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the chrF of a corpus, 0 to 100, as sacreBLEU computes it."""
    import sacrebleu

    return float(sacrebleu.corpus_chrf(predictions.tolist(), [answers.tolist()]).score)


def wer(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the word error rate: wrong, missing and added words as a share of the words of the answers."""
    import jiwer

    return float(jiwer.wer(answers.tolist(), predictions.tolist()))


def exact_match(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the share of rows that are the same in whole."""
    import numpy as np

    same = answers == predictions
    return float(np.mean(same.reshape(len(same), -1).all(axis=1)))


def normalised_return(answers: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return where the mean return (n,) lies between a weak player's, 0, and a strong one's, 1; answers (n, 2) has both."""
    import numpy as np

    # After Mnih et al. 2015, "Human-level control through deep reinforcement learning".
    weak, strong = answers.astype(float).mean(axis=0)
    return float((np.mean(predictions) - weak) / (strong - weak))
