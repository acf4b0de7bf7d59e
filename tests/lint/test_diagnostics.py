"""What is said of a notebook without running it: each diagnostic where it is due, and none where it is not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from editors import EDITORS

from grader.lint.notebook import Diagnostic, Severity, diagnose
from grader.notebooks.reading import read_notebook, source
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slots import slot_cells
from grader.task.spec import discover
from grader.task.starter import load_starter
from grader.task.strategies import strategies

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.notebooks.reading import Json
    from grader.task.spec import Task

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*/*.ipynb"))
TASKS = [task for task in discover() if task.spec.runs_code]  # no notebook of a task of files is handed in
DEF = "def your_weights(targets, losses):\n"
RETURN = "    return torch.ones(len(targets))\n"
OTHER_CELL = (
    "import pandas as pd\nfrom collections import Counter as Bag\nSCALE = 2.0\ndef helper(x):\n    return x\n"
)


def diagnostics_of(notebook: Json, starter: Json) -> list[Diagnostic]:
    return diagnose(json.dumps(notebook).encode(), starter)


def code(text: str) -> Json:
    return {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None}


def filled(starter: Json, slot: str, *, before: str = "", after: str = "") -> Json:
    """Return the starter with this slot, and with cells of the student's own around it."""
    notebook = rebuild(starter, slot)
    number = notebook["cells"].index(slot_cells(notebook)[0].cell)
    notebook["cells"][number + 1 : number + 1] = [code(after)] * bool(after)
    notebook["cells"][number:number] = [code(before)] * bool(before)
    return notebook


