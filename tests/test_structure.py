"""The house has no circle of imports, type-only ones included, and the script that measures it counts correctly."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grimp", reason="grimp is not installed: pip install -e '.[dev]'")
ROOT = Path(__file__).resolve().parent.parent
STRUCTURE: dict[str, Any] = runpy.run_path(str(ROOT / "benchmarks" / "structure.py"))
# b and c import each other; a stands on them, they stand on d.
SMALL = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}


def test_a_circle_is_found_and_counts_as_one_floor() -> None:
    assert STRUCTURE["circles"](SMALL) == [{"b", "c"}]
    assert STRUCTURE["floors"](SMALL) == 3


def test_rooms_import_what_their_files_import_and_not_themselves() -> None:
    modules = {
        "grader": set(),
        "grader.cli": set(),
        "grader.cli.main": {"grader.cli.output", "grader.errors"},
        "grader.errors": set(),
    }
    assert STRUCTURE["rooms_of"](modules) == {"grader.cli": {"grader.errors"}, "grader.errors": set()}


def test_no_modules_and_no_rooms_import_each_other_in_a_circle() -> None:
    imports = STRUCTURE["imports_of"](ROOT)
    assert len(imports) > 100
    assert STRUCTURE["circles"](imports) == []
    assert STRUCTURE["circles"](STRUCTURE["rooms_of"](imports)) == []


def test_every_class_name_is_unique() -> None:
    assert STRUCTURE["shared_class_names"](ROOT) == {}


def test_a_class_name_that_two_modules_define_is_found(tmp_path: Path) -> None:
    for module in ("a.py", "b.py"):
        (tmp_path / "grader").mkdir(exist_ok=True)
        (tmp_path / "grader" / module).write_text("class Slot:\n    pass\n", encoding="utf-8")
    assert STRUCTURE["shared_class_names"](tmp_path) == {"Slot": ["grader/a.py", "grader/b.py"]}
