"""What a task may ask of the grader beyond one setting and one end: penalties that do not end a run, other sizes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from grader.errors import UsageError, Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.submissions.collect import Submission
from grader.task.build import write
from grader.task.data import prepare
from grader.task.evaluation import prepare_repeats
from grader.task.spec import Task, read_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.grading.engine import LocalEngine

SAVED = "np.savez(PREDICTIONS_PATH, model=predict(model, test_data"
NOTED = "Path(PREDICTIONS_PATH).with_name('penalties.json').write_text("
LARGE = '\n[sizes.large]\nsource = "embedded"\nwall_seconds = 120\n'


class Quiet:
    def on_progress(self, student: str, repeat: int, share: float) -> None: ...
    def on_line(self, student: str, line: str) -> None: ...

    def on_known(self, count: int) -> None: ...

    def on_result(self, result: Result) -> None: ...

    def on_notice(self, text: str) -> None: ...


def graded(folder: Path, out: Path, noted: str, engine: LocalEngine) -> Result:
    """Grade the solution of a toy task whose notebook writes `noted` as its penalties, in two repeats."""
    notebook = folder / "notebook.py"
    text = notebook.read_text(encoding="utf-8")
    assert SAVED in text
    notebook.write_text(text.replace(SAVED, f"{NOTED}{noted!r})\n    {SAVED}"), encoding="utf-8")
    task = read_task(folder)
    write(task)
    repeats = prepare_repeats(task, b"sixteen bytes or more", out / "e", repeats=2, source="embedded")
    submission = Submission(path="a.ipynb", student="a", data=task.solution.read_bytes())
    settings = RunSettings("cpu", 60, "any")
    job = Job(task, [submission], repeats, settings, out, 1, engine=engine)
    (result,) = run_batch(job, Quiet())
    return result


@pytest.mark.slow
def test_penalties_of_every_repeat_are_in_the_result_and_the_first_in_its_message(
    own_toy: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    noted: list[Any] = ["round 3: its budget is lost: index 7 was chosen twice", "x" * 10_000]
    result = graded(own_toy, tmp_path / "out", json.dumps(noted), engine)
    assert result.verdict is Verdict.SCORED
    assert [sentence[:18] for sentence in result.penalties] == [
        "repeat 1: round 3:", "repeat 1: xxxxxxxx", "repeat 2: round 3:", "repeat 2: xxxxxxxx",
    ]  # fmt: skip
    assert max(map(len, result.penalties)) < 600
    assert "with 4 penalties, the first: repeat 1: round 3: its budget is lost" in result.message


@pytest.mark.slow
@pytest.mark.usefixtures("no_pauses")
def test_a_damaged_list_of_penalties_is_our_error(own_toy: Path, tmp_path: Path, engine: LocalEngine) -> None:
    result = graded(own_toy, tmp_path / "out", "no JSON", engine)
    assert (result.verdict, result.points) == (Verdict.GRADER_ERROR, None)
    assert "penalties.json" in result.message


@pytest.fixture
def sized(own_toy: Path) -> Task:
    path = own_toy / "task.toml"
    path.write_text(path.read_text(encoding="utf-8") + LARGE, encoding="utf-8")
    return read_task(own_toy)


def test_a_size_names_its_source_and_its_seconds(sized: Task) -> None:
    assert (sized.size("default").source, sized.size("default").wall_seconds) == ("embedded", 60)
    assert sized.size("large").wall_seconds == 120
    with pytest.raises(UsageError, match="toy_task has no size 'huge'; there are: default, large"):
        sized.size("huge")


def test_the_data_of_a_size_are_built_for_it_and_kept_apart(sized: Task, tmp_path: Path) -> None:
    manifest = prepare(sized, tmp_path / "data", seed=0, source="embedded", size="large")
    assert manifest["size"] == "large"
    places = {
        prepare_repeats(sized, b"s" * 16, tmp_path, repeats=1, source="embedded", size=size)[0].inputs
        for size in ("default", "large")
    }
    assert len(places) == 2
