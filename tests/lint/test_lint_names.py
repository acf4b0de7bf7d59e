"""Following names through a notebook without running it: what is an error in a mode, and, more often, what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.lint.task.bindings import names_of
from grader.lint.task.final_mode import check_names
from grader.lint.task.notebooks import Cell, Subject

if TYPE_CHECKING:
    from grader.task.spec import Task

FINE = {
    "what is bound in both branches": "if FINAL_EVALUATION_MODE:\n    a = 1\nelse:\n    a = 2\nprint(a)",
    "what is bound and read for students": "if not FINAL_EVALUATION_MODE:\n    a = 1\n    print(a)",
    "two conditions": "if not FINAL_EVALUATION_MODE and len('x') > 0:\n    a = 1\nif not FINAL_EVALUATION_MODE: print(a)",
    "a condition that stops early": "if not FINAL_EVALUATION_MODE:\n    a = 1\nb = FINAL_EVALUATION_MODE or a",
    "one of two values": "if not FINAL_EVALUATION_MODE:\n    a = 1\nb = None if FINAL_EVALUATION_MODE else a",
    "the flag under another name": "final = FINAL_EVALUATION_MODE\nif not final:\n    a = 1\nif not final:\n    print(a)",
    "the flag compared": "if FINAL_EVALUATION_MODE is False:\n    a = 1\nif FINAL_EVALUATION_MODE == False: print(a)",
    "a function for pictures only": (
        "if not FINAL_EVALUATION_MODE:\n    a = 1\ndef show():\n    print(a)\nif not FINAL_EVALUATION_MODE:\n    show()"
    ),
    "a function that returns before": (
        "if not FINAL_EVALUATION_MODE:\n    a = 1\n"
        "def f():\n    if FINAL_EVALUATION_MODE:\n        return None\n    return a\nprint(f())"
    ),
    "a function that reads what comes after it": "def f():\n    return g() + A\ndef g():\n    return 1\nA = 1\nprint(f())",
    "a function that calls itself": "def f(n):\n    return f(n - 1) if n else 0\nprint(f(3))",
    "a comprehension": "rows = [[1]]\nprint([y for x in rows for y in x if y], {x: 1 for x in range(3)}, (z for z in 'a'))",
    "a lambda's arguments": "f = lambda x, *y, **z: (x, y, z)\nprint(f(1), sorted('ab', key=lambda c: ord(c)))",
    "a class with attributes": (
        "class C:\n    a = 1\n    b = a + 1\n    def f(self):\n        return __class__, self.b, C\nprint(C().f())"
    ),
    "names that loops and contexts bind": "for i, (j, k) in []:\n    print(i, j, k)\nwith open('x') as file:\n    print(file)",
    "names that handlers and patterns bind": (
        "try:\n    a = 1\nexcept OSError as error:\n    print(error)\nmatch a:\n    case [b, *c]:\n        print(b, c)\n"
        "    case {'x': d, **e}:\n        print(d, e)"
    ),
    "a name that may be missing": "try:\n    display\nexcept NameError:\n    display = print\ntry:\n    tpu\nexcept NameError:\n    tpu = 0",
    "a name bound within an expression": "if (n := len('abc')) > 2 and n:\n    print(n)\nprint([m for c in 'x' if (m := c)], m)",
    "a name that a function binds": "def f():\n    global counter\n    counter = 1\nf()\nprint(counter)",
    "an annotation without a value, then one": "a: int\na = 1\nprint(a)",
    "a star import": "from math import *\nprint(cos(1), whatever)",
    "a magic": "%matplotlib inline\n!pip list\nprint(get_ipython(), __name__)",
    "a loop that never runs": "while not FINAL_EVALUATION_MODE:\n    a = 1\n    break\nif not FINAL_EVALUATION_MODE: print(a)",
    "an inner function's own names": "def f(a):\n    b = a\n    def g():\n        return b\n    return g\nprint(f(1)())",
}  # fmt: skip
NOT_FINE = {
    "for students only": ("if not FINAL_EVALUATION_MODE:\n    a = 1\nprint(a)", "a", "True"),
    "for students only, in a nested block": (
        "for i in range(3):\n    if not FINAL_EVALUATION_MODE:\n        a = 1\nprint(a)", "a", "True",
    ),
    "in the final mode only": ("if FINAL_EVALUATION_MODE:\n    a = 1\nprint(a)", "a", "False"),
    "by a value that is not taken": ("a = 1 if FINAL_EVALUATION_MODE else later\nlater = 1", "later", "False"),
    "read by a function that runs": (
        "if not FINAL_EVALUATION_MODE:\n    a = 1\ndef f():\n    return a\ndef g():\n    return f()\nprint(g())", "a", "True",
    ),
    "read by a method": (
        "if not FINAL_EVALUATION_MODE:\n    a = 1\nclass C:\n    def f(self):\n        return a\nprint(C().f())", "a", "True",
    ),
    "read by a lambda that is handed over": (
        "if not FINAL_EVALUATION_MODE:\n    a = 1\nprint(sorted('ab', key=lambda c: a))", "a", "True",
    ),
    "read in a comprehension": ("if not FINAL_EVALUATION_MODE:\n    a = 1\nprint([a for _ in 'x'])", "a", "True"),
    "read as a default": ("if not FINAL_EVALUATION_MODE:\n    a = 1\ndef f(x=a):\n    return x\nprint(f())", "a", "True"),
    "local for students only": (
        "def f():\n    if not FINAL_EVALUATION_MODE:\n        a = 1\n    return a\nprint(f())", "a", "nothing"
    ),
    "added to before it is there": ("a += 1", "a", "before"),
    "deleted": ("a = 1\ndel a\nprint(a)", "a", ""),
    "read in a guard of another mode": ("print(FINAL_EVALUATION_MODE and a)", "a", "nothing"),
}  # fmt: skip


def notebook(task: Task, code: str) -> Subject:
    cells = (
        Cell("Parameters (cell 1)", "FINAL_EVALUATION_MODE = False", ("parameters",), is_code=True),
        Cell("Text (cell 2)", "words", (), is_code=False),
        Cell("Slot (cell 3)", "def your_weights(t, l): pass", ("slot",), is_code=True, is_slot=True),
        Cell("Code (cell 4)", code, ("protected",), is_code=True),
    )
    return Subject(task, cells, cells, ({}, {}))


@pytest.mark.parametrize("code", FINE.values(), ids=FINE.keys())
def test_what_runs_in_both_modes_is_no_error(toy_task: Task, code: str) -> None:
    finding = check_names(notebook(toy_task, code))
    assert finding.ok, finding.detail


@pytest.mark.parametrize(("code", "name", "says"), NOT_FINE.values(), ids=NOT_FINE.keys())
def test_a_name_that_is_not_there_in_a_mode_is_an_error(
    toy_task: Task, code: str, name: str, says: str
) -> None:
    finding = check_names(notebook(toy_task, code))
    assert not finding.ok
    assert f"Code (cell 4) reads {name}" in finding.detail
    assert says in finding.detail


def test_names_of_a_statement_are_told_apart() -> None:
    import ast

    (statement,) = ast.parse("def f(a, b=B):\n    global G\n    G = a\n    return [LATER for _ in a]").body
    names = names_of(statement)
    assert names.reads == {"B"}
    assert names.binds == {"f", "G"}
    assert names.later == {"LATER"}
