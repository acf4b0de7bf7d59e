"""The final round of a task of files: nothing runs, what counts is measured once more, and rows are drawn in place of seeds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import TOY_FILES

from grader.gradebook.gradebook import reading
from grader.grading.file_answers import handed_in_by
from grader.lint.task.data_sets import build_task_data
from grader.lint.task.files import check_final_rows
from grader.task.build import write
from grader.task.spec import read_task

if TYPE_CHECKING:
    from conftest import Run

SECRET = "8c1f0d6a52b94e7788c1f0d6a52b94e7\n"
HALVES = """
    if answers is not None:
        split = splits["questions"]
        half = COUNTS["questions"] // 2
        mine, others = (slice(half, None), slice(half)) if size == "final" else (slice(half), slice(half, None))
        unscored = np.concatenate([splits["val"]["id"], split["id"][others]])
        save_answers(answers, {key: array[mine] for key, array in split.items()}, unscored)
"""


def written(text: str, noise: float, number: int) -> str:
    """Return a file of predictions with noise in its degrees, and the kinds that follow from them."""
    rng, (head, *rows) = np.random.default_rng(number), text.splitlines()
    lines = [head]
    for row in rows:
        name, _, degrees = row.split(",")
        value = float(np.clip(float(degrees) + rng.normal(0, noise), -50, 50))
        lines.append(f"{name},{int(value > 0)},{value}")
    return "\n".join(lines)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a task, and of what a class sent."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    shutil.copytree(TOY_FILES, tmp_path / "tasks" / "toy_files")
    task = read_task(tmp_path / "tasks" / "toy_files")
    write(task)
    good = handed_in_by(task, task.solution).decode()
    (tmp_path / "sent").mkdir()
    for number, (student, noise) in enumerate({"ada": 0.0, "ben": 4.0, "cy": 4.1, "dee": 30.0}.items()):
        (tmp_path / "sent" / f"{student}.csv").write_text(written(good, noise, number))
    (tmp_path / "sent" / "eve.csv").write_text("id,warm,degrees\n")
    return tmp_path


def final(run: Run, *words: str) -> dict[str, dict[str, Any]]:
    code, shown, errors = run("final", "results", "--task-folder", "tasks/toy_files", "--json", *words)
    assert code == 0, errors
    return {place["student"]: place for place in json.loads(shown)["places"]}


def test_what_counts_is_ranked_with_the_doubt_that_the_rows_leave(home: Path, run: Run) -> None:
    assert run("grade", "tasks/toy_files", "sent", "--out", "results")[0] == 0
    places = final(run)
    assert [place["rank"] for place in places.values()] == [1, 2, 3, 4, 5]
    assert (places["ada"]["best"], places["ada"]["worst"]) == (1, 1)
    near = places["ben"], places["cy"]
    assert {(place["best"], place["worst"]) for place in near} == {(2, 3)}
    assert 0 < max(place["swap"] for place in near if place["rank"] == 2) <= 0.5
    assert (places["eve"]["points"], places["eve"]["best"], places["eve"]["worst"]) == (0, 5, 5)
    with reading(home / "results") as book:
        before = {row["student"]: row["points"] for row in book.leaderboard()}
    assert {student: place["points"] for student, place in places.items()} == before
    assert final(run) == places, "the same draws each time"
    code, shown, _ = run("final", "results", "--task-folder", "tasks/toy_files")
    assert code == 0
    assert "seeds" not in shown
    assert "95 % of the draws of the rows, with replacement" in " ".join(shown.split())


def test_rows_that_only_the_final_round_counts_decide_it(home: Path, run: Run) -> None:
    folder = home / "tasks" / "toy_files"
    source, spec = folder / "data.py", folder / "task.toml"
    head, _, tail = source.read_text().partition("    if answers is not None:\n")
    source.write_text(head + HALVES.lstrip("\n") + tail.partition("\n")[2])
    spec.write_text(spec.read_text() + '\n[sizes.final]\nsource = "embedded"\nwall_seconds = 60\n')
    assert run("build", folder)[0] == 0
    task = read_task(folder)
    assert check_final_rows(task, build_task_data(task, home / "checked", seeds=1), home / "final").ok
    (head, *rows) = (home / "sent" / "ada.csv").read_text().splitlines()
    ids = json.loads(Path(_ids(home, run)).read_text())["predictions.csv"]["scored"]
    public = {str(number) for number in ids}
    wrong = [row if row.split(",")[0] in public else f"{row.split(',')[0]},0,-50" for row in rows]
    (home / "sent" / "fay.csv").write_text("\n".join([head, *wrong]))
    assert run("grade", "tasks/toy_files", "sent", "--out", "results")[0] == 0
    with reading(home / "results") as book:
        live = {row["student"]: row["points"] for row in book.leaderboard()}
    places = final(run)
    assert live["fay"] == live["ada"] > 90
    assert places["ada"]["points"] > 90
    assert places["fay"]["points"] < places["ben"]["points"], "only the rows of the live board were right"


def test_a_final_size_that_scores_the_rows_of_the_live_board_is_found(home: Path) -> None:
    spec = home / "tasks" / "toy_files" / "task.toml"
    spec.write_text(spec.read_text() + '\n[sizes.final]\nsource = "embedded"\nwall_seconds = 60\n')
    task = read_task(spec.parent)
    data = build_task_data(task, home / "checked", seeds=1)
    finding = check_final_rows(task, data, home / "final")
    assert (finding.ok, finding.detail) == (
        False,
        "80 rows of predictions.csv count before the final round, too",
    )


def _ids(home: Path, run: Run) -> str:
    """Return the file with the rows that count before the final round."""
    assert run("grade", "tasks/toy_files", "sent/ada.csv", "--out", "probe")[0] == 0
    (path,) = (home / "probe" / "evaluation").glob("*/repeat-0/answers/ids.json")
    return str(path)


def test_a_final_round_of_files_that_cannot_be_meant_is_one_line(home: Path, run: Run) -> None:
    (home / "secret").write_text(SECRET)
    assert run("grade", "tasks/toy_files", "sent", "--out", "results", "--secret-file", "secret")[0] == 0
    words = ("final", "results", "--task-folder", "tasks/toy_files")
    assert "has one evaluation" in run(*words, "--repeats", "3")[2]
    assert final(run)["ada"]["points"] == 0, "the data were drawn by a secret, and the files belong to others"
    (home / "other").write_text(SECRET[::-1].strip())
    code, _, errors = run(*words, "--secret-file", "other")
    assert (code, "not those that results was graded with" in " ".join(errors.split())) == (2, True)
