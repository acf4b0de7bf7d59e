"""A task of files from the file to the feedback: nothing of the student's runs, and everything else is as for any task."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grader.gradebook.gradebook import reading
from grader.gradebook.run_settings import RunSettings
from grader.grading.file_answers import written_file
from grader.grading.plan import RunContext
from grader.grading.ray.worker import packed_evaluation, unpacked
from grader.task.evaluation import prepare_repeats
from grader.task.file_check import read_expected

if TYPE_CHECKING:
    from conftest import Run

    from grader.gradebook.gradebook import Recorded
    from grader.task.spec import Task

REFERENCE_POINTS = 95  # at least


@pytest.fixture(scope="module")
def good(files_task: Task, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What the reference's notebook writes from the data that are handed out."""
    folder = tmp_path_factory.mktemp("good")
    (repeat,) = prepare_repeats(files_task, b"", folder / "data", repeats=1, source="embedded")
    return written_file(files_task.solution.read_bytes(), files_task, repeat.inputs, folder / "run")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: bytes) -> Path:
    """An empty folder to work in, but for a folder of what a class sent."""
    monkeypatch.chdir(tmp_path)
    sent = tmp_path / "sent"
    sent.mkdir()
    lines = good.decode().splitlines()
    (sent / "ada.csv").write_bytes(good)
    (sent / "bob.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]))
    (sent / "cem.csv").write_text("\n".join(lines[:-1]))
    (sent / "dee.csv").write_bytes(good.decode().encode("utf-16"))
    (sent / "eve.csv").write_bytes(good)
    (sent / "notebook.ipynb").write_text("{}")
    return tmp_path


def current(out: Path) -> dict[str, Recorded]:
    with reading(out) as book:
        return {row.result.student: row for row in book.current()}


def test_a_class_of_files_is_graded_kept_and_graded_no_second_time(
    files_task: Task, home: Path, run: Run
) -> None:
    words = ("grade", files_task.folder, "sent", "--out", "results")
    code, shown, noted = run(*words)
    assert code == 0, noted
    rows = current(home / "results")
    assert {name: str(row.result.verdict) for name, row in rows.items()} == {
        "ada": "scored", "bob": "scored", "cem": "invalid_output", "dee": "invalid_file", "eve": "scored",
    }  # fmt: skip
    assert "skipped 1 file that is not a .csv file: notebook.ipynb" in noted
    assert "saved as UTF-16; save it as UTF-8" in shown
    assert rows["cem"].result.points == 0
    assert "the row of id" in rows["cem"].result.message
    points = [rows[name].result.points for name in ("ada", "bob", "eve")]
    assert len(set(points)) == 1
    assert (points[0] or 0) >= REFERENCE_POINTS
    assert "ada" in (rows["eve"].result.identical_to or ""), "equal bytes are read once"
    assert "eve: the same file as ada (sent/ada.csv), read once" in shown
    folder = Path(rows["ada"].result.run_folder)
    assert (folder / "submission.csv").read_bytes() == (home / "sent" / "ada.csv").read_bytes()
    assert (folder / "excerpt.txt").read_text().startswith("id,warm,degrees\n")
    assert rows["ada"].result.message == "Your file was read, and its predictions were scored."
    before = {name: row.id for name, row in rows.items()}
    assert run(*words)[0] == 0
    assert {name: row.id for name, row in current(home / "results").items()} == before


def test_a_graded_file_is_replayed_rescored_and_reported(files_task: Task, home: Path, run: Run) -> None:
    *rows, last = (home / "sent" / "ada.csv").read_text().splitlines()
    (home / "sent" / "fay.csv").write_text("\n".join([*rows, f"{last.rpartition(',')[0]},0.125"]))
    assert run("grade", files_task.folder, "sent", "--out", "results")[0] == 0
    code, shown, _ = run("replay", files_task.folder, "ada", "--out", "results", "--json")
    assert (code, json.loads(shown)["identical"]) == (0, True)
    assert run("regrade", files_task.folder, "--student", "cem", "--out", "results")[0] == 0
    assert run("rescore", files_task.folder, "--out", "results")[0] == 0
    code, shown, noted = run("report", "results", "--task", files_task.folder)
    assert code == 0, noted
    pages = {page.name: page.read_text() for page in (home / "results" / "report" / "feedback").iterdir()}
    ada = next(text for text in pages.values() if "ada.csv" in text)
    for words in ("Your file", "id,warm,degrees", "balanced_accuracy of warm", "mae of degrees"):
        assert words in ada
    assert "Your code" not in ada
    cem = next(text for text in pages.values() if "cem.csv" in text)
    assert "Your file holds something that the task does not allow." in cem
    similar = (home / "results" / "report" / "similar.html").read_text()
    assert "bob" in similar, "the same values in another order of the rows"
    assert "fay" not in similar, "another value, and the same ids as all files"
    assert "Equal files" in similar
    assert "program" not in similar
    assert run("export", "results", "--format", "csv")[0] == 0


def test_a_new_map_needs_no_file_and_changes_the_points(files_task: Task, home: Path, run: Run) -> None:
    own = home / "tasks" / "toy_files"
    shutil.copytree(files_task.folder, own)
    assert run("build", own)[0] == 0
    assert run("grade", own, "sent/ada.csv", "--out", "results")[0] == 0
    text = (own / "task.toml").read_text()
    (own / "task.toml").write_text(text.replace("ceiling = 1\n", "ceiling = 0.01\n"))
    before = current(home / "results")["ada"].result.points
    assert run("rescore", own, "--out", "results")[0] == 0
    after = current(home / "results")["ada"].result.points
    assert (after or 0) < (before or 0)


def test_files_in_the_zip_of_a_platform_are_found(
    files_task: Task, home: Path, run: Run, good: bytes
) -> None:
    with zipfile.ZipFile(home / "submissions.zip", "w") as archive:
        for name in ("adaada_101_5001_predictions.csv", "bobbob_102_5002_predictions-1.csv"):
            archive.writestr(name, good)
    assert run("grade", files_task.folder, "submissions.zip", "--out", "results")[0] == 0
    verdicts = [str(row.result.verdict) for row in current(home / "results").values()]
    assert verdicts == ["scored", "scored"]


def test_a_zip_of_predictions_is_one_submission_and_a_zip_of_zips_is_several(
    files_task: Task, home: Path, run: Run, good: bytes
) -> None:
    own = home / "tasks" / "toy_files"
    shutil.copytree(files_task.folder, own)
    text = (own / "task.toml").read_text()
    head, _, rest = text.partition("[files]")
    columns = rest[rest.index("[[files.columns]]") : rest.index("[[score.parts]]")]
    member = '[files]\nname = "all.zip"\n\n[[files.members]]\nname = "predictions.csv"\n\n'
    parts = rest[rest.index("[[score.parts]]") :]
    (own / "task.toml").write_text(
        head + member + columns.replace("files.columns", "files.members.columns") + parts
    )
    assert run("build", own)[0] == 0
    one, whole = io.BytesIO(), home / "class.zip"
    with zipfile.ZipFile(one, "w") as archive:
        archive.writestr("predictions.csv", good)
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("ada.zip", one.getvalue())
        archive.writestr("bob.zip", one.getvalue())
    (home / "cem.zip").write_bytes(one.getvalue())
    code, _, noted = run("grade", own, whole, "cem.zip", "--out", "results")
    assert code == 0, noted
    assert sorted(current(home / "results")) == ["ada", "bob", "cem"]
    assert {str(row.result.verdict) for row in current(home / "results").values()} == {"scored"}


def test_data_and_answers_belong_together_also_by_a_secret(files_task: Task, home: Path, run: Run) -> None:
    (home / "secret").write_text("8c1f0d6a52b94e7788c1f0d6a52b94e7\n")
    by_secret = ("--secret-file", "secret")
    assert run("prepare", files_task.folder, "--out", "drawn", *by_secret)[0] == 0
    assert run("prepare", files_task.folder, "--out", "plain")[0] == 0
    drawn, plain = (
        written_file(
            files_task.solution.read_bytes(), files_task, home / name / "public", home / f"run-{name}"
        )
        for name in ("drawn", "plain")
    )
    (home / "drawn.csv").write_bytes(drawn)
    (home / "plain.csv").write_bytes(plain)
    assert run("grade", files_task.folder, "drawn.csv", "plain.csv", "--out", "by_secret", *by_secret)[0] == 0
    assert run("grade", files_task.folder, "drawn.csv", "plain.csv", "--out", "without")[0] == 0
    scored = {name: current(home / name) for name in ("by_secret", "without")}
    better, worse = scored["by_secret"]["drawn"].result, scored["without"]["drawn"].result
    assert (better.points or 0) >= REFERENCE_POINTS > (worse.points or 0)
    assert (scored["without"]["plain"].result.points or 0) >= REFERENCE_POINTS


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("grade", "TASK", "sent", "--out", "r", "--repeats", "3"),
            "has one evaluation; call it without --repeats",
        ),
        (
            ("gradescope", "TASK", "--out", "a.zip", "--repeats", "2"),
            "has one evaluation; call it without --repeats",
        ),
        (("check", "sent/notebook.ipynb", "--task", "TASK"), "is not what toy_files asks for"),
        (("check", "sent/ada.csv", "--task", "TASK", "--watch"), "--watch is for notebooks"),
        (("grade", "TASK", "empty", "--out", "r"), "empty contains no .csv files"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_does_not_go_with_files_is_one_line(
    files_task: Task, home: Path, run: Run, words: tuple[str, ...], sentence: str
) -> None:
    (home / "empty").mkdir()
    code, _, noted = run(*(files_task.folder if word == "TASK" else word for word in words))
    assert code == 2
    assert sentence in " ".join(noted.split())


def test_the_zip_for_gradescope_has_the_secret_of_the_pack_or_none(
    files_task: Task, home: Path, run: Run
) -> None:
    (home / "mine").write_text("8c1f0d6a52b94e7788c1f0d6a52b94e7\n")
    for words, secret in (((), b""), (("--secret-file", "mine"), (home / "mine").read_bytes().strip())):
        code, shown, noted = run("gradescope", files_task.folder, "--out", "a.zip", *words)
        assert code == 0, noted
        assert ("it holds the answers" in shown) == (not words)
        with zipfile.ZipFile(home / "a.zip") as archive:
            assert archive.read("secret").strip() == secret


def test_a_student_checks_a_file_with_the_pack_alone(
    files_task: Task, home: Path, run: Run, good: bytes
) -> None:
    code, shown, noted = run("pack", files_task.folder, "--out", "packed")
    assert code == 0, shown + noted
    with zipfile.ZipFile(home / "packed" / "toy_files.zip") as archive:
        archive.extractall(home / "student")
        assert not any("answers" in name or "solution" in name for name in archive.namelist())
    student = home / "student" / "toy_files"
    (student / "predictions.csv").write_bytes(good)
    code, shown, noted = run("check", student / "predictions.csv")
    assert code == 0, noted
    assert "points on the public data" in shown
    assert "measured on the 40 rows of 120 with public answers" in shown
    code, shown, _ = run("check", student / "predictions.csv", "--quick", "--json")
    assert (code, json.loads(shown)["verdict"]) == (0, None)
    (student / "predictions.csv").write_bytes(good.replace(b"warm", b"Warm"))
    code, shown, _ = run("check", student / "predictions.csv")
    assert (code, "rename 'Warm' to 'warm'" in shown) == (1, True)
    readme = (student / "README.md").read_text()
    assert "grader check predictions.csv" in readme
    assert "hand in `predictions.csv`" in readme


def test_the_authors_notebooks_are_graded_by_the_files_that_they_write(
    files_task: Task, home: Path, run: Run
) -> None:
    words = ("bands", files_task.folder, "--seeds", "2", "--out", "runs", "--record", "bands.json")
    code, _, noted = run(*words)
    assert code == 0, noted
    measured = json.loads((home / "bands.json").read_text())["strategies"]
    assert measured["reference"]["points"] >= REFERENCE_POINTS > measured["unscaled"]["points"]
    assert measured["starter"]["points"] < measured["unscaled"]["points"]
    assert len(measured["reference"]["value"]["per_seed"]) == 2
    code, _, noted = run(*words, "--speed")
    assert (code, "nothing of it runs, so there are no seconds to measure" in noted) == (2, True)
    written = {path: path.stat().st_mtime_ns for path in (home / "runs").rglob("predictions.csv")}
    assert run(*words)[0] == 0, "what was written is graded again"
    assert {path: path.stat().st_mtime_ns for path in (home / "runs").rglob("predictions.csv")} == written


def test_lint_finds_rows_and_answers_that_do_not_fit(files_task: Task, home: Path, run: Run) -> None:
    own = home / "tasks" / "toy_files"
    shutil.copytree(files_task.folder, own)
    assert run("build", own)[0] == 0
    code, shown, _ = run("lint", own, "--quick")
    assert code == 0, shown
    data = (own / "data.py").read_text()
    spoilt = data.replace('split["id"].tolist()', 'split["id"][1:].tolist()')
    assert spoilt != data
    (own / "data.py").write_text(spoilt.replace('{"degrees"} if', "set() if"))
    assert run("build", own)[0] == 0
    code, shown, _ = run("lint", own, "--quick")
    assert code == 1
    assert "WRONG rows" in shown
    assert "ids.json 79 scored ids" in shown
    assert "holds the answers 'degrees'" in shown


def test_the_values_of_a_file_are_what_is_scored(files_task: Task, home: Path, run: Run) -> None:
    assert run("grade", files_task.folder, "sent/bob.csv", "--out", "results")[0] == 0
    folder = Path(current(home / "results")["bob"].result.run_folder)
    with np.load(folder / "repeat-0" / "predictions.npz", allow_pickle=False) as predictions:
        assert sorted(predictions.files) == ["degrees", "warm"]
        assert len(predictions["warm"]) == 80


def test_the_rows_that_a_file_must_have_travel_to_a_node_with_the_answers(
    files_task: Task, tmp_path: Path
) -> None:
    repeats = prepare_repeats(files_task, b"", tmp_path / "here", repeats=1, source="embedded")
    context = RunContext(files_task, {}, repeats, RunSettings(), "key")
    there = unpacked(context, packed_evaluation(context), tmp_path / "there")
    assert read_expected(there.repeats[0].answers) == read_expected(repeats[0].answers)
