"""The commands that hand something over, as they are typed."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from course import POINTS, graded

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.task.spec import Task

    Run = Callable[..., tuple[int, str, str]]

WORKSHEETS = Path(__file__).parent.parent / "worksheets"
ROSTER = "id,name,email\n1001,Ada Lovelace,ada@uni.example\n1006,=Bobby Tables,bobby@uni.example\n"


FORMATS: dict[str, tuple[list[str | Path], str, int]] = {
    "csv": ([], "leaderboard.csv", 5),
    "json": ([], "leaderboard.json", 5),
    "moodle": (["--worksheet", WORKSHEETS / "moodle.csv"], "moodle.csv", 3),
    "canvas": (["--assignment", "Noisy labels (5002)"], "canvas.csv", 5),
    "canvas, filled": (["--assignment", "5002", "--worksheet", WORKSHEETS / "canvas.csv"], "canvas.csv", 4),
}


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_says_where_it_is_and_how_many_grades_it_has(name: str, run: Run, tmp_path: Path) -> None:
    words, file, grades = FORMATS[name]
    out = graded(tmp_path / "results")
    code, said, notes = run("export", out, "--format", name.partition(",")[0], *words)
    assert (code, said) == (0, f"wrote {out / 'exports' / file}: {grades} grades\n")
    assert "note: left blank because grading failed (grader_error): 1004" in notes
    assert (out / "exports" / file).is_file()


def test_every_attempt_has_a_results_json_of_its_own(run: Run, tmp_path: Path) -> None:
    out = graded(tmp_path / "results")
    code, said, _ = run(
        "export", out, "--format", "gradescope", "--points", "10", "--visibility", "after_published", "--json"
    )
    assert code == 0
    folder = Path(json.loads(said)["out"])
    records = {
        path.parent.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in folder.rglob("results.json")
    }
    assert len(records) == len(POINTS) + 1
    best: dict[str, float | None] = {}
    for place, record in records.items():
        student = place.partition("/")[0]
        best[student] = max(best.get(student) or 0, record["score"]) if "score" in record else None
    assert best == {student: None if points is None else points / 10 for student, points in POINTS.items()}
    assert records["1002/attempt-2"]["score"] == 10
    assert {record["visibility"] for record in records.values()} == {"after_published", "visible"}


def test_a_file_and_a_roster_can_be_named(run: Run, tmp_path: Path) -> None:
    out = graded(tmp_path / "results")
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    target = tmp_path / "deep" / "board.json"
    code, said, _ = run(
        "export", out, "--format", "json", "--roster", tmp_path / "roster.csv", "--out", target, "--json"
    )
    assert code == 0
    assert json.loads(said)["grades"] == 5
    assert [row["student"] for row in json.loads(target.read_text(encoding="utf-8"))][-1] == "1006"


WRONG = {
    "moodle without a worksheet": (["moodle"], "download it from the assignment"),
    "canvas without an assignment": (["canvas"], "go together"),
    "an assignment without canvas": (["csv", "--assignment", "x"], "go together"),
    "a worksheet for a table": (["csv", "--worksheet", "x.csv"], "--worksheet goes with"),
    "points for a worksheet": (["moodle", "--worksheet", "x.csv", "--points", "10"], "--points goes with"),
    "a worksheet that is not there": (["moodle", "--worksheet", "x.csv"], "cannot be read"),
    "a task that is not there": (["csv", "--task", "nosy"], "did you mean 'noisy'"),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_exported_is_one_line(words: list[str], said: str, run: Run, tmp_path: Path) -> None:
    code, _, err = run("export", graded(tmp_path / "results"), "--format", *words)
    assert code == 2
    assert err.count("\n") == 1
    assert said in err
    assert not (tmp_path / "results" / "exports").exists()


def test_the_worksheet_that_was_given_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_bytes((WORKSHEETS / "moodle.csv").read_bytes())
    out = graded(tmp_path / "results")
    code, _, err = run("export", out, "--format", "moodle", "--worksheet", sheet, "--out", sheet)
    assert code == 2
    assert "would overwrite the worksheet" in err
    assert sheet.read_bytes() == (WORKSHEETS / "moodle.csv").read_bytes()


def test_a_place_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run(
        "export", graded(tmp_path / "results"), "--format", "csv", "--out", tmp_path / "file" / "x.csv"
    )
    assert code == 2
    assert "cannot be written" in err


def test_the_autograder_is_made_with_a_secret_of_its_own_and_says_who_may_read_it(
    run: Run, toy_task: Task, tmp_path: Path
) -> None:
    secrets = []
    for name in ("a.zip", "b.zip"):
        code, said, err = run(
            "gradescope", toy_task.folder, "--out", tmp_path / name, "--repeats", "2", "--points", "20"
        )
        assert (code, err) == (0, "")
        assert "for the staff of the course only" in said
        assert "20 autograder points, a timeout of at least 3 minutes" in said
        with zipfile.ZipFile(tmp_path / name) as opened:
            secrets.append(opened.read("secret"))
            settings = json.loads(opened.read("autograder.json"))
    assert secrets[0] != secrets[1]
    assert (settings["repeats"], settings["points"], settings["unsafe"]) == (2, 20, False)


def test_an_autograder_without_a_sandbox_is_a_warning_and_a_secret_may_be_given(
    run: Run, toy_task: Task, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("correct horse battery staple")
    code, said, err = run(
        "gradescope",
        toy_task.folder,
        "--out",
        tmp_path / "a.zip",
        "--secret-file",
        tmp_path / "secret",
        "--unsafe",
        "--json",
    )
    assert code == 0
    assert json.loads(said)["unsafe"] is True
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        assert opened.read("secret") == b"correct horse battery staple\n"
    code, _, err = run("gradescope", toy_task.folder, "--out", tmp_path / "a.zip", "--unsafe")
    assert code == 0
    assert "write its own points" in err
    for weak in ("short", "olympiad-exam-2026"):
        (tmp_path / "secret").write_text(weak)
        assert run("gradescope", toy_task.folder, "--secret-file", tmp_path / "secret")[0] == 2
        out = tmp_path / "results"
        assert (
            run(
                "grade",
                toy_task.folder,
                tmp_path,
                "--out",
                out,
                "--unsafe",
                "--secret-file",
                tmp_path / "secret",
            )[0]
            == 2
        )


def test_a_pack_is_one_zip_in_the_folder_that_was_named(run: Run, toy_task: Task, tmp_path: Path) -> None:
    code, said, _ = run("pack", toy_task.folder, "--out", tmp_path / "handout")
    assert code == 0
    assert said.splitlines()[1] == f"wrote {tmp_path / 'handout' / 'toy_task.zip'}"
    code, said, _ = run("pack", toy_task.folder, "--out", tmp_path / "handout", "--json")
    assert json.loads(said) == {"out": str(tmp_path / "handout" / "toy_task.zip"), "wrong": []}
    (tmp_path / "file").write_text("")
    assert run("pack", toy_task.folder, "--out", tmp_path / "file")[0] == 2


def test_a_new_task_is_made_where_one_stands(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said, _ = run("new-task", "my_first")
    assert code == 0
    assert "wrote tasks/my_first/notebook.py\n" in said
    assert "wrote starter_notebooks/my_first.ipynb\n" in said
    assert said.endswith("then run: grader build tasks/my_first\n")
    assert run("build", "tasks/my_first", "--check")[0] == 0
    code, said, _ = run("new-task", "second", "--out", tmp_path / "elsewhere" / "tasks", "--json")
    assert code == 0
    assert json.loads(said)["id"] == "second"
    assert all(os.path.isabs(path) for path in json.loads(said)["written"])  # noqa: PTH117
    assert run("new-task", "second", "--out", tmp_path / "elsewhere" / "tasks")[0] == 2
