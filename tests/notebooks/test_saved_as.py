"""Notebooks as Colab, VS Code, Kaggle and Jupyter save them are the same submission as before."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import numpy as np
import pytest
from downloaded import COURSE, as_folder
from editors import names_elsewhere
from recorded import Quiet
from saved_as import SAVES, as_colab, without_our_metadata

from grader.errors import StudentFault, Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.parsed import parse
from grader.grading.rehearsal import task_of
from grader.notebooks.changes import changed_cells
from grader.notebooks.program import slot_key
from grader.notebooks.reading import Json, read_notebook, source, tags
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot, slot_numbers
from grader.notebooks.slots import slot_cells
from grader.report.similarity import tokens
from grader.submissions.collect import Submission, collect
from grader.task.evaluation import prepare_repeats
from grader.task.spec import Task, discover, load_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Callable

    from saved_as import Save

    from grader.grading.engine import LocalEngine

pytestmark = pytest.mark.slow

TASKS = [task for task in discover() if task.spec.runs_code]  # no notebook of a task of files is handed in
STORED = {f"{name}, our metadata {what}": save for name, plain in SAVES.items()
          for what, save in (("kept", plain), ("lost", without_our_metadata(plain)))}  # fmt: skip


@pytest.fixture(params=list(SAVES.values()), ids=list(SAVES))
def save(request: pytest.FixtureRequest) -> Save:
    found: Save = request.param
    return found


@dataclass(frozen=True)
class Original:
    """One of the two notebooks of a task, and what the grader finds in it."""

    starter: Json
    notebook: Json
    slot_key: str
    names: frozenset[str]


@functools.cache
def originals(task_id: str) -> list[Original]:
    task = load_task(task_id)
    starter = load_starter(task)
    found = []
    for path in (task.starter, task.solution):
        notebook = read_notebook(path.read_bytes())
        parsed = parse(Submission(path.name, "ada", path.read_bytes()), starter)
        names = frozenset(names_elsewhere(notebook, starter, slot_numbers(notebook, starter)))
        found.append(Original(starter, notebook, parsed.slot_key, names))
    return found


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
@pytest.mark.parametrize("stored", STORED.values(), ids=STORED.keys())
def test_what_was_saved_is_rebuilt_as_if_it_had_never_left(task: Task, stored: Save) -> None:
    for original in originals(task.id):
        starter, text = original.starter, slot_cells(original.notebook)[0].source
        data = stored(original.notebook)
        saved = read_notebook(data)
        slot = find_slot(saved, starter)
        assert json.dumps(rebuild(starter, slot)) == json.dumps(rebuild(starter, text))
        assert changed_cells(saved, starter) == []
        assert parse(Submission("x.ipynb", "ada", data), starter).slot_key == original.slot_key != ""
        assert tokens(slot) == tokens(text)
        assert (
            original.names
            <= names_elsewhere(saved, original.starter, slot_numbers(saved, original.starter)).keys()
        )


def test_the_task_is_known_from_the_file_alone(save: Save, starter: Json, tmp_path: Path) -> None:
    path = tmp_path / "Copy of toy_task.ipynb"
    path.write_bytes(save(starter))
    assert task_of(path) == "toy_task"


def test_the_saves_are_notebooks_of_the_formats_that_they_name(save: Save, starter: Json) -> None:
    saved = json.loads(save(starter))
    nbformat.validate(saved)
    assert all(("id" in cell) is (saved["nbformat_minor"] == 5) for cell in saved["cells"])
    assert any(cell.get("outputs") for cell in saved["cells"])


def test_what_colab_adds_is_in_its_save(starter: Json) -> None:
    saved = json.loads(as_colab(starter))
    assert (saved["nbformat_minor"], saved["metadata"]["colab"]["gpuType"]) == (0, "T4")
    assert "application/vnd.jupyter.widget-state+json" in saved["metadata"]["widgets"]
    pip, drive, form, *own = saved["cells"]
    assert source(pip).startswith("!pip")
    assert "drive.mount" in source(drive)
    assert form["metadata"]["cellView"] == "form"
    assert [cell["metadata"]["id"] for cell in own] == [cell["id"] for cell in starter["cells"]]
    assert all("executionInfo" in cell["metadata"] for cell in saved["cells"] if cell["cell_type"] == "code")


# -- what students do to a notebook in Colab -----------------------------------------------------------------------

HELPER = "def halved(x):\n    return x / 2\n"
ENTRY = "def your_weights(targets, losses):\n    weights = losses * 0 + 1\n    return weights\n"
OTHER = "def your_weights(targets, losses):\n    return losses * 0 + 2\n"


def in_colab(starter: Json, slot: str) -> tuple[Json, Json]:
    """Return a notebook that Colab saved with this slot, and its slot's cell."""
    saved = json.loads(as_colab(rebuild(starter, slot)))
    (cell,) = [cell for cell in saved["cells"] if "slot" in tags(cell)]
    return saved, cell


