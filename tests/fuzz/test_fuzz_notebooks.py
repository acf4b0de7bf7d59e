"""Fuzzing of what students hand in: a notebook damaged in any way ends as a notebook of ours, or as their fault."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from editors import names_elsewhere
from fuzzing import copied, damaged, examples, json_values, kept, spliced, texts, written
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import StudentFault, Verdict
from grader.grading.parsed import parse
from grader.notebooks.changes import changed_cells
from grader.notebooks.program import defined_names, slot_key, text_digest
from grader.notebooks.reading import grader_metadata, is_code, read_notebook, source
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot
from grader.notebooks.slots import slot_cells
from grader.submissions.collect import Submission

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from grader.notebooks.reading import Json

ROOT = Path(__file__).parent.parent.parent
SLOT = "def your_weights(targets, losses):\n    return losses * 0 + 1\n"
WORDS = [
    *["cells", "metadata", "grader", "cell", "id", "tags", "source", "cell_type", "outputs", "nbformat", "worksheets"],
    *["code", "markdown", "raw", "slot", "slot-imports", "protected", "parameters", "entries", "task", "name", 4],
    *["kernelspec", "language_info", "language", "python", "r", "your_weights", SLOT, f"class A:\n  {SLOT}", f"%%x\n{SLOT}"],
    *["async def your_weights(): 1", "your_weights = min", "def your_weights(:", "from a import *", "x = (\n", "# A"],
]  # fmt: skip
SECONDS = 10  # for the largest of these, which takes a tenth of one
FAULTS = {Verdict.INVALID_NOTEBOOK, Verdict.SLOT_MISSING}


# What the generated notebooks of tasks with a slot hold, with the starter they are submissions to; None: the toy task's.
GENERATED = {
    path.relative_to(ROOT).as_posix(): (
        path.read_bytes(),
        read_notebook((ROOT / "starter_notebooks" / path.name).read_bytes()),
    )
    for folder in ("starter_notebooks", "solutions")
    for path in sorted((ROOT / folder).glob("*.ipynb"))
    if "hand_in" not in grader_metadata(read_notebook(path.read_bytes()))
}
ODD = {
    path.stem: (path.read_bytes(), None)
    for path in sorted((ROOT / "tests" / "notebooks" / "odd").glob("*.ipynb"))
}


def json_of(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("latin-1")


TREES = {name: (json_of(data), starter) for name, (data, starter) in (GENERATED | ODD).items()}


def check_notebook(data: bytes, starter: Json) -> None:
    """Take the whole way of a submission up to its rebuilding; only StudentFault may end it, and soon."""
    begun, before = time.process_time(), json.dumps(starter)
    parsed = parse(Submission("a.ipynb", "a", data), starter)
    try:
        notebook = read_notebook(data)
        changed = changed_cells(notebook, starter)
        elsewhere = names_elsewhere(notebook, starter, ())
        assert not [cell for cell in notebook["cells"] if not isinstance(grader_metadata(cell), dict)]
        found = find_slot(notebook, starter)
    except StudentFault as fault:
        assert isinstance(parsed.fault, StudentFault)
        check_fault(fault)
    else:
        if parsed.fault is not None:  # the slot defines another name, and nothing of it is run
            check_fault(parsed.fault)
            assert "does not define" in str(parsed.fault)
        else:
            kept = (parsed.slot, parsed.slot_key, parsed.slot_sha256)
            assert kept == (found, slot_key(found), text_digest(found))
        assert found in [source(cell) for cell in notebook["cells"] if is_code(cell)]
        rebuilt = rebuild(starter, found)
        check_ours(rebuilt, starter, found)
        json.dumps([rebuilt, changed, elsewhere], ensure_ascii=False).encode("utf-8")
        assert all(text.isprintable() for text in [*changed, *elsewhere.values()])
    assert json.dumps(starter) == before
    assert time.process_time() - begun < SECONDS


def check_fault(fault: object) -> None:
    assert isinstance(fault, StudentFault)
    assert fault.verdict in FAULTS
    assert fault.message.endswith(".")
    assert fault.message.isprintable()
    assert len(fault.message) < 1000


def check_ours(rebuilt: Json, starter: Json, slot_source: str) -> None:
    """Our cells in our order; nothing of theirs but the text of the slot."""
    assert rebuilt | {"cells": None} == starter | {"cells": None}
    slot = slot_cells(starter)[0].cell
    for made, ours in zip(rebuilt["cells"], starter["cells"], strict=True):
        emptied: Json = {"outputs": [], "execution_count": None} if ours["cell_type"] == "code" else {}
        assert made == ours | emptied | ({"source": slot_source} if ours is slot else {})


# -- notebooks ---------------------------------------------------------------------------------------------------


def short(notebook: Json) -> Json:
    """Return a notebook of its slot and the cells around it, so that the damage is done there."""
    cells = notebook["cells"]
    slot = cells.index(slot_cells(notebook)[0].cell)
    return {**notebook, "cells": cells[slot - 2 : slot + 3]}


@pytest.mark.slow
@examples(5)
@given(data=st.data(), name=st.sampled_from(sorted(TREES)), shorten=st.booleans())
def test_any_mutation_of_a_notebook_is_read_or_is_the_students_fault(
    starter: Json, data: st.DataObject, name: str, *, shorten: bool
) -> None:
    tree, ours = TREES[name]
    ours = ours or starter
    if shorten:
        tree = short(tree if name in GENERATED else rebuild(starter, SLOT))
    words = [*WORDS, slot_cells(ours)[0].cell["id"]]
    sent = data.draw(written(data.draw(damaged(tree, words)), words))
    with kept(sent, ".ipynb"):
        check_notebook(sent, ours)


@examples(2)
@given(data=st.data(), name=st.sampled_from(sorted(GENERATED | ODD)))
def test_any_damage_to_the_bytes_is_read_or_is_the_students_fault(
    starter: Json, data: st.DataObject, name: str
) -> None:
    whole, ours = (GENERATED | ODD)[name]
    sent = data.draw(spliced(whole))
    with kept(sent, ".ipynb"):
        check_notebook(sent, ours or starter)


# What is looked at, in a cell and in the notebook.
OF_CELL = [
    *["source", "cell_type", "id", "metadata", "metadata.tags", "metadata.grader", "metadata.grader.cell", "metadata.id"],
    *["outputs", "execution_count", "source.0", "metadata.tags.0"],
]  # fmt: skip
OF_NOTEBOOK = [
    *["metadata", "metadata.kernelspec", "metadata.kernelspec.name", "metadata.kernelspec.language", "cells.0"],
    *["metadata.language_info", "metadata.language_info.name", "metadata.grader", "metadata.grader.task", "worksheets"],
]  # fmt: skip
empty: SearchStrategy[Any] = st.sampled_from([None, True, 7, 1.5, "", [], {}, [None], [[]], {"": None}])
said = json_values | st.sampled_from(WORDS) | texts.map("# {}".format) | texts.map(f"{SLOT}#{{}}".format)
odd = st.booleans().flatmap(lambda is_empty: empty if is_empty else said)
changes = st.tuples(st.sampled_from([2, 2, 2, 0, 1, 3, 4]), st.sampled_from(OF_CELL)) | st.tuples(
    st.none(), st.sampled_from(OF_NOTEBOOK)
)


def put(tree: Any, way: list[str], value: Any) -> None:
    """Set what lies at the end of `way`, if there is a way."""
    key: Any = int(way[0]) if isinstance(tree, list) and way[0].isdecimal() else way[0]
    if isinstance(tree, list) and (isinstance(key, str) or key >= len(tree)):
        return
    if len(way) > 1 and isinstance(tree, (dict, list)):
        put(tree.setdefault(key, {}) if isinstance(tree, dict) else tree[key], way[1:], value)
    elif isinstance(tree, (dict, list)):
        tree[key] = value


@pytest.mark.slow
@examples(8)
@given(some=st.lists(st.tuples(changes, odd), min_size=1, max_size=4))
def test_any_value_where_the_reader_looks_is_read_or_is_the_students_fault(
    starter: Json, some: list[tuple[tuple[int | None, str], Any]]
) -> None:
    tree = copied(short(rebuild(starter, SLOT)))
    for (number, way), value in some:
        put(tree if number is None else tree["cells"][number], way.split("."), copied(value))
    sent = json.dumps(tree).encode()
    with kept(sent, ".ipynb"):
        check_notebook(sent, starter)


@examples(1)
@given(value=json_values)
def test_any_json_is_read_or_is_the_students_fault(starter: Json, value: Any) -> None:
    for tree in (
        value,
        {"nbformat": 4, "cells": value},
        {"nbformat": 4, "cells": [value], "metadata": value},
    ):
        sent = json.dumps(tree).encode()
        with kept(sent, ".ipynb"):
            check_notebook(sent, starter)


# -- programs ----------------------------------------------------------------------------------------------------

TOKENS = [
    *"()[]{}:,=*;@~-%!?$`.'\"\\\n\t\0\r\x0c",
    *["\n ", "\n  ", "\\\n", '"""', "f'{", "}'", "b'\\xff'", "'\\N{x}'", "'\\ud800'", "0x", "1_", "9" * 5_000, "1e9j"],
    *["x", "\u00e9", "\U0001d431", "\u202e", "\ufeff", "\ud800", "def your_weights(", "def ", "class A", "lambda "],
    *["for ", "in ", "if ", "else ", "async ", "await ", "yield ", "with ", "as ", "match x:\n", "case ", "try:\n"],
    *["except ", "not ", "return ", "del ", "global x", "import x", "from . import *", ":=", "->", "**", "...", "<>"],
    *["print ", "# type: int\n", "# coding: utf-7\n", "%%bash\n", "!x\n", "None=", "True", "__debug__="],
]  # fmt: skip
NESTING = [
    "-",
    "not ",
    "(",
    "[",
    "{",
    "lambda:",
    "x.",
    "await ",
    "x if x else ",
    "**",
    "@",
    "x(",
    "x[",
    "f'{",
    "if x:\n",
    "\t",
]
soup = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8).map("".join)
parts = st.tuples(soup, st.sampled_from([1, 1, 5])) | st.tuples(
    st.sampled_from(NESTING) | soup, st.sampled_from([60, 150, 1_000, 6_000])
)
programs = st.lists(parts, max_size=6).map(
    lambda some: "".join(text * count for text, count in some)[:60_000]
)


def check_program(text: str, starter: Json) -> None:
    """Whatever a slot holds is found, compared and put into our notebook, which notebook programs can still read."""
    begun = time.process_time()
    clean = source({"source": text})
    assert clean.encode("utf-8").decode("utf-8") == clean
    rebuilt = rebuild(starter, text)
    assert find_slot(read_notebook(json.dumps(rebuilt).encode()), starter) == clean
    slot_key(clean)
    with contextlib.suppress(SyntaxError):
        defined_names(clean)
    rebuilt = rebuild(starter, clean)
    read = nbformat.reads(json.dumps(rebuilt), as_version=4)
    assert [cell.source for cell in read.cells] == [source(cell) for cell in rebuilt["cells"]]
    assert time.process_time() - begun < SECONDS


@pytest.mark.slow
@examples(4)
@given(text=programs)
def test_no_program_stops_the_reader_or_gets_past_the_slot(starter: Json, text: str) -> None:
    with kept(text.encode("utf-8", "surrogatepass"), ".slot"):
        check_program(text, starter)
