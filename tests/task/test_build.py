"""Building the two notebooks of a task: deterministic, self-contained, and strict with the author."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from grader.errors import UsageError
from grader.notebooks.changes import changed_cells
from grader.notebooks.reading import Json, read_notebook, source, tagged, tags
from grader.notebooks.slot import find_slot
from grader.task.build import PROTECTED_LINE, build, check, write
from grader.task.spec import Task, read_task
from grader.task.template import DATA_TITLE, fill_code, fill_markdown, starter_face

if TYPE_CHECKING:
    from pathlib import Path

FROM_SCRATCH = """
import pathlib, sys
from grader.task.build import build
from grader.task.spec import read_task
sys.stdout.write(build(read_task(pathlib.Path(sys.argv[1]))).starter)
"""


def built(task: Task) -> tuple[Json, Json]:
    both = build(task)
    return json.loads(both.starter), json.loads(both.solution)


# -- rule 7 ------------------------------------------------------------------------------------------------------


def test_build_is_deterministic(toy_task: Task) -> None:
    assert build(toy_task) == build(toy_task)


@pytest.mark.slow
def test_build_is_deterministic_in_another_process_and_locale(toy_task: Task) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C", "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", FROM_SCRATCH, str(toy_task.folder)]
    answer = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60)
    assert answer.stdout.decode() == build(toy_task).starter


# -- what is built -----------------------------------------------------------------------------------------------


def test_both_notebooks_are_valid_for_jupyter_as_they_are(toy_task: Task) -> None:
    for text in (build(toy_task).starter, build(toy_task).solution):
        nbformat.validate(nbformat.reads(text, as_version=4))
        assert nbformat.writes(nbformat.reads(text, as_version=4)) + "\n" == text


def test_cells_have_ids_by_number_and_know_their_task(toy_task: Task) -> None:
    starter, _ = built(toy_task)
    for number, cell in enumerate(starter["cells"], start=1):
        assert cell["id"] == f"toy_task-{number}"
        assert cell["metadata"]["grader"] == {"cell": cell["id"], "task": "toy_task"}
    assert starter["metadata"]["grader"] == {
        "entries": ["your_weights"],
        "task": "toy_task",
        "version": toy_task.version,
    }


def test_every_cell_but_the_slot_is_locked_and_says_so(toy_task: Task) -> None:
    for notebook in built(toy_task):
        for cell in notebook["cells"]:
            locked = "slot" not in tags(cell)
            assert (cell["metadata"].get("editable") is False) is locked
            assert (cell["metadata"].get("deletable") is False) is locked
            assert ("protected" in tags(cell)) is locked
            assert source(cell).count(PROTECTED_LINE) == (locked and cell["cell_type"] == "code")


def test_starter_has_the_baseline_and_solution_the_reference(toy_task: Task) -> None:
    starter, solution = built(toy_task)
    empty, full = (source(tagged(notebook, "slot")[0]) for notebook in (starter, solution))
    assert "    return torch.ones(len(targets))  # every sample counts the same" in empty
    assert "bincount" not in empty
    assert "bincount" in full
    assert "torch.ones" not in full
    assert "###" not in empty + full
    assert changed_cells(solution, starter) == []
    assert find_slot(read_notebook(build(toy_task).solution.encode()), starter) == full


def test_data_py_is_inlined_and_folded_away(toy_task: Task) -> None:
    (cell,) = tagged(built(toy_task)[0], "data")
    text = source(cell)
    assert text.startswith(f'{DATA_TITLE}\n{PROTECTED_LINE}\n"""Draw two overlapping clouds')
    assert "def make_data(" in text
    assert cell["metadata"]["jupyter"] == {"source_hidden": True}
    assert cell["metadata"]["cellView"] == "form"


def test_a_cell_tagged_folded_is_folded_away_and_keeps_its_text(own_toy: Path) -> None:
    path = own_toy / "notebook.py"
    text = '\n# %% tags=["protected", "folded"]\nDETAIL = 1\n'
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    (cell,) = tagged(built(read_task(own_toy))[0], "folded")
    assert source(cell) == f"{PROTECTED_LINE}\nDETAIL = 1"
    assert cell["metadata"]["jupyter"] == {"source_hidden": True}


def test_a_future_import_of_data_py_is_left_out(own_toy: Path) -> None:
    text = (own_toy / "data.py").read_text(encoding="utf-8")
    future = "from __future__ import (\n    annotations,\n)\n\nfrom pathlib"
    (own_toy / "data.py").write_text(text.replace("from pathlib", future, 1), encoding="utf-8")
    (cell,) = tagged(built(read_task(own_toy))[0], "data")
    assert "__future__" not in source(cell)
    assert "annotations" not in source(cell)
    compile(source(cell), "the data cell", "exec")