def added(text: str) -> Json:
    return {
        "cell_type": "code",
        "metadata": {"id": "Zk2_newCell9"},
        "source": text,
        "execution_count": None,
        "outputs": [],
    }


def split_after_a_helper(starter: Json) -> Json:
    saved, cell = in_colab(starter, HELPER)
    saved["cells"].insert(saved["cells"].index(cell) + 1, added(ENTRY))
    return saved


def split_within_the_function(starter: Json) -> Json:
    head, line, tail = ENTRY.partition("    weights = losses * 0 + 1\n")
    saved, cell = in_colab(starter, head + line)
    saved["cells"].insert(saved["cells"].index(cell) + 1, added(tail))
    return saved


def pasted_and_the_slot_deleted(starter: Json) -> Json:
    saved, cell = in_colab(starter, OTHER)
    saved["cells"] = [added(ENTRY) if other is cell else other for other in saved["cells"]]
    return saved


def pasted_and_the_slot_emptied(starter: Json) -> Json:
    saved, _ = in_colab(starter, "")
    saved["cells"].append(added(ENTRY))
    return saved


def pasted_below_the_slot_as_it_was(starter: Json) -> Json:
    saved, _ = in_colab(starter, source(slot_cells(starter)[0].cell))
    saved["cells"].append(added(ENTRY))
    return saved


def pasted_below_an_attempt(starter: Json) -> Json:
    saved, _ = in_colab(starter, ENTRY)
    saved["cells"].append(added(OTHER))
    return saved


def duplicated_with_its_metadata(starter: Json) -> Json:
    saved, cell = in_colab(starter, ENTRY)
    saved["cells"].append({**cell, "source": OTHER})
    return saved


def made_a_form(starter: Json) -> Json:
    saved, cell = in_colab(starter, "# @title My solution\n" + ENTRY)
    cell["metadata"]["cellView"] = "form"
    return saved


def pasted_from_windows(starter: Json) -> Json:
    saved, cell = in_colab(starter, "")
    cell["source"] = [line.replace("\n", "\r\n") for line in ENTRY.splitlines(keepends=True)] + [
        "\r\n",
        "\r\n",
    ]
    return saved


FOUND: list[Callable[[Json], Json]] = [
    split_after_a_helper,
    pasted_and_the_slot_deleted,
    pasted_and_the_slot_emptied,
    pasted_below_an_attempt,
    made_a_form,
    pasted_from_windows,
]
AMBIGUOUS: list[Callable[[Json], Json]] = [pasted_below_the_slot_as_it_was, duplicated_with_its_metadata]


@pytest.mark.parametrize("change", FOUND, ids=lambda change: change.__name__)
def test_the_function_is_found_where_the_student_left_it(
    change: Callable[[Json], Json], starter: Json
) -> None:
    found = find_slot(read_notebook(json.dumps(change(starter)).encode()), starter)
    assert slot_key(found) == slot_key(ENTRY)


@pytest.mark.parametrize("change", AMBIGUOUS, ids=lambda change: change.__name__)
def test_two_definitions_are_not_guessed_between(change: Callable[[Json], Json], starter: Json) -> None:
    with pytest.raises(
        StudentFault, match="your_weights is defined in more than one cell: Your solution"
    ) as caught:
        find_slot(read_notebook(json.dumps(change(starter)).encode()), starter)
    assert caught.value.verdict is Verdict.SLOT_MISSING


def test_of_a_function_cut_in_two_the_cell_that_defines_it_counts(starter: Json) -> None:
    saved = read_notebook(json.dumps(split_within_the_function(starter)).encode())
    assert find_slot(saved, starter).splitlines() == ENTRY.splitlines()[:2]


