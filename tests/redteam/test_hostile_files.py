"""Every hostile file of predictions, in every format, ends with the verdict that it must, and with a sentence that is safe to show."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import TOY_FILES

from grader.errors import StudentFault, Verdict
from grader.redteam.hostile_files import hostile_files
from grader.task.file_check import ExpectedRows, check_file
from grader.task.files_table import FilesTable

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

COLUMNS = [{"name": "kind", "type": "integer", "low": 0, "high": 2}, {"name": "weight", "low": -1}]
COUNT = 12


def table_of(ending: str) -> FilesTable:
    own: dict[str, Any] = {"name": f"predictions.{ending}", "columns": COLUMNS, "max_kb": 2048}
    if ending == "npy":
        own |= {"columns": COLUMNS[1:], "id": ""}
    if ending == "safetensors":
        own |= {"id": ""}
    if ending == "zip":
        members = [
            {"name": "kinds.csv", "columns": COLUMNS[:1]}, {"name": "weights.npz", "columns": COLUMNS[1:]},
        ]  # fmt: skip
        own = {"name": "predictions.zip", "members": members}
    return FilesTable.model_validate(own)


def good_file(files: FilesTable) -> bytes:
    """A file that is scored, written by the usual libraries."""
    from grader.redteam import hostile_files as made

    rng = np.random.default_rng(0)
    values = {"id": np.arange(COUNT), "kind": rng.integers(3, size=COUNT), "weight": rng.random(COUNT)}
    contents = {}
    for table in files.tables:
        if table.ending in {".csv", ".json", ".jsonl"}:
            rows = [{name: values[name][row].item() for name in table.names} for row in range(COUNT)]
            contents[table.name] = made._written(table, rows)
        else:
            names = {"" if table.ending == ".npy" else name: values[name] for name in table.names}
            contents[table.name] = made._packed(table, names)
    return made._zipped(contents) if files.members else contents[files.name]


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "npy", "npz", "safetensors", "zip"])
def test_every_hostile_file_ends_as_it_must(ending: str) -> None:
    files = table_of(ending)
    good = good_file(files)
    ids = ExpectedRows(tuple(map(str, range(COUNT))))
    expected = {table.name: ids for table in files.tables}
    assert set(check_file(good, files, expected)) == set(files.column_names)
    attacks = hostile_files(good, files)
    assert len(attacks) >= 10
    assert {Verdict.INVALID_FILE, Verdict.INVALID_OUTPUT} <= {attack.expected for attack in attacks}
    for attack in attacks:
        if attack.expected is Verdict.SCORED:
            check_file(attack.data, files, expected)
            continue
        with pytest.raises(StudentFault) as caught:
            check_file(attack.data, files, expected)
        assert caught.value.verdict is attack.expected, f"{attack.attack}: {caught.value.message}"
        assert caught.value.message.isprintable(), attack.attack
        assert len(caught.value.message) < 500


def test_the_command_faces_a_task_with_its_hostile_files(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tasks" / "toy_files"
    shutil.copytree(TOY_FILES, folder)
    monkeypatch.chdir(tmp_path)
    assert run("build", folder)[0] == 0
    code, shown, noted = run("redteam", folder, "--json")
    outcomes = json.loads(shown)
    assert [outcome for outcome in outcomes if not outcome["held"]] == []
    assert code == 0, noted
    assert {"scored", "invalid_file", "invalid_output"} == {outcome["verdict"] for outcome in outcomes}
    code, shown, _ = run("redteam", folder, "--attack", "a formula")
    assert (code, "a formula" in shown) == (0, True)