# What stands in the slot, and what is said of it: severity, kind, line, the characters that are meant.
SLOTS: dict[str, tuple[str, list[tuple[str, str, int, str]]]] = {
    "an honest one": (DEF + RETURN, []),
    "a helper from another cell": (
        DEF + "    return helper(losses)\n", [("warning", "defined-elsewhere", 2, "helper")],
    ),
    "a variable from another cell": (
        DEF + "    return losses * SCALE\n", [("warning", "defined-elsewhere", 2, "SCALE")],
    ),
    "an import from another cell": (
        DEF + "    pd.DataFrame()\n    Bag()\n" + RETURN,
        [("warning", "import-elsewhere", 2, "pd"), ("warning", "import-elsewhere", 3, "Bag")],
    ),
    "what a protected cell defines": (
        DEF + "    return train_y[: len(targets)]\n", [("warning", "protected-name", 2, "train_y")],
    ),
    "what a protected cell imports": (
        DEF + "    Path.home()\n" + RETURN, [("warning", "import-elsewhere", 2, "Path")],
    ),
    "a misspelt name": (DEF + "    return loses\n", [("warning", "undefined", 2, "loses")]),
    "a name after letters of two bytes": (
        DEF + "    s = 'żółć', loses\n" + RETURN, [("warning", "undefined", 2, "loses")],
    ),
    "what only notebooks have": (DEF + "    display(losses)\n" + RETURN, [("warning", "undefined", 2, "display")]),
    "a name in a method": (
        "class A:\n    b = 1\n    c = b\n    def f(self):\n        return nowhere\n" + DEF + "    A()\n" + RETURN,
        [("warning", "undefined", 5, "nowhere")],
    ),
    "a name in a list": (DEF + "    return [scale * x for x in losses]\n", [("warning", "undefined", 2, "scale")]),
    "a name is said once": (DEF + "    nowhere\n    return nowhere\n", [("warning", "undefined", 2, "nowhere")]),
    "a missing name that is caught whatever it is": (
        DEF + "    try:\n        return helper(losses)\n    except Exception:\n    " + RETURN,
        [("warning", "defined-elsewhere", 3, "helper")],
    ),
    "names that are all there": (
        "import math as m\nfrom os import path\nK: int = 3\n"
        "class Best(Exception):\n    worst = K\n    best = worst + 1\n    def f(self): return __name__, K\n"
        "def outer():\n    y = 1\n    def inner():\n        nonlocal y\n        y += m.pi\n        return y\n    return inner\n"
        "for i, (a, *b) in enumerate([(1, 2)]): pass\n"
        "with open('/dev/null') as file: pass\n"
        "if (n := 10) > 5: pass\n"
        "try: pass\nexcept ValueError as e: print(e)\n"
        "match [1]:\n    case [one]: print(one)\n"
        + DEF
        + "    global kept\n    kept = a, b, i, n, file, path, Best, outer()\n"
        "    print([x * y for x in kept for y in kept if x], {k: v for k, v in {}.items()}, lambda q: q, kept)\n" + RETURN,
        [],
    ),
    "state from call to call": (
        "calls = []\nrate = 0.1\n" + DEF + "    global rate\n    rate *= 0.9\n    calls.append(rate)\n" + RETURN, [],
    ),
    "functions that nobody calls": (
        "def plot():\n    plt.plot(nowhere)\ndef show():\n    plot()\n" + DEF + RETURN, [],
    ),
    "annotations and defaults of a function that nobody calls": (
        "def show(x: Figure, size=SIZE):\n    nowhere\n" + DEF + RETURN,
        [("warning", "undefined", 1, "Figure"), ("warning", "undefined", 1, "SIZE")],
    ),
    "annotations of a function are evaluated": (
        "def f(x: NDArray) -> Nowhere:\n    y: Missing = x\n    return y\n" + DEF + "    f(1)\n" + RETURN,
        [("warning", "import-elsewhere", 1, "NDArray"), ("warning", "undefined", 1, "Nowhere")],
    ),
    "annotations that the cell itself leaves alone": (
        "from __future__ import annotations\ndef f(x: NDArray) -> Nowhere:\n    return x\n" + DEF + "    f(1)\n" + RETURN, [],
    ),
    "annotations of a class are evaluated": (
        "class Kept:\n    scale: float\n    table: Nowhere\n" + DEF + "    Kept()\n" + RETURN,
        [("warning", "undefined", 3, "Nowhere")],
    ),
    "a name that is asked for": (
        DEF + "    try:\n        verbose = VERBOSE\n    except NameError:\n        verbose = False\n" + RETURN, [],
    ),
    "names that come from anywhere": (
        "exec('scale = 2')\n" + DEF + "    return losses * scale\n", [],
    ),
    "a star import": ("from math import *\n" + DEF + "    return losses * pi\n", []),
    "code that never runs": (DEF + RETURN + "    return nowhere\n", []),
    "not Python": (DEF.replace(":", "") + RETURN, [("error", "syntax", 1, "")]),
    "a return at top level": ("return 1\n" + DEF + RETURN, [("error", "syntax", 1, "return 1")]),
    "an await at top level": ("import asyncio\nawait asyncio.sleep(0)\n" + DEF + RETURN, []),
    "an await in a function": (DEF + "    await f()\n" + RETURN, [("error", "syntax", 2, "await f()")]),
    "a magic": ("%load_ext autoreload\n" + DEF + RETURN, [("error", "magic", 1, "%load_ext autoreload")]),
    "a magic in a function": (DEF + "    !ls -l\n" + RETURN, [("error", "magic", 2, "!ls -l")]),
    "a magic of the whole cell": ("%%time\n" + DEF + RETURN, [("error", "magic", 1, "%%time")]),
    "a shell line that is kept": ("files = !ls\n" + DEF + RETURN, [("error", "magic", 1, "files = !ls")]),
    "a question": ("torch.ones?\n" + DEF + RETURN, [("error", "magic", 1, "torch.ones?")]),
    "per cent in a text": ('NOTE = """\n%time is a magic\n!ls too\n"""\n' + DEF + RETURN, []),
    "a remainder on a line of its own": (DEF + "    n = (len(targets)\n    % 7)\n" + RETURN, []),
    "the entry twice": (
        DEF + "    return losses\n" + DEF + RETURN,
        [("warning", "defined-twice", 1, "def your_weights(targets, losses):")],
    ),
    "the entry in two branches": (
        "import sys\nif sys.platform == 'linux':\n    def your_weights(t, l): return l\nelse:\n    def your_weights(t, l): return l\n",
        [],
    ),
    "an argument too few": ("def your_weights(losses):\n    return losses\n", [("error", "signature", 1, "def your_weights(losses):")]),
    "an argument too many": ("def your_weights(a, b, c):\n    return b\n", [("error", "signature", 1, "def your_weights(a, b, c):")]),
    "an argument that has to be named": (
        "def your_weights(a, b, *, c):\n    return b\n", [("error", "signature", 1, "def your_weights(a, b, *, c):")],
    ),
    "arguments of other kinds": ("def your_weights(t, /, l, k=3, *rest, verbose=False, **more):\n    return l\n", []),
    "all arguments in one": ("def your_weights(*both):\n    return both[1]\n", []),
    "a decorated entry": (
        "def fill(f):\n    return lambda t, l: f(l)\n@fill\ndef your_weights(l):\n    return l\n", [],
    ),
    "to the GPU": (DEF + "    return losses.cuda()\n", [("warning", "gpu", 2, "losses.cuda()")]),
    "to a GPU by name": (DEF + "    return losses.to('cuda:1').cpu()\n", [("warning", "gpu", 2, "losses.to('cuda:1')")]),
    "made on a GPU": (
        DEF + "    return torch.ones(len(targets), device='cuda')\n",
        [("warning", "gpu", 2, "torch.ones(len(targets), device='cuda')")],
    ),
    "a GPU as a device": (
        "D = torch.device('cuda')\n" + DEF + "    return losses.to(D)\n", [("warning", "gpu", 1, "torch.device('cuda')")],
    ),
    "what needs a GPU": (
        "import torch as t\n" + DEF + "    t.cuda.synchronize()\n" + RETURN, [("warning", "gpu", 3, "t.cuda.synchronize()")],
    ),
    "a GPU if there is one": (
        DEF + "    device = 'cuda' if torch.cuda.is_available() else 'cpu'\n    return losses.to(device)\n", [],
    ),
    "a GPU behind a question": (
        DEF + "    if torch.cuda.is_available():\n        losses = losses.cuda()\n    return losses\n", [],
    ),
    "what does no harm without a GPU": (
        DEF + "    torch.cuda.empty_cache()\n    torch.cuda.manual_seed_all(0)\n    return losses.to('cpu')\n", [],
    ),
    "the device of the arguments": (DEF + "    return torch.ones(3, device=losses.device).to(losses)\n", []),
    "a generator without a seed": (
        "rng = np.random.default_rng()\n" + DEF + "    rng.random()\n" + RETURN,
        [("warning", "unseeded", 1, "np.random.default_rng()")],
    ),
    "a generator by another name": (
        "from numpy.random import default_rng as new\n" + DEF + "    new(None)\n" + RETURN, [("warning", "unseeded", 3, "new(None)")],
    ),
    "seeded again from the clock": (
        "import random\n" + DEF + "    random.seed()\n" + RETURN, [("warning", "unseeded", 3, "random.seed()")],
    ),
    "chance that the grader seeds": (
        "import random\nrng = np.random.default_rng(3)\n" + DEF
        + "    random.random()\n    np.random.rand()\n    torch.rand(2)\n    rng.normal()\n    random.seed(len(targets))\n" + RETURN,
        [],
    ),
    "a generator for want of a seed": (
        "def pick(rng=None, seed=None):\n    rng = rng or np.random.default_rng()\n"
        "    return rng if seed is None else np.random.default_rng(seed) if seed else np.random.default_rng()\n"
        + DEF + "    pick(seed=1)\n" + RETURN,
        [],
    ),
    "a GPU that a constant turns off": (
        "GPU = False\n" + DEF + "    if GPU:\n        losses = losses.cuda()\n    return losses\n", [],
    ),
    "a GPU that may be missing": (
        DEF + "    try:\n        losses = losses.cuda()\n    except RuntimeError:\n        pass\n    return losses\n", [],
    ),
    "a GPU in a loop": (
        DEF + "    while True:\n        losses = losses.cuda()\n    return losses\n", [("warning", "gpu", 3, "losses.cuda()")],
    ),
    "a pause": ("import time\n" + DEF + "    time.sleep(1)\n" + RETURN, [("warning", "sleep", 3, "time.sleep(1)")]),
    "an own module": ("import my_helpers\n" + DEF + RETURN, [("warning", "no-module", 1, "import my_helpers")]),
    "a module of Colab": (
        "from google.colab import drive\n" + DEF + RETURN, [("warning", "no-module", 1, "from google.colab import drive")],
    ),
    "a module that may be missing": ("try:\n    import cupy\nexcept ImportError:\n    cupy = None\n" + DEF + RETURN, []),
    "modules that are there": ("import os.path, json\nfrom sklearn.cluster import KMeans\n" + DEF + RETURN, []),
}  # fmt: skip


