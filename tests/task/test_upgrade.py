"""An older task.toml is rewritten in the newest form: it means the same, and its comments stay where they are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.errors import UsageError
from grader.task.spec import Spec, discover, read_task
from grader.task.upgrade import upgraded

if TYPE_CHECKING:
    from conftest import Run

TEMPLATE = Path(__file__).parents[2] / "grader" / "task" / "templates" / "function" / "task.toml"
FILES = {task.id: task.folder / "task.toml" for task in discover(Path("tasks"))} | {"template": TEMPLATE}


@pytest.mark.parametrize("path", FILES.values(), ids=FILES.keys())
def test_a_file_means_the_same_and_keeps_its_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    newest = upgraded(text)
    spec, earlier = (Spec.model_validate(tomllib.loads(form)) for form in (newest, text))
    assert spec.schema_version == 2
    assert (spec.metric, spec.score) == (earlier.metric, earlier.score)
    added = {"schema = 2", "[metric]", 'scorer = "balanced_accuracy"'}
    lines = newest.splitlines()
    assert [line for line in lines if line not in added and line] == [
        line for line in text.splitlines() if line not in added and line
    ]
    assert upgraded(newest) == newest


def test_the_comment_of_the_score_stays_above_it() -> None:
    newest = upgraded(TEMPLATE.read_text(encoding="utf-8"))
    assert (
        newest.index("[metric]")
        < newest.index("# Balanced accuracy of 0 and of 100 points.")
        < newest.index("[score]")
    )


def test_a_file_without_a_line_of_its_own_for_the_score_is_left_alone() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    table = re.compile(r"\[score\]\n(floor = \S+)\n(ceiling = \S+)\n")
    found = table.search(text)
    assert found
    inline = table.sub("", text).replace("title =", f"score = {{{found[1]}, {found[2]}}}\ntitle =", 1)
    with pytest.raises(UsageError, match="schema = 2"):
        upgraded(inline)


@pytest.mark.parametrize("line", ["schema = 1\n", "schema=1  # of the first form\n"])
def test_a_version_that_is_written_out_is_replaced(line: str) -> None:
    newest = upgraded(line + TEMPLATE.read_text(encoding="utf-8"))
    assert Spec.model_validate(tomllib.loads(newest)).schema_version == 2
    assert newest.count("schema") == 1


def test_a_version_that_cannot_be_found_leaves_the_file_alone() -> None:
    with pytest.raises(UsageError, match="schema = 2"):
        upgraded('"schema" = 1\n' + TEMPLATE.read_text(encoding="utf-8"))


def test_the_command_rewrites_a_file_once(own_toy: Path, run: Run) -> None:
    digest = read_task(own_toy).run_digest
    assert "wrote" in run("upgrade", own_toy)[1]
    assert read_task(own_toy).spec.schema_version == 2
    assert read_task(own_toy).run_digest == digest, "nothing runs again for it"
    assert "has the newest form" in run("upgrade", own_toy)[1]
