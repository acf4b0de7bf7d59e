"""Compare predictions with answers by a metric, after the shapes and kinds that it needs were checked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import GraderFault, StudentFault, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from grader.task.scorers import Scorer


def compare(scorer: Scorer, name: str, answers: NDArray[Any] | None, predictions: NDArray[Any]) -> float:
    """Return what the array of predictions called `name` is worth by `scorer`.

    Raises GraderFault where an array has another shape or kind than the protected cells promise, and StudentFault for
    predictions with a number that is not finite, or too large to measure: training with what the student returned ended there.
    """
    if answers is None:
        raise GraderFault(f"there are no answers for {name!r}")
    _CHECKS[scorer.kind](name, answers, predictions)
    if predictions.dtype.kind == "f" and not np.isfinite(predictions).all():
        sentence = f"the predictions {name!r} hold a number that is NaN or infinite"
        raise StudentFault(Verdict.INVALID_OUTPUT, sentence)
    if scorer.cut is not None:
        _check_length(name, min(scorer.cut, answers.shape[1]), predictions)
    try:
        with np.errstate(over="ignore"):
            value = scorer.compare(answers, predictions)
    except ImportError as error:
        raise GraderFault(
            f"{scorer.name} needs a library that is missing ({error}); pip install 'notebook-olympiad[metrics]'"
        ) from error
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise GraderFault(f"{scorer.name} of {name!r} cannot be computed: {error}") from error
    if math.isinf(value) and scorer.kind == "numbers":
        sentence = f"the predictions {name!r} hold numbers too large for {scorer.article}"
        raise StudentFault(Verdict.INVALID_OUTPUT, sentence)
    if not (math.isfinite(value) and scorer.low - 1e-9 <= value <= scorer.high + 1e-9):
        raise GraderFault(f"{scorer.article} of {value} is impossible")
    return value


def perfect(scorer: Scorer, answers: NDArray[Any]) -> NDArray[Any]:
    """Return the predictions that `scorer` gives its best value."""
    if scorer.kind in {"grouped", "returns"}:
        return answers[:, int(scorer.kind == "returns")]
    if scorer.kind in {"scores", "probabilities"}:
        classes = int(answers.max()) + 1
        rows = np.eye(classes)[answers]
        return answers.astype(float) if classes == 2 else rows
    if scorer.kind == "ranked":
        return answers[:, None]
    if scorer.kind == "rankings":
        return np.argsort(-answers, axis=1, kind="stable")
    if scorer.kind == "boxes":
        return np.insert(answers.astype(float), 2, 1.0, axis=1)
    return answers


def _fits(name: str, *, wanted: str, given: NDArray[Any]) -> GraderFault:
    return GraderFault(
        f"the predictions {name!r} are {given.dtype} of shape {given.shape}; {wanted} were expected"
    )


def _check_answers(name: str, answers: NDArray[Any], *, fits: bool, wanted: str) -> None:
    if not fits or not answers.size:
        raise GraderFault(f"the answers for {name!r} are not {wanted}")


def _check_classes(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.ndim == 1 and answers.dtype.kind in "iu"
    _check_answers(name, answers, fits=fits, wanted="one-dimensional whole numbers")
    if given.dtype.kind not in "iu" or given.shape != answers.shape:
        raise _fits(name, wanted=f"whole numbers of shape {answers.shape}", given=given)


def _check_labels(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    if answers.ndim == 1:
        _check_classes(name, answers, given)
        return
    rows = answers.ndim == 2 and answers.dtype.kind in "iu" and np.isin(answers, (0, 1)).all()
    _check_answers(name, answers, fits=bool(rows), wanted="classes, or rows of 0 and 1")
    if given.dtype.kind not in "iu" or given.shape != answers.shape or not np.isin(given, (0, 1)).all():
        raise _fits(name, wanted=f"rows of 0 and 1 of shape {answers.shape}", given=given)


def _check_grouped(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.ndim == 2 and answers.shape[1] == 2 and answers.dtype.kind in "iu"
    _check_answers(name, answers, fits=fits, wanted="rows of a class and a group")
    _check_classes(name, answers[:, 0], given)


def _check_scores(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.ndim == 1 and answers.dtype.kind in "iu"
    _check_answers(name, answers, fits=fits and bool(answers.min() >= 0), wanted="the numbers of classes")
    columns = given.shape[1] if given.ndim == 2 else 2
    if given.dtype.kind != "f" or given.ndim not in (1, 2) or len(given) != len(answers):
        raise _fits(name, wanted=f"{len(answers)} floats, or rows of them,", given=given)
    _check_answers(name, answers, fits=bool(answers.max() < columns), wanted=f"below {columns}")
    if given.ndim == 2 and np.isfinite(given).all() and not np.allclose(given.sum(axis=1), 1, atol=1e-3):
        raise _fits(name, wanted="rows of probabilities with the sum 1", given=given)


def _check_probabilities(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    _check_scores(name, answers, given)
    if np.isfinite(given).all() and (given.min() < 0 or given.max() > 1):
        raise _fits(name, wanted="probabilities from 0 to 1", given=given)


def _check_numbers(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.dtype.kind in "iuf" and bool(np.isfinite(answers).all())
    _check_answers(name, answers, fits=fits, wanted="finite numbers")
    if given.dtype.kind not in "iuf" or given.shape != answers.shape:
        raise _fits(name, wanted=f"numbers of shape {answers.shape}", given=given)


def _check_returns(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    pairs = answers.ndim == 2 and answers.shape[1] == 2 and answers.dtype.kind in "iuf"
    fits = bool(pairs and np.isfinite(answers).all() and answers[:, 1].mean() > answers[:, 0].mean())
    _check_answers(
        name, answers, fits=fits, wanted="rows of what a weak and a strong player earn, the strong one more"
    )
    if given.dtype.kind not in "iuf" or given.shape != answers.shape[:1]:
        raise _fits(name, wanted=f"what each of {len(answers)} episodes earned", given=given)


def _check_ranked(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.ndim == 1 and answers.dtype.kind in "iu"
    _check_answers(name, answers, fits=fits, wanted="the number of one item each")
    _check_lists(name, len(answers), given)


def _check_lists(name: str, rows: int, given: NDArray[Any]) -> None:
    if given.dtype.kind not in "iu" or given.ndim != 2 or len(given) != rows or not given.shape[1]:
        raise _fits(name, wanted=f"{rows} lists of items", given=given)
    ordered = np.sort(given, axis=1)
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise _fits(name, wanted="lists without an item twice", given=given)


def _check_rankings(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.ndim == 2 and answers.dtype.kind in "iuf" and bool((answers >= 0).all())
    _check_answers(name, answers, fits=fits, wanted="rows of gains, one for each item")
    _check_lists(name, len(answers), given)
    if given.min() < 0 or given.max() >= answers.shape[1]:
        raise _fits(name, wanted=f"items from 0 to {answers.shape[1] - 1}", given=given)


def _check_length(name: str, length: int, given: NDArray[Any]) -> None:
    """Refuse shorter lists: the items that they do not name would tie, and share the gains that are left."""
    if given.shape[1] < length:
        raise _fits(name, wanted=f"lists of at least {length} items", given=given)


def _check_masks(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.ndim >= 2 and answers.dtype.kind in "iu"
    _check_answers(name, answers, fits=fits, wanted="masks of whole numbers")
    if given.dtype.kind not in "iu" or given.shape != answers.shape:
        raise _fits(name, wanted=f"masks of shape {answers.shape}", given=given)


def _check_images(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    ranged = answers.dtype == np.uint8 or (answers.dtype.kind == "f" and _within_unit(answers))
    fits = answers.ndim in (3, 4) and ranged
    _check_answers(name, answers, fits=fits, wanted="images of uint8, or of floats from 0 to 1")
    if given.dtype != answers.dtype or given.shape != answers.shape:
        raise _fits(name, wanted=f"images of {answers.dtype} of shape {answers.shape}", given=given)
    if given.dtype.kind == "f" and np.isfinite(given).all() and not _within_unit(given):
        raise _fits(name, wanted="images with values from 0 to 1", given=given)


def _within_unit(array: NDArray[Any]) -> bool:
    return bool(array.size and array.min() >= 0 and array.max() <= 1)


def _check_boxes(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.ndim == 2 and answers.shape[1] == 6 and answers.dtype.kind in "iuf"
    _check_answers(name, answers, fits=fits, wanted="rows of image, class, x1, y1, x2, y2")
    if given.dtype.kind not in "iuf" or given.ndim != 2 or given.shape[1] != 7:
        raise _fits(name, wanted="rows of image, class, confidence, x1, y1, x2, y2", given=given)


def _check_texts(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.ndim == 1 and answers.dtype.kind == "U"
    _check_answers(name, answers, fits=fits, wanted="one-dimensional texts")
    if given.dtype.kind != "U" or given.shape != answers.shape:
        raise _fits(name, wanted=f"texts of shape {answers.shape}", given=given)


def _check_rows(name: str, answers: NDArray[Any], given: NDArray[Any]) -> None:
    fits = answers.ndim >= 1 and answers.dtype.kind in "iuU"
    _check_answers(name, answers, fits=fits, wanted="whole numbers or texts")
    if (given.dtype.kind == "U") != (answers.dtype.kind == "U") or given.shape != answers.shape:
        raise _fits(name, wanted=f"rows of shape {answers.shape} of the answers' kind", given=given)
    if given.dtype.kind not in "iuU":
        raise _fits(name, wanted="whole numbers or texts", given=given)


_CHECKS: dict[str, Callable[[str, NDArray[Any], NDArray[Any]], None]] = {
    "classes": _check_classes,
    "labels": _check_labels,
    "grouped": _check_grouped,
    "scores": _check_scores,
    "probabilities": _check_probabilities,
    "numbers": _check_numbers,
    "ranked": _check_ranked,
    "rankings": _check_rankings,
    "masks": _check_masks,
    "images": _check_images,
    "boxes": _check_boxes,
    "texts": _check_texts,
    "rows": _check_rows,
    "returns": _check_returns,
}
