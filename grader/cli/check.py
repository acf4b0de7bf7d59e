"""The command for students, check: problems found at once, then a rehearsal on the public data, again on each save."""

from __future__ import annotations

import platform
import tempfile
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from grader.cli import output, progress
from grader.cli.check_file import check_predictions
from grader.cli.diagnostics import show_check, show_diagnostics
from grader.cli.errors import INTERRUPTED
from grader.cli.grade import exit_for
from grader.cli.settings import check_device, local_engine, made, program_cards
from grader.cli.watch import NotebookWatch, Saving
from grader.errors import StudentFault, UsageError, Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading import rehearsal
from grader.grading.batch import Job, run_batch
from grader.lint.notebook import diagnose, newer_python
from grader.notebooks.reading import read_notebook
from grader.notebooks.slot import find_slot
from grader.notebooks.versions import series
from grader.report.advice import outlook
from grader.sandbox.alone import can_fork
from grader.sandbox.proof import walls_for
from grader.task.spec import load_task, task_folders
from grader.task.starter import load_starter
from grader.task.strategies import is_slot_file, notebook_of_slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.cli.commands import CheckOptions
    from grader.gradebook.result import Result
    from grader.lint.notebook import Diagnostic
    from grader.notebooks.reading import Json
    from grader.task.spec import Task


_OF_NOTEBOOKS = {".ipynb", ".py"}


@dataclass(frozen=True)
class CheckTarget:
    """What is to be checked, and how: the options, and what follows from them."""

    options: CheckOptions
    task: Task
    starter: Json

    @property
    def wall_seconds(self) -> float:
        """Return the time limit of a repeat."""
        return self.options.time_limit or self.task.spec.limits.wall_seconds

    @property
    def notebook(self) -> Path:
        """Return the path of the student's notebook."""
        return self.options.notebook

    def as_notebook(self, data: bytes) -> bytes:
        """Return what the student's file holds as a notebook: a file with the slot alone is put into the starter."""
        if not is_slot_file(self.notebook):
            return data
        return notebook_of_slot(self.notebook, self.starter, data)


def check(options: CheckOptions) -> None:
    """Show the problems of a notebook, then rehearse the grading on the public data, unless an error makes that useless.

    The exit code is 1 where there is an error, else 0 whatever the verdict and the warnings.
    """
    if options.watch and options.as_json:
        raise UsageError("--watch never ends, and --json is one answer: choose one of them")
    task = _task_of(options)
    if task.spec.files is not None:
        check_predictions(options, task, task.spec.files)
        return
    target = CheckTarget(options, task, load_starter(task))
    try:
        _watch(target) if options.watch else _once(target)
    except KeyboardInterrupt:
        output.complain("stopped")
        raise typer.Exit(INTERRUPTED) from None


def _task_of(options: CheckOptions) -> Task:
    """Return the notebook's task; one that lies beside the notebook, as organisers hand it out, comes first."""
    homes = [options.notebook.resolve().parent / "tasks", *task_folders()]
    if options.task_name is None and options.notebook.suffix.lower() not in _OF_NOTEBOOKS:
        task = next(filter(None, (rehearsal.task_of_file(options.notebook, home) for home in homes)), None)
        if task is not None:
            return task
    return load_task(options.task_name or rehearsal.task_of(options.notebook), *homes)


def _once(target: CheckTarget) -> None:
    content = _content(target)
    diagnostics = _diagnose(content, target)
    failing = _has_error(diagnostics)
    if target.options.quick or failing:
        if target.options.as_json:
            output.print_json({"submission": str(target.notebook), "diagnostics": _plain(diagnostics)})
        if failing:
            raise typer.Exit(1)
        return
    with _rehearsal(target) as rehearse:
        result = rehearse(content)
    _answer(result, diagnostics, target)
    exit_for([result])


def _watch(target: CheckTarget) -> None:
    """Check the notebook again each time that it is saved with other cells, until Ctrl-C.

    A save ends the rehearsal of what was saved before; where the slot is the same, its points are, too.
    """
    _content(target)  # a missing file is a mistake
    watch = NotebookWatch(target.notebook)
    content = target.as_notebook(watch.wait())
    rehearsed: tuple[str, Result] | None = None
    with ExitStack() as stack:
        rehearse: Callable[[bytes], Result] | None = None
        while True:
            diagnostics, slot = _diagnose(content, target), _slot(content, target)
            later: bytes | None = None
            if rehearsed and slot == rehearsed[0]:
                output.say(f"your solution has not changed: {rehearsed[1].points} points")
            elif not target.options.quick and not _has_error(diagnostics):
                rehearse = rehearse or stack.enter_context(_rehearsal(target, kept=1))
                result, later = _unless_saved(partial(rehearse, content), watch)
                rehearsed = None
                if result is not None:
                    _answer(result, diagnostics, target)
                    ours = result.verdict is Verdict.GRADER_ERROR
                    rehearsed = None if ours or slot is None else (slot, result)
            if later is None:
                output.say(f"waiting for {target.notebook} to be saved; Ctrl-C stops")
            content = target.as_notebook(watch.wait() if later is None else later)
            output.say("")