def meant(diagnostic: Diagnostic) -> str:
    start = diagnostic.column - 1
    return (
        diagnostic.source[start : start + diagnostic.width]
        if diagnostic.kind != "syntax" or diagnostic.width > 1
        else ""
    )


@pytest.mark.parametrize(("slot", "expected"), SLOTS.values(), ids=SLOTS.keys())
def test_each_problem_is_reported_where_it_is(
    slot: str, expected: list[tuple[str, str, int, str]], starter: Json
) -> None:
    notebook = filled(starter, slot, before=OTHER_CELL)
    number = notebook["cells"].index(slot_cells(notebook)[0].cell) + 1
    diagnostics = diagnostics_of(notebook, starter)
    assert [
        (diagnostic.severity.value, diagnostic.kind, diagnostic.line, meant(diagnostic))
        for diagnostic in diagnostics
    ] == expected
    for diagnostic in diagnostics:
        assert diagnostic.cell == number
        assert diagnostic.source == slot.split("\n")[diagnostic.line - 1]
        assert diagnostic.text
        assert diagnostic.help


@pytest.mark.parametrize(
    ("arguments", "is_right"),
    [
        ("targets, losses, *, seed", True),
        ("t, l, seed", True),
        ("t, l, *, seed=0, verbose=False", True),
        ("*both, seed", True),
        ("t, l, **named", True),
        ("t, l", False),
        ("t, *, losses, seed", False),
        ("t, l, seed, /", False),
        ("t, l, *, seed, depth", False),
        ("t, l, depth, seed", False),
        ("seed, t, l", False),
    ],
)
def test_an_argument_that_the_starter_names_may_be_taken_in_any_way_that_has_its_name(
    starter: Json, arguments: str, *, is_right: bool
) -> None:
    starter = copy.deepcopy(starter)
    slot_cells(starter)[0].cell["source"] = DEF.replace("losses)", "losses, *, seed)") + RETURN
    slot = DEF.replace("targets, losses", arguments) + "    return 1\n"
    notebook = filled(starter, slot)
    problems = [d for d in diagnostics_of(notebook, starter) if d.kind == "signature"]
    assert bool(problems) != is_right
    for problem in problems:
        assert problem.text == "`your_weights` is called with 2 arguments and `seed` by name"


