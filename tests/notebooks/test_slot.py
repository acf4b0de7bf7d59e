"""Finding the slot, and telling what else a student changed, in notebooks as editors and students leave them."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from editors import EDITORS, names_elsewhere

from grader.errors import GraderFault, StudentFault, Verdict
from grader.notebooks.changes import changed_cells
from grader.notebooks.program import defined_names
from grader.notebooks.reading import MAX_BYTES, MAX_CELLS, MAX_CODE_KB, Json, labels, read_notebook, source
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot, refuse_renamed, slot_numbers
from grader.notebooks.slots import entry_names, slot_cells

if TYPE_CHECKING:
    from collections.abc import Callable

ODD = Path(__file__).parent / "odd"
SLOT = "def your_weights(targets, losses):\n    return losses * 0 + 1\n"
MARKDOWN: Json = {"cell_type": "markdown", "metadata": {}, "source": "## Notes"}


def expected_of(path: Path) -> tuple[str, str]:
    """Return (verdict, what the message or the slot says) from the first line of the file, or of the .txt beside it."""
    beside = path.with_suffix(".txt")
    if beside.is_file():
        verdict, _, says = beside.read_text(encoding="utf-8").splitlines()[0].partition(": ")
        return verdict, says
    first = path.read_text(encoding="utf-8").splitlines()[0]
    expected = json.loads(first.removesuffix(",") + "}")["metadata"]["expected"]
    return expected["verdict"], expected["says"]


@pytest.mark.parametrize("path", sorted(ODD.glob("*.ipynb")), ids=lambda path: path.stem)
def test_an_odd_submission_ends_as_its_first_line_says(path: Path, starter: Json) -> None:
    verdict, says = expected_of(path)
    if verdict == "found":
        found = find_slot(read_notebook(path.read_bytes()), starter)
        assert says.encode() in found.encode()
        return
    with pytest.raises(StudentFault) as caught:
        find_slot(read_notebook(path.read_bytes()), starter)
    assert caught.value.verdict is Verdict(verdict)
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert "/" not in caught.value.message


def test_the_odd_submissions_know_the_id_of_the_slot(starter: Json) -> None:
    text = (ODD / "jupyter_saved.ipynb").read_text(encoding="utf-8")
    assert f'"id": "{slot_cells(starter)[0].cell["id"]}"' in text


# -- what editors make of a notebook -----------------------------------------------------------------------------


@pytest.mark.parametrize("editor", EDITORS, ids=lambda editor: editor.__name__)
def test_the_slot_survives_an_editor(editor: Callable[[Json], Json], starter: Json) -> None:
    saved = editor(rebuild(starter, SLOT))
    found = find_slot(read_notebook(json.dumps(saved).encode()), starter)
    assert found.strip() == SLOT.strip()
    assert "\r" not in found


@pytest.mark.parametrize("editor", EDITORS, ids=lambda editor: editor.__name__)
def test_an_editor_changes_no_protected_cell(editor: Callable[[Json], Json], starter: Json) -> None:
    assert changed_cells(editor(rebuild(starter, SLOT)), starter) == []


# -- what is reported --------------------------------------------------------------------------------------------


def test_changed_and_missing_protected_cells_are_named_by_their_heading(starter: Json) -> None:
    notebook = rebuild(starter, SLOT)
    training = next(cell for cell in notebook["cells"] if "def train(" in source(cell))
    training["source"] = source(training).replace("lr=0.2", "lr=0.9")
    setup = next(cell for cell in notebook["cells"] if "set_num_threads" in source(cell))
    notebook["cells"].remove(setup)
    assert changed_cells(notebook, starter) == ["Setup (cell 8), missing", "Training (cell 16)"]


def test_the_flag_left_at_true_is_reported(starter: Json) -> None:
    notebook = rebuild(starter, SLOT)
    cell = notebook["cells"][5]
    cell["source"] = source(cell).replace("MODE = False", "MODE = True")
    assert changed_cells(notebook, starter) == ["Parameters (cell 6)"]


def test_names_of_other_cells_come_with_the_name_of_the_cell(starter: Json) -> None:
    notebook = rebuild(starter, SLOT)
    helpers = "import scipy.stats as st\nfrom math import *\nhalf, rest = 1, 2\nclass Keeper: pass\n"
    helpers += "half = [passing for passing in ()]\ncall = lambda: (walrus := 1)\n"
    helpers += "def keep(x):\n    inner = x\n!pip list\n"
    notebook["cells"] += [MARKDOWN, {"cell_type": "code", "metadata": {}, "source": helpers}]
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": "this is no Python"})
    found = names_elsewhere(notebook, starter, slot_numbers(notebook, starter))
    assert {name for name, label in found.items() if label == "Notes (cell 26)"} == {
        "st",
        "half",
        "rest",
        "Keeper",
        "keep",
        "call",
    }
    assert found["train"] == "Training (cell 16)"
    assert "your_weights" not in found
    assert "inner" not in found


def test_a_label_shows_nothing_that_garbles_a_terminal() -> None:
    cells = [
        {"cell_type": "markdown", "source": "# A\x1b[31m title " + "long " * 30},
        {"cell_type": "code", "source": "#@title A form\nx = 1"},
        {"cell_type": "code", "source": "y = 1"},
    ]
    first, second, third = labels({"cells": cells})
    assert first == third.replace("cell 3", "cell 1")
    assert first.startswith("A [31m title long")
    assert first.isprintable()
    assert len(first) < 75
    assert second == "A form (cell 2)"


def test_two_entries_in_two_cells_are_scattered(starter: Json) -> None:
    wants_two = copy.deepcopy(starter)
    wants_two["metadata"]["grader"]["entries"] = ["query", "merge"]
    one = {"cell_type": "code", "metadata": {}, "source": "def query(): pass"}
    two = {"cell_type": "code", "metadata": {}, "source": "def merge(): pass"}
    both = {"cell_type": "code", "metadata": {}, "source": "def merge(): pass\nquery = merge"}
    assert find_slot({"cells": [MARKDOWN, both]}, wants_two) == source(both)
    with pytest.raises(StudentFault, match=r"query in Notes \(cell 2\) and merge in Notes \(cell 3\)"):
        find_slot({"cells": [MARKDOWN, one, two]}, wants_two)


def test_many_slots_are_not_all_listed(starter: Json) -> None:
    cells = [
        {"cell_type": "code", "metadata": {}, "source": SLOT.replace("1", str(number))} for number in range(9)
    ]
    with pytest.raises(StudentFault, match=r"cell 5 and 4 more\. Keep one"):
        find_slot({"cells": cells}, starter)


# -- size and depth ----------------------------------------------------------------------------------------------

DEEP = 5_000
LARGE = {
    "too many bytes": (b"{" + b" " * MAX_BYTES + b"}", "20.0 MB; a notebook may have at most 20 MB"),
    "NUL bytes": (b'{"cells": [], "nbformat": 4}\0\0', "NUL bytes"),
    "deep lists": (b"[" * DEEP + b"]" * DEEP, "nested more deeply"),
    "deep dicts": (b'{"a":' * 300 + b"1" + b"}" * 300, "nested more deeply"),
    "millions of lists": (b"[" + b"[]," * 2_500_000 + b"1]", "far more complex"),
    "a huge number": (b'{"nbformat": ' + b"4" * 9_999 + b"}", "too long"),
    "many cells": (
        json.dumps({"nbformat": 4, "cells": [MARKDOWN] * (MAX_CELLS + 1)}).encode(),
        "5001 cells; at most 5000",
    ),
    "much code": (
        json.dumps(
            {"nbformat": 4, "cells": [{"cell_type": "code", "source": "x" * ((MAX_CODE_KB + 1) << 10)}]}
        ).encode(),
        "513 KB of text; at most 512 KB",
    ),
    "a zip": (b"PK\x03\x04 and so on", "zip archive"),
}


@pytest.mark.parametrize(("data", "says"), LARGE.values(), ids=LARGE.keys())
def test_what_is_too_much_for_a_notebook_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(StudentFault) as caught:
        read_notebook(data)
    assert caught.value.verdict is Verdict.INVALID_NOTEBOOK
    assert says in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000,
        "-" * 100_000 + "1",
        "a" + ".b" * 100_000,
        "if a:\n pass\n" + "elif b:\n pass\n" * 20_000,
        "x = '\0'",
        "def f(:",
    ],
    ids=["parentheses", "signs", "attributes", "branches", "NUL", "no Python"],
)
def test_code_that_cannot_be_parsed_is_a_syntax_error_and_nothing_worse(text: str) -> None:
    with pytest.raises(SyntaxError):
        defined_names(text)


@pytest.mark.filterwarnings("error")
def test_an_invalid_escape_of_a_student_warns_nobody() -> None:
    assert defined_names("pattern = '\\d'") == {"pattern"}


@pytest.mark.parametrize("tags", [[], ["slot", "slot"]], ids=["no slot", "two slots"])
def test_a_starter_without_exactly_one_slot_is_our_fault(tags: list[str]) -> None:
    cells = [{"cell_type": "code", "id": str(n), "metadata": {"tags": [tag]}} for n, tag in enumerate(tags)]
    with pytest.raises(GraderFault, match="grader build"):
        slot_cells({"cells": cells, "metadata": {}})
    with pytest.raises(GraderFault, match="grader build"):
        entry_names({"cells": cells, "metadata": {}})


@pytest.mark.parametrize(
    "text",
    [
        "# " + "#" * 400_000 + "x",
        "# a" + " " * 400_000 + "x",
        "your_weights(" + "\n" * 200_000 + ")x=",
        " " * 400_000 + "your_weights",
    ],
    ids=["hashes", "spaces", "newlines", "indentation"],
)
def test_no_text_makes_the_search_for_the_slot_slow(text: str, starter: Json) -> None:
    """A pattern that backtracks would hold the whole batch; these took minutes to hours with one that did."""
    cells: list[Json] = [{"cell_type": kind, "metadata": {}, "source": text} for kind in ("markdown", "code")]
    begun = time.process_time()
    with pytest.raises(StudentFault):
        find_slot({"cells": cells, "nbformat": 4, "metadata": {}}, starter)
    assert time.process_time() - begun < 5


# -- one program is one slot -------------------------------------------------------------------------------------

COPIES = {
    "the same text": [SLOT, SLOT],
    "three times": [SLOT, SLOT, SLOT],
    "another comment": [SLOT, f"# copied\n{SLOT}"],
    "other white space": [SLOT, SLOT.replace("    return", "\n        return").replace("* 0 + 1", "*0+1")],
    "not even Python": ["def your_weights(targets, losses:\n    return 1"] * 2,
}


@pytest.mark.parametrize("programs", COPIES.values(), ids=COPIES.keys())
@pytest.mark.parametrize("same_ids", [True, False], ids=["ids kept", "new ids"])
def test_one_program_in_several_cells_is_one_slot(programs: list[str], same_ids: bool, starter: Json) -> None:
    """A document that was saved into itself, or a cell that was pasted once more."""
    notebook = rebuild(starter, programs[0])
    for program in programs[1:]:
        copied = copy.deepcopy(slot_cells(starter)[0].cell) | {"source": program}
        if not same_ids:
            copied |= {"id": f"copy-{len(notebook['cells'])}", "metadata": {}}
        notebook["cells"].append(copied)
    assert find_slot(notebook, starter) == programs[0]


def test_two_programs_are_not_one_slot(starter: Json) -> None:
    notebook = rebuild(starter, SLOT)
    notebook["cells"].append(
        copy.deepcopy(slot_cells(starter)[0].cell) | {"source": SLOT.replace("+ 1", "+ 2")}
    )
    with pytest.raises(StudentFault, match="in more than one cell"):
        find_slot(notebook, starter)


# -- a renamed function -------------------------------------------------------------------------------------------

RENAMED = {
    "a letter less": (
        "def your_weight(targets, losses):\n    return 1\n",
        "; rename your_weight to your_weights.",
    ),
    "another case": (
        "def Your_Weights(targets, losses):\n    return 1\n",
        "; rename Your_Weights to your_weights.",
    ),
    "a value": ("your_weigths = lambda targets, losses: 1\n", "; rename your_weigths to your_weights."),
    "a class": ("class YourWeights:\n    pass\n", "does not define your_weights"),
    "below a magic": (
        "%time\ndef my_weights(targets, losses):\n    return 1\n",
        "; rename my_weights to your_weights.",
    ),
    "nothing at all": ("x = 1\n", "does not define your_weights."),
    "only a comment": ("# nothing here\n", "does not define your_weights."),
    "inside another function": (
        "def outer():\n    def your_weights(targets, losses):\n        return 1\n",
        "does not define",
    ),
}


@pytest.mark.parametrize(("program", "says"), RENAMED.values(), ids=RENAMED.keys())
def test_a_slot_that_defines_another_name_is_missing_with_a_suggestion(
    program: str, says: str, starter: Json
) -> None:
    notebook = rebuild(starter, program)
    assert find_slot(notebook, starter) == program
    with pytest.raises(StudentFault) as caught:
        refuse_renamed(notebook, slot_numbers(notebook, starter), starter)
    assert caught.value.verdict is Verdict.SLOT_MISSING
    assert says in caught.value.message
    assert "Your solution" in caught.value.message


UNSEEN = {
    "by globals": "globals()['your_weights'] = lambda targets, losses: 1\n",
    "by exec": "exec('def your_weights(targets, losses): return 1')\n",
    "by a star": "from my_helpers import *\n",
    "in a condition": "if True:\n    def your_weights(targets, losses):\n        return 1\n",
    "not even Python": "def your_weight(targets, losses:\n    return 1\n",
}


@pytest.mark.parametrize("program", UNSEEN.values(), ids=UNSEEN.keys())
def test_what_may_define_the_function_is_left_to_the_run(program: str, starter: Json) -> None:
    notebook = rebuild(starter, program)
    refuse_renamed(notebook, slot_numbers(notebook, starter), starter)