def _unless_saved(run: Callable[[], Result], watch: NotebookWatch) -> tuple[Result | None, bytes | None]:
    """Return the result of a run, None if a save ended it, and what was saved meanwhile."""
    saving, result = Saving(watch), None
    try:
        with saving:
            result = run()
    except KeyboardInterrupt:
        if saving.data is None:  # it was Ctrl-C
            raise
    return result, saving.data


@contextmanager
def _rehearsal(target: CheckTarget, *, kept: int = 0) -> Iterator[Callable[[bytes], Result]]:
    """Yield a function that rehearses the grading of a notebook; what all its runs share is prepared once.

    `kept` sandboxes are started ahead for the next run.
    """
    options, walls = target.options, walls_for(target.task.spec.limits)
    if target.task.spec.stages and not can_fork():
        raise UsageError(
            f"{target.task.id} has stages, which run on Linux only; --quick finds what can be read off"
        )
    if walls is None:
        needs = target.task.spec.limits.need_namespaces
        reason = f"{needs} of the task needs namespaces" if needs else "no sandbox on this machine"
        output.warn(f"{reason}: your function runs in a plain process for this rehearsal")
    settings = RunSettings(
        options.device,
        target.wall_seconds,
        "plain" if walls is None else options.walls,
        options.repeats,
        cold=options.cold,
    )
    check_device(settings)
    programs = program_cards([target.task], allow_gpu=options.allow_gpu)
    with (
        tempfile.TemporaryDirectory(prefix="grader-check-") as scratch,
        closing(local_engine(programs=programs, kept=kept)) as engine,
    ):
        rounds = rehearsal.rounds(
            target.task, target.notebook, options.data, Path(scratch), repeats=options.repeats
        )

        def run(content: bytes) -> Result:
            # The data are the same each time, and so would be the result: a rehearsal is run all the same.
            job = Job(
                target.task,
                [rehearsal.submission_of(target.notebook, content)],
                rounds,
                settings,
                made(options.out),
                1,
                command="check",
                again=True,
                engine=engine,
            )
            with progress.bar(len(rounds), quiet=options.as_json) as watcher:
                (result,) = run_batch(job, watcher)
            return result

        yield run


def _content(target: CheckTarget) -> bytes:
    return target.as_notebook(rehearsal.submission_of(target.notebook).data or b"")


def _diagnose(content: bytes, target: CheckTarget) -> list[Diagnostic]:
    """Return the problems that can be found at once, shown already unless a program reads."""
    handout, here = target.task.handout, platform.python_version()
    newer = newer_python(content, target.starter, handout.python if handout else here)
    diagnostics = [*newer, *diagnose(content, target.starter, target.task.spec.limits.granted)]
    if not target.options.as_json:
        show_diagnostics(target.notebook, diagnostics)
        if handout:
            output.say(f"it is graded in Python {series(handout.python)}; this is Python {series(here)}")
        if _has_error(diagnostics) and not target.options.quick:
            output.say("not run: it would fail; mend the error first")
    return diagnostics


def _has_error(diagnostics: list[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)


def _slot(content: bytes, target: CheckTarget) -> str | None:
    try:
        return find_slot(read_notebook(content), target.starter)
    except StudentFault:
        return None


def _answer(result: Result, diagnostics: list[Diagnostic], target: CheckTarget) -> None:
    spec = target.task.spec
    advice = outlook(result, spec.score, target.wall_seconds, spec.limits.memory_mb)
    if target.options.as_json:
        output.print_json(result.as_json() | {"diagnostics": _plain(diagnostics), "outlook": advice})
    else:
        show_check(result, advice, _of_author(target.task) if result.verdict is Verdict.GRADER_ERROR else "")


def _of_author(task: Task) -> str:
    """Return what to do about a failure of the task, for whoever has the author's folder of it; else nothing."""
    if task.handout or task.is_installed:
        return ""
    return f"This is your own task: what failed is in {task.folder / 'notebook.py'}, its data or its limits, or in the grader."


def _plain(diagnostics: list[Diagnostic]) -> list[dict[str, Any]]:
    return [asdict(diagnostic) for diagnostic in diagnostics]