def test_diagnostics_say_what_to_do(starter: Json) -> None:
    slot = DEF + "    Bag(helper(train_y, loses))\n" + RETURN
    notebook = filled(starter, slot, before=OTHER_CELL)
    number = notebook["cells"].index(slot_cells(notebook)[0].cell)  # of the cell before the slot
    by_word = {
        diagnostic.source[diagnostic.column - 1 :][:3]: diagnostic
        for diagnostic in diagnostics_of(notebook, starter)
    }
    assert by_word["Bag"].help == "add to your solution cell: from collections import Counter as Bag"
    assert f"(cell {number})" in by_word["hel"].text
    assert by_word["hel"].help == "move `helper` into your solution cell"
    assert "sees only its arguments" in by_word["tra"].text
    assert by_word["los"].help == "did you mean `losses`?"


@pytest.mark.parametrize(
    ("slot", "after", "expected"),
    [
        ("RATE = 0.1\n" + DEF + "    return losses * RATE\n", "RATE = 0.5", ["rebound"]),
        ("RATE = 0.1\n" + DEF + "    return losses * RATE\n", "RATE = 0.1", []),
        ("RATE = 0.1\n" + DEF + "    return losses * 1\n", "RATE = 0.5", []),
        ("import math\n" + DEF + "    return losses * math.pi\n", "import math", []),
        (DEF + "    rate = 1\n    return losses * rate\n", "rate = 0.5", []),
        (DEF + RETURN, "your_weights = lambda t, l: l * 2", ["rebound"]),
        (DEF + RETURN, DEF + "    return losses\n", ["rebound"]),
    ],
    ids=[
        "a constant",
        "the same again",
        "not read",
        "an import",
        "a local name",
        "the entry",
        "another entry",
    ],
)
def test_a_later_cell_that_gives_a_name_of_the_slot_another_meaning_is_named(
    slot: str, after: str, expected: list[str], starter: Json
) -> None:
    diagnostics = diagnostics_of(filled(starter, slot, after=after), starter)
    assert [diagnostic.kind for diagnostic in diagnostics] == expected
    for diagnostic in diagnostics:
        assert "again" in diagnostic.text
        assert diagnostic.line == 1


