"""What several tasks share: parts of data.py and cells of the notebook, put into each task's own sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.errors import UsageError
from grader.task.build import build
from grader.task.source import data_source, notebook_source
from grader.task.spec import read_task

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sharing(own_toy: Path) -> Path:
    """A task whose data.py imports two parts, one of which imports the other, and whose notebook names a cell."""
    parts = own_toy.parent / "parts"
    parts.mkdir()
    (parts / "deep.py").write_text('"""Deep."""\n\nfrom __future__ import annotations\n\nDEPTH = 3\n')
    (parts / "shallow.py").write_text("from parts.deep import DEPTH\n\nHALF = DEPTH / 2\n")
    data = own_toy / "data.py"
    data.write_text(
        "from parts.shallow import (\n    HALF,\n)\nfrom parts.deep import DEPTH\n"
        + data.read_text()
        + "\n\nSUM = HALF + DEPTH\n"
    )
    cells = own_toy.parent / "cells"
    cells.mkdir()
    (cells / "greeting.py").write_text(
        '# %% [markdown]\n# Good morning.\n\n# %% tags=["protected"]\nprint("morning")\n'
    )
    notebook = own_toy / "notebook.py"
    first, rest = notebook.read_text().split("# %% tags=", 1)
    notebook.write_text(f"{first}# {{{{ cells/greeting.py }}}}\n\n# %% tags={rest}")
    return own_toy


def test_each_part_stands_once_before_what_uses_it(sharing: Path) -> None:
    source = data_source(sharing)
    assert source.count("DEPTH = 3") == 1
    assert source.index("DEPTH = 3") < source.index("HALF = ") < source.index("SUM = ")
    assert "import DEPTH" not in source
    assert "__future__" not in source
    assert vars(read_task(sharing).builder())["SUM"] == 4.5


def test_annotations_mean_the_same_as_in_a_notebook(sharing: Path) -> None:
    data = sharing / "data.py"
    data.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        + data.read_text()
        + "\n\n@dataclass(frozen=True)\nclass Count:\n    number: int\n"
    )
    assert vars(read_task(sharing).builder())["Count"].__annotations__ == {"number": int}


def test_a_notebook_shows_the_shared_cells_in_their_place(sharing: Path) -> None:
    assert "Good morning." in notebook_source(sharing)
    starter = build(read_task(sharing)).starter
    assert starter.index("Good morning.") < starter.index('print(\\"morning\\")')
    assert "cells/greeting.py" not in starter


@pytest.mark.parametrize("name", ["parts/deep.py", "parts/shallow.py", "cells/greeting.py"])
def test_a_shared_file_that_changes_changes_the_version_of_the_task(sharing: Path, name: str) -> None:
    before = read_task(sharing).version
    path = sharing.parent / name
    path.write_text(path.read_text() + "# changed\n")
    assert read_task(sharing).version != before


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("from parts import deep", "line 1 must be: from parts.NAME import NAMES"),
        ("from parts.deep import *", "line 1 must be: from parts.NAME import NAMES"),
        ("from parts.deep import DEPTH as D", "line 1 must be: from parts.NAME import NAMES"),
        ("from parts.nothing import X", r"parts/nothing\.py cannot be read: No such file"),
        ("def (", r"data\.py: invalid syntax in line 1"),
    ],
)
def test_an_import_that_cannot_be_inlined_is_one_line(sharing: Path, line: str, says: str) -> None:
    (sharing / "data.py").write_text(f"{line}\n")
    with pytest.raises(UsageError, match=says) as caught:
        data_source(sharing)
    assert "\n" not in str(caught.value)


def test_shared_cells_that_are_missing_are_one_line(sharing: Path) -> None:
    (sharing.parent / "cells" / "greeting.py").unlink()
    with pytest.raises(UsageError, match=r"greeting\.py cannot be read: No such file"):
        notebook_source(sharing)
