"""Programs nested without an end, by every means that Python has: whatever reads them before they run gets over it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from grader.notebooks.program import definitions, parse, slot_key, syntax_error
from grader.report.similarity import tokens

if TYPE_CHECKING:
    from collections.abc import Callable

NESTED: dict[str, Callable[[int], str]] = {
    "parentheses": lambda n: "x = " + "(" * n + "1" + ")" * n,
    "signs": lambda n: "x = " + "-" * n + "1",
    "negations": lambda n: "x = " + "not " * n + "1",
    "attributes": lambda n: "x = a" + ".b" * n,
    "calls": lambda n: "x = a" + "()" * n,
    "powers": lambda n: "x = " + "1**" * n + "1",
    "lambdas": lambda n: "x = " + "lambda: " * n + "1",
    "choices": lambda n: "x = " + "1 if 1 else " * n + "1",
    "other choices": lambda n: "if 1:\n pass\n" + "elif 1:\n pass\n" * n,
    "awaits": lambda n: "x = " + "await " * n + "1",
    "patterns": lambda n: "match x:\n case " + "[" * n + "_" + "]" * n + ": pass",
    "walruses": lambda n: "x = " + "(y := " * n + "1" + ")" * n,
    "subscripts of an annotation": lambda n: "x: " + "a[" * n + "1" + "]" * n,
    "formats of formats": lambda n: "x = f'" + "{1:" * n + "}" * n + "'",
    "functions": lambda n: (
        "".join(" " * level + "def f():\n" for level in range(min(n, 99))) + " " * 99 + "pass"
    ),
}


@pytest.mark.parametrize("depth", [95, 330, 6_500])
@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED.keys())
def test_a_program_nested_by_any_means_stops_nobody(nested: Callable[[int], str], depth: int) -> None:
    text = f"def entry():\n    return 1\n{nested(depth)}\n"
    try:
        names = {name for name, _ in definitions(parse(text))}
    except SyntaxError:
        names = {"entry"}
    assert "entry" in names
    assert slot_key(text) == slot_key(text) != slot_key(f"{text}y = 1\n")
    assert isinstance(tokens(text), list)
    assert syntax_error(text, "slot") is None or "\n" not in str(syntax_error(text, "slot"))


ENDLESS = {
    "import": "import a" + ".b" * 250_000,
    "from": "from a" + ".b" * 250_000 + " import c",
    "after another": "import c, a" + ".b" * 250_000,
    "with blanks": "import a" + " . b" * 120_000,
    "over lines": "import a" + ".\\\nb" * 120_000,
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_name_of_endless_parts_is_not_parsed(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(SyntaxError, match="too many parts"):
        parse(text)
    assert syntax_error(text[:190_000], "slot") is None
    assert slot_key(text[:190_000]) == slot_key(text[:190_000])
    assert time.process_time() - begun < 60, "a parser takes minutes"


def test_ordinary_imports_and_many_dots_are_parsed() -> None:
    dots = "x = '" + ".1" * 2_000 + "'"
    text = f"import a.b.c, d.e as f\nfrom g.h import i\n{dots}\n# imported from: {'.' * 2_000}\n"
    assert {name for name, _ in definitions(parse(text))} >= {"a", "f", "i", "x"}