# -- protected cells -------------------------------------------------------------------------------------------


def code_cells(notebook: Json) -> list[Json]:
    return [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "slot" not in cell["metadata"]["tags"]
    ]


def test_a_changed_protected_cell_is_shown_with_the_line_of_ours(starter: Json) -> None:
    notebook = copy.deepcopy(starter)
    (cell,) = [cell for cell in notebook["cells"] if "def train(" in source(cell)]
    cell["source"] = source(cell).replace("epochs=5", "epochs=500")
    (diagnostic,) = diagnostics_of(notebook, starter)
    assert (diagnostic.severity, diagnostic.kind) == (Severity.WARNING, "changed-cell")
    assert diagnostic.cell == notebook["cells"].index(cell) + 1
    assert "epochs=500" in diagnostic.source
    assert "epochs=5," in diagnostic.help
    assert "its own copy" in diagnostic.text


def test_lines_taken_out_of_a_protected_cell_are_a_change(starter: Json) -> None:
    notebook = copy.deepcopy(starter)
    cell = code_cells(notebook)[-1]
    cell["source"] = "\n".join(source(cell).split("\n")[:-1])
    (diagnostic,) = diagnostics_of(notebook, starter)
    assert (diagnostic.kind, diagnostic.line, diagnostic.source) == ("changed-cell", 0, "")
    assert diagnostic.help.endswith(source(code_cells(starter)[-1]).split("\n")[-1].strip())


def test_a_protected_cell_that_is_text_now_is_a_change(starter: Json) -> None:
    notebook = copy.deepcopy(starter)
    code_cells(notebook)[3]["cell_type"] = "markdown"
    (diagnostic,) = diagnostics_of(notebook, starter)
    assert "no longer a code cell" in diagnostic.text


def test_an_import_added_to_the_protected_imports_does_not_count(starter: Json) -> None:
    notebook = filled(starter, "\n" + DEF + "    pd.DataFrame()\n" + RETURN)
    (imports,) = [cell for cell in notebook["cells"] if "slot-imports" in cell["metadata"]["tags"]]
    imports["source"] = source(imports) + "\nimport pandas as pd"
    changed, missing = diagnostics_of(notebook, starter)
    assert changed.kind == "changed-cell"
    assert missing.kind == "import-elsewhere"
    assert "its own copy" in missing.text


def test_missing_cells_are_one_note_and_moved_ones_are_named(starter: Json) -> None:
    notebook = copy.deepcopy(starter)
    cells = code_cells(notebook)
    for cell in cells[1:6]:
        notebook["cells"].remove(cell)
    (diagnostic,) = diagnostics_of(notebook, starter)
    assert (diagnostic.severity, diagnostic.kind, diagnostic.cell) == (Severity.NOTE, "missing-cell", 0)
    assert "and 2 more" in diagnostic.text
    notebook = copy.deepcopy(starter)
    moved = code_cells(notebook)[2]
    notebook["cells"].remove(moved)
    notebook["cells"].append(moved)
    (diagnostic,) = diagnostics_of(notebook, starter)
    assert (diagnostic.severity, diagnostic.kind, diagnostic.cell) == (
        Severity.NOTE,
        "moved-cell",
        len(notebook["cells"]),
    )


