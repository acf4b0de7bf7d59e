"""Face a task of files with its hostile files: each ends with the verdict that it must, and says nothing that nobody may read."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from grader.errors import Verdict
from grader.grading.batch import Job, run_batch
from grader.grading.engine import LocalEngine
from grader.grading.file_answers import written_file
from grader.redteam.arena import AttackOutcome
from grader.redteam.hostile_files import HostileFile, hostile_files
from grader.submissions.collect import Submission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.plan import Watcher
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

_LONGEST = 500  # characters of a sentence
_SECONDS = 60.0
HONEST = "honest file"


def attacks_on(task: Task, repeat: Repeat, folder: Path) -> list[HostileFile]:
    """Return the file that the reference writes, and all hostile ones, which are made of it; it is written in the new `folder`."""
    good = written_file(task.solution.read_bytes(), task, repeat.inputs, folder)
    honest = HostileFile(HONEST, good, Verdict.SCORED)
    return [honest, *(hostile_files(good, task.spec.files) if task.spec.files else [])]


def face_files(
    task: Task,
    repeat: Repeat,
    attacks: Sequence[HostileFile],
    settings: RunSettings,
    *,
    out: Path,
    watcher: Watcher,
) -> list[AttackOutcome]:
    """Grade each attack, the honest file first, and return what came of it. Raises UsageError where nothing can be graded."""
    submissions = [
        Submission(f"{attack.attack}", f"attack-{number}", attack.data)
        for number, attack in enumerate(attacks)
    ]
    with closing(LocalEngine()) as engine:
        job = Job(task, submissions, [repeat], settings, out, 1, command="redteam", again=True, engine=engine)
        results = run_batch(job, watcher)
    honest = results[0]
    return [
        AttackOutcome(
            attack=attack.attack,
            expected=str(attack.expected),
            verdict=str(result.verdict),
            merit=result.metrics.metric.merit(result.metrics.value) if result.metrics else None,
            seconds=result.seconds.total,
            problems=_problems(attack, result, honest, out),
            run_folder=result.run_folder,
        )
        for attack, result in zip(attacks, results, strict=True)
    ]


def _problems(attack: HostileFile, result: Result, honest: Result, out: Path) -> list[str]:
    problems = []
    if result.verdict is not attack.expected:
        problems.append(f"ended as {result.verdict}, not {attack.expected}: {result.message}")
    allowed = honest.points if result.verdict is Verdict.SCORED else 0
    if result.points != allowed:
        problems.append(f"got {result.points} points, not {allowed}")
    if len(result.message) > _LONGEST or not result.message.isprintable():
        problems.append("its sentence is too long, or holds what a terminal obeys")
    if str(out.resolve()) in result.message:
        problems.append("its sentence names a folder of ours")
    if result.seconds.total > _SECONDS:
        problems.append(f"took {result.seconds.total:.0f} s")
    return problems
