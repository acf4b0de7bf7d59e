"""Check a task of files: the rows that a file must have, the public folder, and the files that the author's notebooks write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from grader.errors import GraderFault, UsageError
from grader.findings import Finding, found
from grader.grading.batch import Job, run_batch
from grader.grading.file_answers import written_file
from grader.lint.task import runs
from grader.lint.task.clean_room import starter_finding, visit_clean_room
from grader.lint.task.leaks import answers_in, differences_of_zip, hidden_names, same_files
from grader.lint.task.scorers import check_notebook_points, check_scorer
from grader.submissions.collect import Submission
from grader.task.data import prepare
from grader.task.evaluation import HANDED_OUT, prepare_rehearsal, resolve_source
from grader.task.file_check import read_expected
from grader.task.files_table import IDS_FILE
from grader.task.spec import FINAL_SIZE

if TYPE_CHECKING:
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.plan import Watcher
    from grader.lint.task.data_sets import TaskData
    from grader.lint.task.notebooks import Subject
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

_HIDDEN_NAME = re.compile(r"answers?|solutions?|secrets?|hidden|ids\.json")


def check_file_pack(data: TaskData) -> Finding:
    """Check that neither the public folder nor its zip holds the answers."""
    wrong = [*differences_of_zip(data), *hidden_names(data.public, _HIDDEN_NAME)]
    hidden = data.hidden[0]
    wrong += same_files(hidden.answer_files, data.public)
    wrong += answers_in(data.public, data.public_columns, hidden, "public")
    return found("student pack", wrong, "the public folder and its zip hold no answers")


def check_rows(task: Task, data: TaskData, folder: Path) -> Finding:
    """Check that ids.json fits the answers, that all rows are asked for in public, and that a rehearsal knows its answers."""
    wrong = []
    try:
        rehearsal = prepare_rehearsal(task, data.public, folder, repeats=1)[0]
        for where, answers in (("answers", data.repeats[0].answers), ("rehearse", rehearsal.answers)):
            wrong += [
                f"{where}: {sentence}" for sentence in _of_rows(task, answers, is_secret=where == "answers")
            ]
        drawn = {
            name: set(rows.all)
            for name, rows in read_expected(data.prepared / "answers" / "answers.npz").items()
        }
        if drawn != {name: set(rows.all) for name, rows in read_expected(rehearsal.answers).items()}:
            wrong.append(f"rehearse and make_data ask for different rows in {IDS_FILE}")
    except (GraderFault, UsageError, ValueError, OSError) as error:
        wrong.append(str(error))
    return found("rows", wrong, f"{IDS_FILE} fits the answers, and a rehearsal asks for the same rows")


def _of_rows(task: Task, answers: Path, *, is_secret: bool) -> list[str]:
    files, wrong = task.spec.files, []
    expected = read_expected(answers)
    if files is None or expected.keys() != {table.name for table in files.tables}:
        return [f"{IDS_FILE} names {sorted(expected)}, not the files of task.toml"]
    if is_secret and not all(rows.scored for rows in expected.values()):
        wrong.append(f"{IDS_FILE} has no scored rows")
    with np.load(answers, allow_pickle=False) as opened:
        truth = dict(opened)
    counts = [
        (column.name, len(expected[table.name].scored)) for table in files.tables for column in table.columns
    ]
    wrong += [
        f"answers.npz has {len(truth[name])} rows of {name}, {IDS_FILE} {count} scored ids"
        for name, count in counts
        if name in truth and len(truth[name]) != count
    ]
    return wrong


def check_final_rows(task: Task, data: TaskData, folder: Path) -> Finding:
    """Check that the size `final` draws the same data as the usual one, and scores other ones of the same rows."""
    size, wrong = task.size(FINAL_SIZE), []
    source = resolve_source(size.source, task.folder)
    prepare(task, folder, seed=HANDED_OUT, source=source, size=FINAL_SIZE)
    if _content(folder / "public") != _content(data.public):
        wrong.append("make_data draws other data for it, so nobody's file has its rows")
    usual, final = (
        read_expected(prepared / "answers" / "answers.npz") for prepared in (data.prepared, folder)
    )
    for name, rows in usual.items():
        if set(rows.all) != set(final[name].all):
            wrong.append(f"it asks for other rows in {name}: those that do not count belong to unscored")
        if both := set(rows.scored) & set(final[name].scored):
            wrong.append(f"{len(both)} rows of {name} count before the final round, too")
    return found("final rows", wrong, "the final round scores rows that nothing before it scored")


def _content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def check_notebook_runs(task: Task, data: TaskData, folder: Path) -> Finding:
    """Check that the untouched starter, with the public data beside it, runs offline, prints points and writes the file."""
    files = task.spec.files
    visit = visit_clean_room(
        task.starter.read_bytes(),
        folder,
        wall_seconds=2 * task.spec.limits.wall_seconds,
        beside=(data.public, _data_path(task)),
    )
    finding = starter_finding(visit)
    if finding.ok and files and not (folder / "room" / files.name).is_file():
        return found("student mode", [f"it runs but writes no {files.name}"], "")
    return finding


def _data_path(task: Task) -> str:
    match = re.search(
        r"^DATA_PATH = [\"'](.+?)[\"']", (task.folder / "notebook.py").read_text("utf-8"), re.MULTILINE
    )
    return match[1] if match else f"data/{task.id}"


def check_files(
    subject: Subject, data: TaskData, folder: Path, settings: RunSettings, watcher: Watcher
) -> list[Finding]:
    """Check the files that starter and solution write from the data of one seed: their points, and the scorer."""
    task, repeat = subject.task, data.repeats[0]
    try:
        results = _graded_faces(task, repeat, folder, settings, watcher)
    except UsageError as error:
        return [found("author's files", [str(error)], "")]
    given, answers = runs.predictions_of(results["solution"]), [repeat.answers]
    return [
        runs.near_floor(results["starter"], task.spec.score),
        runs.near_ceiling(results["solution"], task.spec.score),
        runs.check_shuffled(given, answers, task),
        check_notebook_points(subject, given, answers),
        *([check_scorer(task, given[0], answers[0])] if given else []),
    ]


def _graded_faces(
    task: Task, repeat: Repeat, folder: Path, settings: RunSettings, watcher: Watcher
) -> dict[str, Result]:
    faces = {"starter": task.starter, "solution": task.solution}
    made = {
        name: written_file(path.read_bytes(), task, repeat.inputs, folder / "written" / name)
        for name, path in faces.items()
    }
    submissions = [Submission(name, name, content) for name, content in made.items()]
    (folder / "results").mkdir(parents=True)
    job = Job(task, submissions, [repeat], settings, folder / "results", 1)
    return {result.student: result for result in run_batch(job, watcher)}
