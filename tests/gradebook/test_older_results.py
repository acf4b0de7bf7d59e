"""A results folder that version 0.1.0 wrote, before its modules moved, is read by every command of today.

`results_of_0.1.0.tar.xz` holds the toy task of that day, six submissions, a roster and what `grade --repeats 2` and
`regrade --student dana` made of them. It is packed because version control ignores the names in a results folder.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grader.gradebook.gradebook import writing

if TYPE_CHECKING:
    from conftest import Run

ARCHIVE = Path(__file__).with_name("results_of_0.1.0.tar.xz")
TASK, OUT = Path("tasks/toy_task"), Path("results")
GRADE = ("grade", TASK, "sent", "--out", OUT, "--repeats", "2", "--roster", "roster.csv")
RECORDED = {
    "ada": ("scored", 97),
    "brook": ("scored", 97),
    "chen": ("scored", 10),
    "dana": ("slot_error", 0),
    "eli": ("slot_missing", 0),
    "fay": ("invalid_notebook", 0),
}


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Unpack the folder and go there, for the paths in it are relative to where `grade` was called."""
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(run: Run, *options: str) -> list[dict[str, Any]]:
    code, output, _ = run("results", OUT, "--json", *options)
    assert code == 0
    rows: list[dict[str, Any]] = json.loads(output)
    return rows


def test_results_lists_what_was_recorded(run: Run) -> None:
    rows = listed(run)
    assert {row["student"]: (row["verdict"], row["points"]) for row in rows} == RECORDED
    assert {row["student"]: row["identical_to"] for row in rows if row["identical_to"]} == {
        "brook": "ada (sent/ada.ipynb)"
    }
    everything = [row["student"] for row in listed(run, "--all")]
    assert sorted(everything) == sorted([*RECORDED, "dana"]), "dana was graded twice"


def test_a_second_call_grades_nothing_again(run: Run) -> None:
    before = listed(run, "--all")
    code, output, _ = run(*GRADE, "--json")
    assert code == 0
    assert {row["student"]: (row["verdict"], row["points"]) for row in json.loads(output)} == RECORDED
    assert listed(run, "--all") == before


def test_a_recorded_result_stands_for_a_new_copy_of_the_program(run: Run) -> None:
    shutil.copy("sent/ada.ipynb", "sent/gus.ipynb")
    assert run(*GRADE, "--json")[0] == 0
    (gus,) = [row for row in listed(run) if row["student"] == "gus"]
    assert (gus["points"], gus["identical_to"]) == (97, "ada (sent/ada.ipynb)")
    assert (OUT / "runs" / "gus" / "run-1" / "repeat-1" / "executed.ipynb").is_file()


def test_the_report_shows_each_run_and_its_files(run: Run) -> None:
    assert run("report", OUT, "--task", TASK)[0] == 0
    pages = {path.name: path.read_text(encoding="utf-8") for path in (OUT / "report").rglob("*.html")}
    assert "Ada Arden" in pages["index.html"]
    dana = next(text for name, text in pages.items() if "dana" in name)
    assert "KeyError: 2" in dana
    assert 'class="line failed" data-number="3"' in dana, "the line that failed is marked in the listing"
    ada = next(text for name, text in pages.items() if "ada" in name)
    assert "<strong>97</strong>" in ada
    assert "predicted 1" in ada, "predictions and answers are read from their folders"


def test_an_export_holds_everybody_of_the_roster(run: Run) -> None:
    code, _, _ = run("export", OUT, "--format", "csv", "--roster", "roster.csv", "--out", "grades.csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(Path("grades.csv").read_text(encoding="utf-8"))))
    points = {row["student"]: row["points"] for row in rows}
    assert points == {student: str(value) for student, (_, value) in RECORDED.items()} | {"gus": ""}
    assert {row["student"]: row["name"] for row in rows}["dana"] == "Dana Diaz"


def test_rescore_gives_points_under_the_map_of_today(run: Run) -> None:
    spec = TASK / "task.toml"
    text = spec.read_text(encoding="utf-8")
    assert "ceiling = 0.84" in text
    spec.write_text(text.replace("ceiling = 0.84", "ceiling = 0.9"), encoding="utf-8")
    with writing(Path(OUT)):
        code, output, errors = run("rescore", TASK, "--out", OUT)
    assert (code, output) == (2, ""), "nothing is said to have changed that could not be recorded"
    assert "another grader is writing" in errors
    assert run("rescore", TASK, "--out", OUT)[0] == 0
    accuracy = {row["student"]: (row["metrics"] or {}).get("value") for row in listed(run)}
    for row in listed(run):
        measured = accuracy[row["student"]]
        assert row["points"] == (round(100 * (measured - 0.5) / 0.4) if measured else 0)


@pytest.mark.slow
def test_a_recorded_run_can_be_graded_again(run: Run) -> None:
    code, output, _ = run("regrade", TASK, "--out", OUT, "--student", "dana", "--json")
    assert code == 0
    (dana,) = json.loads(output)
    assert (dana["verdict"], dana["points"]) == RECORDED["dana"]
    assert Path(dana["run_folder"]).name == "run-3"


@pytest.mark.slow
def test_a_recorded_run_is_replayed_with_the_seeds_of_then(run: Run) -> None:
    _, output, errors = run("replay", TASK, "ada", "--out", OUT, "--json")
    assert not errors, "task, settings and seeds are those of the record"
    replayed = json.loads(output)
    assert replayed["compared"] == 2
    assert not [name for name in replayed["different"] if "verdict" in name]


def test_an_older_gradebook_is_adjusted_and_gets_a_deadline(run: Run) -> None:
    assert run("adjust", OUT, "dana", "--points", "60", "--because", "half of it worked")[0] == 0
    assert run(*GRADE, "--deadline", "2026-11-30T23:59+01:00", "--late", "zero", "--json")[0] == 0
    rows = {row["student"]: (row["points"], row["graded"]) for row in listed(run)}
    assert rows == {student: (value, value) for student, (_, value) in RECORDED.items()} | {"dana": (60, 0)}
    assert run("results", OUT)[1].splitlines()[-1] == "nothing from 1 of 6: Gus Gold"


def test_reading_leaves_an_older_gradebook_as_it_is(run: Run) -> None:
    before = (OUT / "gradebook.sqlite").read_bytes()
    assert len(listed(run)) == len(RECORDED)
    assert (OUT / "gradebook.sqlite").read_bytes() == before
