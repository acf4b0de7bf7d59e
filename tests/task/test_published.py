"""A published notebook becomes a task folder, whatever its habits, with what is left to do named. The notebooks are made up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from grader.errors import UsageError
from grader.notebooks.reading import Json, is_code, source, tags
from grader.notebooks.slots import slot_cells
from grader.task.published import read_published
from grader.task.scaffold import scaffold_from
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from grader.task.spec import Task

Parts = Sequence[str | tuple[str]]  # Markdown, and code in a tuple
BANNER = "######################### DO NOT CHANGE THIS CELL ##########################\n"
CLASSIFIER = """class YourClassifier:
    def __init__(self, classes=4):
        self.classes = classes

    def fit(self, x, y):
        self.counts = np.bincount(y)
        return self

    def predict(self, x):
        return np.zeros(len(x), dtype=int)
"""
# A class, a flag among imports, magics, a download, and points between two constants.
BIRDS: Parts = [
    "# Which *bird* sings?\n\nRecordings of a forest were cut into pieces of a second.\n\nEach has one singer.",
    "## Rules\n\nThe time limit is 5 minutes on our server.",
    ("!pip install gdown",),
    (
        f"{BANNER}import numpy as np\nfrom sklearn.metrics import balanced_accuracy_score\nFINAL_EVALUATION_MODE = True\nSEED = 42",
    ),
    (
        f'{BANNER}import gdown\ngdown.download("https://drive.google.com/uc?id=1AbCdEfGhIjKlMnOpQrStUvWxYz012345")',
    ),
    (
        f"{BANNER}lowest = 0.7\nhighest = 0.95\ndef points(value):\n    return 100 * (value - lowest) / (highest - lowest)",
    ),
    "## Your solution",
    (CLASSIFIER,),
    (f"{BANNER}model = YourClassifier(4)\nprint(points(0.8))",),
]
# Two functions in two cells, a flag of another name, an error to be small, helpers outside, no title.
RIVERS: Parts = [
    ("EVALUATION_MODE: bool = False\nDEVICE = 3",),
    (
        "import numpy as np\nimport torch as t\nfrom sklearn.metrics import mean_absolute_error\n\ndef smooth(x):\n    return x.mean()",
    ),
    "We predict the level of a river.",
    ("# YOUR CODE HERE\ndef make_features(levels):\n    return np.diff(levels)",),
    ("# YOUR CODE HERE\ndef your_forecast(features, *, days=1):\n    return smooth(features) + t.zeros(1)",),
    (
        "make_features([1, 2])\nyour_forecast(1)\nprint(mean_absolute_error([1], [2]), (12.0 - 3) / (12.0 - 4.0))",
    ),
]
# In Polish: no flag, a slot that is shown before it is asked for, a cell of bash, braces in prose.
POLES: Parts = [
    "# Zadanie: Bieguny",
    "Wyznacz bieguny. Zobacz {{ przyklad }}.",
    ("# NIE ZMIENIAJ TEJ KOMÓRKI\nimport math",),
    ("%%bash\nls -la | head",),
    ("def your_poles(a):\n    return []",),
    ("def your_poles(a, b=2):\n\n    # pierwszy krok\n    return [math.sqrt(a)\n        % b]",),
    ("# NIE ZMIENIAJ TEJ KOMÓRKI\nyour_poles(4)",),
]


def notebook_of(parts: Parts) -> Json:
    """Return a notebook of Markdown (a text) and code (a text in a tuple)."""
    cells: list[Json] = [
        {"cell_type": "markdown", "metadata": {}, "source": part}
        if isinstance(part, str)
        else {
            "cell_type": "code",
            "metadata": {},
            "source": part[0],
            "outputs": [],
            "execution_count": None,
        }
        for part in parts
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def saved(parts: Parts, folder: Path) -> Path:
    path = folder / "published.ipynb"
    path.write_text(json.dumps(notebook_of(parts)), encoding="utf-8")
    return path


def made(parts: Parts, folder: Path) -> tuple[Task, list[str]]:
    task, _, left = scaffold_from("mine", folder / "tasks", saved(parts, folder))
    return task, left


def code_of(task: Task) -> dict[str, str]:
    """Return the code cells of the starter: the first of each tag but `protected`, and all others as one text."""
    cells = [cell for cell in load_starter(task)["cells"] if is_code(cell)]
    named = {tag: source(cell) for cell in reversed(cells) for tag in tags(cell) if str(tag) != "protected"}
    return named | {"": "\n".join(source(cell) for cell in cells)}


def test_a_class_with_its_flag_metric_ends_and_download(tmp_path: Path) -> None:
    task, left = made(BIRDS, tmp_path)
    spec, code = task.spec, code_of(task)
    assert (spec.title, spec.story) == (
        "Which bird sings?",
        "Recordings of a forest were cut into pieces of a second.",
    )
    assert (spec.metric.scorer, spec.score.floor, spec.score.ceiling) == ("balanced_accuracy", 0.7, 0.95)
    assert spec.entries == ("YourClassifier",)
    assert spec.methods == {"YourClassifier": ("fit", "predict")}
    assert spec.signature == "YourClassifier(classes=4), fit(x, y), predict(x)"
    assert spec.limits.wall_seconds == 300
    assert "FINAL_EVALUATION_MODE = False\n" in code["parameters"]
    assert "SEED = 42" in code["parameters"]
    assert "# FINAL_EVALUATION_MODE is set in the parameters cell" in code[""]
    assert "pass  # skipped: pip install gdown" in code[""]
    assert code["slot"].strip() == CLASSIFIER.strip()
    assert "import numpy as np" in code["slot-imports"]
    assert any("1AbCdEfGhIjKlMnOpQrStUvWxYz012345" in item for item in left)
    assert any("skipped in cell 3" in item or "skipped in Rules (cell 3)" in item for item in left)
    assert not any("score map" in item or "time limit" in item for item in left)


def test_two_slots_a_flag_of_another_name_and_an_error_to_be_small(tmp_path: Path) -> None:
    task, left = made(RIVERS, tmp_path)
    spec, code = task.spec, code_of(task)
    assert spec.slots == {"make_features": ("make_features",), "forecast": ("your_forecast",)}
    assert (spec.metric.scorer, spec.score.floor, spec.score.ceiling) == ("mae", 12.0, 4.0)
    assert "EVALUATION_MODE = FINAL_EVALUATION_MODE" in code[""]
    assert "# DEVICE is set in the parameters cell" in code[""]
    assert 'DEVICE = "auto"' in code["parameters"], "3 is no device of ours"
    assert "import torch as t" in code["slot-imports"]
    assert "mean_absolute_error" not in code["slot-imports"]
    assert [slot.entries for slot in slot_cells(load_starter(task))] == list(spec.slots.values())
    assert any("the slot reads `smooth` of cell 2" in item for item in left)
    assert any("write `title`" in item for item in left)


def test_the_last_of_two_slots_with_the_same_entry_is_the_slot(tmp_path: Path) -> None:
    task, left = made(POLES, tmp_path)
    assert left[0].startswith("grader build does not pass yet: ")
    assert "defines your_poles, which only the slot may" in left[0]
    text = (task.folder / "notebook.py").read_text(encoding="utf-8")
    assert "# skipped: ls -la | head" in text
    assert "Zobacz {{przyklad }}" in text
    assert "math.sqrt(a)\n        % b" in text


def test_what_a_notebook_does_not_show_is_not_made_up() -> None:
    published = read_published(notebook_of([("def your_f(x):\n    return x",)]))
    assert (published.flag, published.scorer, published.ends, published.wall_seconds) == (
        "",
        None,
        None,
        None,
    )
    opposite = read_published(notebook_of([("accuracy_score\n(x - 0.9) / (0.5 - 0.9)\n(x - 2) / 3",)]))
    assert opposite.ends is None, "neither rises within the range of an accuracy"


WRONG = {
    "no slot": ([("x = 1",)], "has no slot"),
    "no notebook": (["{"], "cannot be read"),
}


@pytest.mark.parametrize(("parts", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_notebook_that_cannot_be_used_is_one_line(parts: Parts, message: str, tmp_path: Path) -> None:
    path = saved(parts, tmp_path)
    if message == "cannot be read":
        path.write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        scaffold_from("mine", tmp_path / "tasks", path)
    assert not (tmp_path / "tasks").exists()


def test_the_command_lists_what_is_left_and_the_readme_has_it_too(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown, _ = run("new-task", "birds", "--from", saved(BIRDS, tmp_path))
    assert code == 0
    assert "left to do (also in tasks/birds/README.md):\n1. data.py: write `make_data`" in shown
    readme = (tmp_path / "tasks" / "birds" / "README.md").read_text(encoding="utf-8")
    assert "1. data.py: write `make_data`" in readme
    assert run("lint", "./tasks/birds", "--quick")[0] == 2, "there are no data yet, and that is said"
    assert run("new-task", "more", "--kind", "files", "--from", "published.ipynb")[0] == 2
