"""Find the mistakes that authors of tasks make: in the text of a task, in its data, and in its runs.

A check says whether one thing is as it should be, and if not, what is wrong and where. Nothing is repaired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.findings import Finding
from grader.gradebook.run_settings import RunSettings
from grader.lint.task import runs
from grader.lint.task.bands import check_bands
from grader.lint.task.clean_room import check_starter_runs
from grader.lint.task.crossing import check_crossing
from grader.lint.task.data_sets import build_task_data
from grader.lint.task.entries import check_entries
from grader.lint.task.episodes import check_episodes, play_again
from grader.lint.task.files import (
    check_file_pack,
    check_files,
    check_final_rows,
    check_notebook_runs,
    check_rows,
)
from grader.lint.task.final_mode import check_names
from grader.lint.task.in_step import check_in_step, check_only_slot_differs
from grader.lint.task.leaks import check_inputs, check_pack, check_zip
from grader.lint.task.leftovers import check_leftovers
from grader.lint.task.limits import check_limits
from grader.lint.task.mounts import check_mounts
from grader.lint.task.notebooks import Subject, read_subject
from grader.lint.task.parameters import check_flag
from grader.lint.task.score_map import check_score_map
from grader.lint.task.seeds import check_first_call, check_seeds
from grader.lint.task.side_channels import check_traces
from grader.lint.task.translations import check_translations
from grader.sandbox.proof import walls_for
from grader.task.spec import FINAL_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.grading.plan import Watcher
    from grader.lint.task.data_sets import TaskData
    from grader.task.spec import Task

__all__ = [
    "ALLOWED",
    "Finding",
    "Subject",
    "build_task_data",
    "lint",
    "lint_data",
    "lint_runs",
    "lint_text",
    "read_subject",
]

ALLOWED = "allowed by task.toml"  # before the author's reason
TEXT_CHECKS = (
    check_in_step, check_only_slot_differs, check_entries, check_flag, check_names, check_score_map, check_bands,
    check_leftovers, check_seeds, check_limits, check_translations,
)  # fmt: skip
DATA_CHECKS = (check_pack, check_inputs, check_zip, check_traces)
# Of a task of files: there is no slot that is called, and no limit on what it uses.
FILE_TEXT_CHECKS = (
    check_in_step, check_only_slot_differs, check_score_map, check_bands, check_leftovers, check_translations,
)  # fmt: skip
FILE_DATA_CHECKS = (check_file_pack, check_inputs, check_zip, check_traces)


def lint(task: Task, folder: Path, *, quick: bool, seeds: int, watcher: Watcher) -> list[Finding]:
    """Return all findings; data and runs are kept in `folder`. `quick` skips everything that trains.

    Raises UsageError where the notebooks are missing, or the data cannot be built.
    """
    subject = read_subject(task)
    findings = lint_text(subject)
    data = build_task_data(task, folder / "data", seeds=seeds)
    findings += lint_data(subject, data)
    if task.spec.limits.gpu and not quick:
        detail = "not looked at, because programs need a GPU for them: use grader check and grader bands with --allow-gpu"
        return [*findings, Finding("runs", ok=True, detail=detail)]
    return findings if quick else findings + lint_runs(subject, data, folder, watcher)


def lint_text(subject: Subject) -> list[Finding]:
    """Return the findings in the text of a task: notebooks and task.toml."""
    checks = TEXT_CHECKS if subject.task.spec.runs_code else FILE_TEXT_CHECKS
    return allowed([check(subject) for check in checks], subject.task)


def lint_data(subject: Subject, data: TaskData) -> list[Finding]:
    """Return the findings in the data."""
    findings = [runs.check_answers([repeat.answers for repeat in data.repeats], subject.task)]
    checks = DATA_CHECKS
    if not subject.task.spec.runs_code:
        checks = FILE_DATA_CHECKS
        findings.append(check_rows(subject.task, data, data.prepared.parent / "rehearsal"))
        if FINAL_SIZE in subject.task.spec.sizes:
            findings.append(check_final_rows(subject.task, data, data.prepared.parent / "final"))
    if mounts := subject.task.mounts:
        findings.append(check_mounts(mounts, data))
    return allowed([*(check(data) for check in checks), *findings], subject.task)


def allowed(findings: Sequence[Finding], task: Task) -> list[Finding]:
    """Return the findings, of which those that task.toml allows are as they should be, with the reason and what was seen."""
    return [
        Finding(finding.name, ok=True, detail=f"{ALLOWED}: {task.spec.lint.reason} ({finding.detail})")
        if not finding.ok and finding.name in task.spec.lint.allow
        else finding
        for finding in findings
    ]


def lint_runs(subject: Subject, data: TaskData, folder: Path, watcher: Watcher) -> list[Finding]:
    """Return the findings of runs: the starter as students run it, starter and solution as the grader does."""
    task = subject.task
    if not task.spec.runs_code:
        settings = RunSettings(wall_seconds=task.spec.limits.wall_seconds, repeats=1)
        findings = [check_notebook_runs(task, data, folder / "student")]
        return allowed([*findings, *check_files(subject, data, folder / "files", settings, watcher)], task)
    findings = [check_starter_runs(task, folder / "student")]
    confined = walls_for(task.spec.limits) is not None
    settings = RunSettings("auto", task.spec.limits.wall_seconds, "any" if confined else "plain")
    results = runs.run_faces(task, data.repeats, folder / "results", settings, watcher)
    findings.append(runs.check_final_mode(subject, results, data.repeats[0], folder / "final"))
    findings.append(check_first_call(subject, data.repeats[0]))
    findings.append(check_crossing(subject, results, data.repeats[0]))
    if task.spec.kind == "interactive":
        first = data.repeats[0]
        played = play_again(subject, first, folder=folder / "players", settings=settings, watcher=watcher)
        findings += check_episodes(task.spec, {**results, **played}, first)
    return allowed([*findings, *runs.check_runs(subject, results, data.repeats)], task)
