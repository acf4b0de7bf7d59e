"""A course whose results look like graded ones, made without training: notebooks, run folders, answers, a gradebook."""

from __future__ import annotations

import hashlib
import json
import statistics
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import EXPLANATIONS, Verdict
from grader.gradebook.gradebook import Gradebook, Key, SubmissionRecord, writing
from grader.gradebook.result import Metrics, Result, Seconds
from grader.gradebook.run_folder import RunFolder
from grader.notebooks.program import slot_key, text_digest
from grader.notebooks.reading import tags
from grader.notebooks.rebuild import rebuild
from grader.task.scoring import points as points_of
from grader.task.scoring import score
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from grader.notebooks.reading import Json
    from grader.task.spec import Task

IMAGES = 400  # of the hidden test set
POSITIVE = 0.3
MARK = "0123456789ab"
SEEDS = (3141592653, 2718281828, 1618033988)  # of the trainer; no page may show them
LOSS = "def your_select_indices(targets, losses):\n    return [loss.argsort()[:100] for loss in losses]\n"


class Course:
    """Writes results into one folder, as `grader grade` would."""

    def __init__(self, out: Path, book: Gradebook, task: Task) -> None:
        self.out, self.task = out, task
        self._book = book
        self._starter = load_starter(task)
        self._rng = np.random.default_rng(7)
        self._labels = [(self._rng.random(IMAGES) < POSITIVE).astype(np.int64) for _ in SEEDS]
        for number, labels in enumerate(self._labels):
            self._place(number, "inputs").mkdir(parents=True, exist_ok=True)
            self._place(number, "answers").mkdir(exist_ok=True)
            np.savez(self._place(number, "answers") / "answers.npz", allow_pickle=False, labels=labels)
        book.counts(task.id, "best")
        settings = {"task": task.id, "wall_seconds": task.spec.limits.wall_seconds}
        self._run = book.begin_run("grade", settings, {"python": "3.11.7"}, {"node": "here"})

    def scored(
        self,
        student: str,
        slot: str = LOSS,
        *,
        recalls: tuple[float, float] = (0.9, 0.7),
        printed: str = "",
        edited: str = "",
        submitted: str | None = None,
        penalties: Sequence[str] = (),
        log: Sequence[str] = (),
        histories: Sequence[Json] = (),
        picture: str = "",
    ) -> Result:
        """Record a score: `recalls` are the hits of the two classes, before the luck of each repeat.

        `edited` is put before a protected cell of what is handed in; `log` is what our cells print below the slot, and
        `histories` are what they save of the training, one for each repeat.
        """
        folder, notebook = self._hand_in(student, slot, edited)
        found = []
        for number in range(len(SEEDS)):
            place = folder / f"repeat-{number}"
            self._execute(place, notebook, number, printed, log, picture)
            if histories:
                (place / "history.json").write_text(json.dumps(histories[number]), encoding="utf-8")
            arrays = {name: self._predict(number, recalls) for name in ("model1", "model2")}
            np.savez(place / "predictions.npz", allow_pickle=False, **arrays)
            found.append(score(place / "predictions.npz", self._place(number, "answers") / "answers.npz"))
        repeats = [statistics.fmean(one.values()) for one in found]
        mean = statistics.fmean(repeats)
        models = {name: statistics.fmean(one[name] for one in found) for name in found[0]}
        total = 20 + 25 * float(self._rng.random())
        result = self._result(
            student, slot, folder, Verdict.SCORED, EXPLANATIONS[Verdict.SCORED].sentence,
            points=points_of(mean, self.task.spec.score), metrics=Metrics(mean, models, repeats, statistics.stdev(repeats)),
            seconds=Seconds(total, total - 4, 1.2, 2.8), slot_calls=414, memory_mb=[31.5, None, 40.2], penalties=list(penalties),
            changed_cells=["Setup (cell 6)"] if edited else [],
        )  # fmt: skip
        self._record(result, submitted)
        return result

    def failed(
        self,
        student: str,
        verdict: Verdict,
        message: str,
        *,
        slot: str = "",
        traceback: str = "",
        printed: str = "",
        submitted: str | None = None,
    ) -> Result:
        """Record a verdict without a score; where there is a slot, its first repeat was begun."""
        folder = self.out / "runs" / student / "run-1"
        if slot:
            folder, notebook = self._hand_in(student, slot, "")
            self._execute(folder / "repeat-0", notebook, 0, printed, (), "")
        points = None if verdict is Verdict.GRADER_ERROR else 0
        result = self._result(
            student, slot, folder, verdict, message, points=points, metrics=None, traceback=traceback,
            seconds=Seconds(3.1, 0.4, 0.1, 2.6), slot_calls=3 if slot else 0,
        )  # fmt: skip
        self._record(result, submitted)
        return result

    def _result(
        self, student: str, slot: str, folder: Path, verdict: Verdict, message: str, **more: Any
    ) -> Result:
        values: dict[str, Any] = {"penalties": [], "changed_cells": [], **more}
        digest = hashlib.sha256(f"{student} {slot} {folder.name}".encode("utf-8", "replace")).hexdigest()
        return Result(
            submission=f"inbox/{student}.ipynb", task=self.task.id, task_version=self.task.version, student=student,
            submission_sha256=digest, slot_sha256=text_digest(slot), slot_key=slot_key(slot) if slot else "",
            verdict=verdict, message=message, device="cpu", run_folder=str(folder), versions={"python": "3.11.7"}, **values,
        )  # fmt: skip

    def _record(self, result: Result, submitted: str | None) -> None:
        entry = SubmissionRecord(
            result.task, result.student, result.submission, result.submission_sha256, submitted
        )
        (identity,) = self._book.enter([entry])
        self._book.record(self._run, identity, result, Key("context", result.slot_key))

    def _hand_in(self, student: str, slot: str, edited: str) -> tuple[Path, Json]:
        notebook = rebuild(self._starter, slot)
        sent = json.loads(json.dumps(notebook))
        if edited:
            cell = next(
                cell for cell in sent["cells"] if tags(cell) == ["protected"] and cell["cell_type"] == "code"
            )
            cell["source"] = [edited, *cell["source"]]
        folder = RunFolder.create(self.out / "runs", student).path
        (folder / "submission.ipynb").write_text(json.dumps(sent), encoding="utf-8")
        (folder / "slot.py").write_text(slot, encoding="utf-8", errors="replace")
        return folder, notebook

    def _execute(
        self, place: Path, notebook: Json, number: int, printed: str, log: Sequence[str], picture: str
    ) -> None:
        place.mkdir(parents=True)
        (place / "rebuilt.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        run = json.loads(json.dumps(notebook))
        below = False
        for cell in run["cells"]:
            if below and log and cell["cell_type"] == "code":
                cell["outputs"] = [_stream("".join(f"{line}\n" for line in log))]
                if picture:
                    cell["outputs"].append({"output_type": "display_data", "data": {"image/png": picture}})
                log = ()
            if "slot" in tags(cell):
                below = True
                cell["outputs"] = [_stream(printed)] if printed else []
        parameters = {
            "SEED": SEEDS[number],
            "DATA_PATH": str(self._place(number, "inputs").resolve()),
            "PREDICTIONS_PATH": str((place / "predictions.npz").resolve()),
        }
        lines = [f"{name} = {value!r}\n" for name, value in parameters.items()]
        injected = {"cell_type": "code", "id": "injected", "metadata": {"tags": ["injected-parameters"]}, "outputs": [], "source": lines}  # fmt: skip
        run["cells"].insert(4, injected)
        run["metadata"]["papermill"] = {"parameters": parameters, "duration": 11.5 + number}
        (place / "executed.ipynb").write_text(json.dumps(run), encoding="utf-8")

    def _predict(self, number: int, recalls: tuple[float, float]) -> NDArray[np.int64]:
        labels = self._labels[number]
        luck = self._rng.normal(0, 0.02, 2)
        hit = self._rng.random(IMAGES) < np.clip(np.array(recalls) + luck, 0, 1)[labels]
        return np.where(hit, labels, 1 - labels)

    def _place(self, number: int, name: str) -> Path:
        return self.out / "evaluation" / f"{self.task.id}-{MARK}" / f"repeat-{number}" / name


def _stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


@contextmanager
def course(out: Path, task: Task) -> Iterator[Course]:
    """Give a course of one task to write results into `out`; a second call adds another task."""
    out.mkdir(parents=True, exist_ok=True)
    with writing(out) as book:
        yield Course(out, book, task)


def enrol(out: Path, people: Sequence[tuple[str, str, str, str]]) -> None:
    """Note who students are: id, name, email address, section."""
    with writing(out) as book:
        book.enrol(people)