PLACEHOLDERS = {
    "a number": ("{{ score.floor }}", "0.5", "0.5"),
    "a whole number of seconds": ("{{ limits.wall_seconds }}", "60.0", "60"),
    "a default": ("{{ limits.threads }}", "16", "16"),
    "a text": (
        "{{ title }}",
        '"Toy: wrong labels in eight dimensions"',
        "Toy: wrong labels in eight dimensions",
    ),
    "a list": ("{{ entries }}", '["your_weights"]', "your_weights"),
    "the id": ("{{ id }}", '"toy_task"', "toy_task"),
    "two at once": ("{{ repeats }}-{{ repeats }}", "3-3", "3-3"),
    "no placeholder": (r"{{x}} \frac{{a}}{{b}} f'{{id}}'", r"{{x}} \frac{{a}}{{b}} f'{{id}}'", None),
}


@pytest.mark.parametrize(("text", "code", "markdown"), PLACEHOLDERS.values(), ids=PLACEHOLDERS.keys())
def test_placeholders_become_literals_in_code_and_text_in_markdown(
    toy_task: Task, text: str, code: str, markdown: str | None
) -> None:
    assert fill_code(text, toy_task) == code
    assert fill_markdown(text, toy_task) == (text if markdown is None else markdown)


def test_a_baseline_keeps_its_indentation_and_its_own_comments() -> None:
    slot = "def f(x):\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n    ### BEGIN BASELINE\n"
    slot += "    # if x:\n    #     return 2  # why\n\n    # # a comment\n    #\n    # return 3\n    ### END BASELINE"
    assert starter_face(slot) == (
        "def f(x):\n    if x:\n        return 2  # why\n\n    # a comment\n\n    return 3"
    )


@pytest.mark.slow
@pytest.mark.parametrize("face", ["starter", "solution"])
def test_a_built_notebook_runs_on_its_own_in_an_empty_folder(
    toy_task: Task, tmp_path: Path, face: str
) -> None:
    cells = json.loads(getattr(build(toy_task), face))["cells"]
    script = "\n\n".join(source(cell) for cell in cells if cell["cell_type"] == "code")
    command = [sys.executable, "-c", script]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert answer.returncode == 0, answer.stderr
    points = int(answer.stdout.split(":")[1])
    assert points >= 85 if face == "solution" else points <= 40


# -- in step -----------------------------------------------------------------------------------------------------


def test_check_names_files_that_are_out_of_step(own_toy: Path) -> None:
    task = read_task(own_toy)
    assert len(check(task)) == 2
    assert write(task) == [task.starter, task.solution]
    assert check(task) == []
    assert write(task) == []
    task.starter.write_text(task.starter.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert check(task) == [
        "starter_notebooks/toy_task.ipynb is not in step with its source; run: grader build toy_task"
    ]
    assert write(task) == [task.starter]


@pytest.mark.parametrize("name", ["task.toml", "notebook.py", "data.py"])
def test_a_change_of_any_source_puts_both_files_out_of_step(own_toy: Path, name: str) -> None:
    write(read_task(own_toy))
    path = own_toy / name
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert len(check(read_task(own_toy))) == 2


# -- what an author may do ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["notebook.py", "data.py"])
def test_a_missing_source_is_a_usage_error(own_toy: Path, name: str) -> None:
    task = read_task(own_toy)
    (own_toy / name).unlink()
    with pytest.raises(UsageError, match=f"{name} cannot be read: No such file"):
        build(task)


def test_a_title_in_any_script_is_the_same_text_in_code(own_toy: Path) -> None:
    spec = (own_toy / "task.toml").read_text(encoding="utf-8")
    title = r"Złe etykiety 标签 🙂 \"quoted\""
    spec = spec.replace("Toy: wrong labels in eight dimensions", title)
    (own_toy / "task.toml").write_text(spec, encoding="utf-8")
    names: dict[str, Any] = {}
    exec(fill_code("title = {{ title }}", read_task(own_toy)), names)
    assert names["title"] == 'Złe etykiety 标签 🙂 "quoted"'


def test_a_cell_that_is_tagged_protected_already_is_so_once(own_toy: Path) -> None:
    path = own_toy / "notebook.py"
    text = path.read_text(encoding="utf-8").replace("# %%\nmodel", '# %% tags=["protected"]\nmodel')
    path.write_text(text, encoding="utf-8")
    assert built(read_task(own_toy))[0]["cells"][-1]["metadata"]["tags"] == ["protected"]


def test_an_authors_own_tags_and_metadata_are_kept(own_toy: Path) -> None:
    path = own_toy / "notebook.py"
    text = path.read_text(encoding="utf-8")
    shown = '# %% tags=["hide-output"] slideshow={"slide_type": "skip"}\nmodel, history = train('
    path.write_text(text.replace("# %%\nmodel, history = train(", shown), encoding="utf-8")
    last: dict[str, Any] = built(read_task(own_toy))[0]["cells"][-1]["metadata"]
    assert last["tags"] == ["hide-output", "protected"]
    assert last["slideshow"] == {"slide_type": "skip"}