def test_cells_that_a_student_adds_and_texts_that_they_change_are_their_own(starter: Json) -> None:
    notebook = filled(
        starter, DEF + RETURN, before="!pip install rich\nx = 1", after="%time your_weights(1, 2)\nx = 2"
    )
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "my notes"})
    assert diagnostics_of(notebook, starter) == []


# -- nothing is said without reason -------------------------------------------------------------------------------


@pytest.mark.parametrize("editor", EDITORS, ids=lambda editor: editor.__name__)
def test_what_editors_do_to_a_notebook_is_no_mistake(editor: Callable[[Json], Json], starter: Json) -> None:
    diagnostics = diagnostics_of(editor(copy.deepcopy(starter)), starter)
    allowed = {"moved-cell"} if editor.__name__ == "turned_round" else set()
    assert {diagnostic.kind for diagnostic in diagnostics} <= allowed


def test_nothing_is_said_of_the_toy_tasks_own_notebooks(toy_task: Task, starter: Json) -> None:
    for path in (toy_task.starter, toy_task.solution):
        assert diagnose(path.read_bytes(), starter) == []


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_nothing_is_said_of_starters_solutions_and_strategies(task: Task) -> None:
    starter = load_starter(task)
    answers = strategies(task)
    assert {"starter", "reference"} < {answer.name for answer in answers}
    assert {
        answer.name: diagnostics for answer in answers if (diagnostics := diagnose(answer.notebook, starter))
    } == {}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_nothing_is_said_of_the_examples_but_what_was_changed_on_purpose(path: Path) -> None:
    (task,) = [task for task in TASKS if task.id == path.parent.name]
    diagnostics = diagnose(path.read_bytes(), load_starter(task))
    expected = ["changed-cell", "changed-cell"] if path.stem == "colab_saved" else []
    assert [diagnostic.kind for diagnostic in diagnostics] == expected


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "notebooks" / "odd").glob("*.ipynb")), ids=lambda path: path.stem
)
def test_an_odd_submission_is_looked_at_without_failing(path: Path, starter: Json) -> None:
    first = diagnose(path.read_bytes(), starter)
    assert first == diagnose(path.read_bytes(), starter)
    for diagnostic in first:
        assert diagnostic.text
    verdict = path.read_bytes()[:300]
    if b'"slot_missing"' in verdict:
        assert [diagnostic.kind for diagnostic in first if diagnostic.severity is Severity.ERROR] == [
            "slot-missing"
        ]


def test_what_is_no_notebook_is_one_error(starter: Json) -> None:
    (diagnostic,) = diagnose(b"this is no JSON", starter)
    assert (diagnostic.severity, diagnostic.kind) == (Severity.ERROR, "invalid-notebook")
    assert "not JSON" in diagnostic.text


def test_a_slot_that_is_too_deep_to_look_into_is_left_to_the_run(starter: Json) -> None:
    deep = "x = " + "(" * 3000 + ")" * 3000 + "\n"
    notebook = filled(starter, deep + DEF + RETURN)
    assert read_notebook(json.dumps(notebook).encode())
    assert {diagnostic.kind for diagnostic in diagnostics_of(notebook, starter)} <= {"syntax"}
    for nested in ("lambda: " * 1200 + "1", "x" + "[0]" * 700, "-" * 700 + "1", "f" + "()" * 900):
        text = f"def f(): return f\nx = [1]\nx = {nested}\n"
        diagnostics = diagnostics_of(
            filled(starter, text + DEF + "    return x\n", after=text + "y = 1"), starter
        )
        assert {diagnostic.kind for diagnostic in diagnostics} <= {"rebound"}
    sums = "x = " + " + ".join("1" for _ in range(20_000)) + "\n"
    assert diagnostics_of(filled(starter, sums + DEF + RETURN), starter) == []