def test_copies_of_several_students_are_told_apart(starter: Json, tmp_path: Path) -> None:
    data = as_colab(starter)
    names = ("ada/Copy of toy_task.ipynb", "ben/Copy of toy_task.ipynb", "ben/Copy of Copy of toy_task.ipynb")
    place = as_folder(tmp_path / "collected", dict.fromkeys(names, data))
    found = {submission.student for submission in collect([place], None, tmp_path / "work")}
    assert found == {"ada-Copy of toy_task", "ben-Copy of toy_task", "Copy of Copy of toy_task"}
    folders = ("Anna No/Copy of toy_task", "Ben Ode/Copy of toy_task", "Ben Ode/Copy of Copy of toy_task")
    place = as_folder(tmp_path / "named", {f"{name}.ipynb": data for name in folders})
    found = {submission.student for submission in collect([place], None, tmp_path / "work", COURSE)}
    assert found == {"1017", "1018"}
    sent = ("noanna_77_90001_Copy_of_toy_task.ipynb", "odeben_78_90002_Copy_of_toy_task-1.ipynb")
    place = as_folder(tmp_path / "canvas", dict.fromkeys(sent, data))
    assert {submission.student for submission in collect([place], None, tmp_path / "work")} == {
        "noanna_77",
        "odeben_78",
    }


# -- graded ---------------------------------------------------------------------------------------------------------


def predictions(run_folder: Path) -> list[bytes]:
    arrays = [
        np.load(path, allow_pickle=False) for path in sorted(run_folder.glob("repeat-*/predictions.npz"))
    ]
    return [found[name].tobytes() for found in arrays for name in found.files]


def grade(
    task: Task, notebooks: dict[str, bytes], folder: Path, engine: LocalEngine
) -> dict[str, tuple[object, ...]]:
    """Run each notebook, the same program or not; return verdict, points and predictions."""
    repeats = prepare_repeats(task, b"seeds of the saves", folder / "e", repeats=1, source="embedded")
    sent = [Submission(f"{name}.ipynb", name, data) for name, data in notebooks.items()]
    settings = RunSettings("cpu", task.spec.limits.wall_seconds, "any")
    job = Job(task, sent, repeats, settings, folder, 1, again=True, engine=engine)
    results = run_batch(job, Quiet())
    assert [result.identical_to for result in results] == [""] * len(results)
    return {
        result.student: (
            result.verdict,
            result.points,
            result.changed_cells,
            predictions(Path(result.run_folder)),
        )
        for result in results
    }


def test_a_save_of_the_toy_task_gets_the_points_and_predictions_of_the_original(
    toy_task: Task, tmp_path: Path, engine: LocalEngine
) -> None:
    """One save is run; of the others it is enough that they are rebuilt into the notebook of the original."""
    solution, starter = (read_notebook(path.read_bytes()) for path in (toy_task.solution, toy_task.starter))
    notebooks = {
        "solution": toy_task.solution.read_bytes(),
        "colab": as_colab(solution),
        "starter": as_colab(starter),
    }
    graded = grade(toy_task, notebooks, tmp_path, engine)
    assert graded["solution"][0] is Verdict.SCORED
    assert graded["solution"][3]
    assert graded["colab"] == graded["solution"] != graded["starter"]
    for original in (solution, starter):
        saved = {name: rebuilt_as(save(original), starter) for name, save in SAVES.items()}
        assert saved == dict.fromkeys(SAVES, rebuild(starter, find_slot(original, starter)))


def rebuilt_as(data: bytes, starter: Json) -> Json:
    saved = read_notebook(data)
    assert changed_cells(saved, starter) == []
    return rebuild(starter, find_slot(saved, starter))


@pytest.mark.nightly
def test_every_save_of_the_toy_task_gets_the_points_and_predictions_of_the_original(
    toy_task: Task, tmp_path: Path, engine: LocalEngine
) -> None:
    solution = toy_task.solution.read_bytes()
    notebooks = {name: save(read_notebook(solution)) for name, save in SAVES.items()} | {"solution": solution}
    graded = grade(toy_task, notebooks, tmp_path, engine)
    assert graded["solution"][0] is Verdict.SCORED
    assert graded == dict.fromkeys(graded, graded["solution"])


@pytest.mark.nightly
def test_a_real_solution_saved_by_colab_gets_the_points_and_predictions_of_the_original(
    tmp_path: Path, engine: LocalEngine
) -> None:
    task = load_task("learning_to_defer")
    original = task.solution.read_bytes()
    sent = {"original": original, "colab": as_colab(read_notebook(original))}
    graded = grade(task, sent, tmp_path, engine)
    assert graded["colab"] == graded["original"]
    assert graded["original"][0] is Verdict.SCORED
