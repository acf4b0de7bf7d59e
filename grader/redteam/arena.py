"""Attack a task: hand in hostile submissions one at a time, and look each time what came of it beside a verdict.

Every attack is graded on the same engine, as a submission of a batch is. The machine is looked at before and after it.
After a few attacks the task's reference solution is graded, and must get exactly the accuracy that it got before any.

A notebook that is damaged around an honest slot is rebuilt into the very notebook of the honest submission. Three of
these train; of the others it is enough that they are rebuilt into that, for what is run is then the same, byte by byte.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import StudentFault, UsageError, Verdict
from grader.gradebook.gradebook import FILE_NAME, SubmissionRecord, writing
from grader.gradebook.run_folder import RunFolder
from grader.grading.cache import context_key
from grader.grading.engine import LocalEngine
from grader.grading.grade import RunningBatch, grade
from grader.grading.parsed import parse
from grader.grading.plan import RunContext, Watcher
from grader.notebooks.changes import changed_cells
from grader.notebooks.reading import read_notebook
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot
from grader.redteam.canary import Bait, lay_bait
from grader.redteam.corpus import AS_HONEST, handed_in
from grader.redteam.host_snapshot import (
    HostMonitor,
    adopting_orphans,
    changed_libraries,
    descendants,
    end_new,
    libraries,
)
from grader.redteam.verify import Honest, executed, judge, kinds_of_output, top_of_band
from grader.redteam.window import culprits
from grader.sandbox.proof import walls_for
from grader.sandbox.users import spare_users
from grader.submissions.collect import Submission
from grader.task.secret import secret_for
from grader.task.spec import tasks_folder
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from grader.gradebook.result import Metrics, Result
    from grader.gradebook.run_settings import RunSettings
    from grader.redteam.corpus import Attack
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

SEEDS = 3  # of the baseline, for its band; attacks run under the first
TRAINED_TWINS = 3  # of the notebooks that are rebuilt into the honest one
_HONEST_RUNS = 3.0  # wall seconds of an attack: so many honest runs, and a few seconds for a busy machine
_MORE_SECONDS = 6.0
_REFERENCE = "reference"


@dataclass(frozen=True)
class AttackOutcome:
    """What came of one attack; `problems` are sentences, and there are none where it held."""

    attack: str
    expected: str
    verdict: str
    merit: float | None  # of its value: higher is better
    seconds: float
    problems: list[str]
    run_folder: str

    @property
    def held(self) -> bool:
        """Whether the grader shrugged it off."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"held": self.held}


def context_for(task: Task, settings: RunSettings, repeats: list[Repeat]) -> RunContext:
    """Return what an arena grades with; `repeats` are `SEEDS` of them."""
    return RunContext(task, load_starter(task), repeats, settings, context_key(task, repeats, settings))


@contextlib.contextmanager
def open_arena(
    context: RunContext,
    out: Path,
    *,
    watcher: Watcher,
    wall_seconds: float | None = None,
    trained_twins: int = TRAINED_TWINS,
) -> Iterator[Arena]:
    """Open an arena with its honest runs done and its results below `out`; an attack may take `wall_seconds`.

    Of the notebooks that are rebuilt into the honest one, `trained_twins` train.

    Raises UsageError where the task's own baseline or reference is not scored.
    """
    out = out.resolve()
    with contextlib.ExitStack() as stack:
        stack.enter_context(adopting_orphans())
        bait = stack.enter_context(lay_bait())
        opened = stack.enter_context(contextlib.ExitStack())

        def open_anew() -> RunningBatch:
            opened.close()
            engine, stopping = opened.enter_context(LocalEngine()), threading.Event()
            batch = opened.enter_context(
                engine.open_batch(context, out / "runs", watcher=watcher, stopping=stopping)
            )
            batch.trainers.fork_server()  # what starts while an attack runs is the attack's
            return batch

        arena = Arena(open_anew, bait, out)
        arena.measure(wall_seconds, trained_twins)
        yield arena


class Arena:
    """A batch of attacks, bait around it, and what honest submissions get in it."""

    honest: Honest

    def __init__(self, open_anew: Callable[[], RunningBatch], bait: Bait, out: Path) -> None:
        self._open_anew, self._bait = open_anew, bait
        self._batch = batch = open_anew()
        self._context = context = batch.context
        task, starter = context.task, context.starter
        self._baseline = json.dumps(rebuild(starter, find_slot(starter, starter))).encode()
        self._reference = task.solution.read_bytes() if task.solution.is_file() else self._baseline
        self._secrets = [bait.canary, secret_for(out, None).decode("ascii", "replace")]
        self._targets = _targets(batch, out) | bait.targets
        _plant_student(batch, out, bait.canary)
        walls, limits = context.settings.walls, task.spec.limits
        self._without_namespaces = (walls_for(limits) if walls == "any" else walls) == "landlock"
        users = spare_users()
        package = Path(__file__).resolve().parent.parent
        beside = [tasks_folder().parent / name for name in ("tasks", "starter_notebooks", "solutions")]
        private = [package, *beside, task.folder, task.starter, task.solution, out, *bait.places]
        shared = [Path(tempfile.gettempdir()), *map(Path, ("/tmp", "/var/tmp", "/dev/shm")), Path.home()]  # noqa: S108
        self._monitor = HostMonitor(
            tuple(dict.fromkeys(path.resolve() for path in private if path.exists())),
            tuple(dict.fromkeys(path.resolve() for path in shared)),
            range(*users) if users and context.settings.walls != "plain" else None,
        )

    def measure(self, wall_seconds: float | None, trained_twins: int = TRAINED_TWINS) -> None:
        """Grade the baseline under every seed, and the reference; set the wall clock of what follows."""
        baselines = [self._scored("baseline", self._baseline, repeat) for repeat in self._context.repeats]
        reference, self._expected = self._scored(_REFERENCE, self._reference, self._context.repeats[0])
        merits = [metrics.merit for _, metrics in baselines]
        ends = self._context.task.spec.score
        self._honest_result, metrics = baselines[0]
        self.honest = Honest(
            baseline=metrics,
            band=top_of_band(merits, self._expected.merit, abs(ends.ceiling - ends.floor)),
            kinds=frozenset[str]().union(*map(kinds_of_output, executed(self._honest_result))),
        )
        self._wall_seconds = wall_seconds or _HONEST_RUNS * reference.seconds.total + _MORE_SECONDS
        self._twins_to_train = trained_twins
        self._libraries = libraries()
        self._files = _contents(self._context.repeats[0])

    def face(self, attack: Attack) -> AttackOutcome:
        """Grade `attack`, and look what came of it; whether honest submissions still are what they were is asked by `culprits`."""
        spec = self._context.task.spec
        attack = attack.within(spec.limits, once=spec.kind == "program")  # in a process that ends then
        if (
            self._without_namespaces
        ):  # it is refused a folder, a file or a process on the way, or all that it tries
            attack = replace(attack, endings=(*attack.endings, Verdict.SLOT_ERROR.value, AS_HONEST))
        data = handed_in(attack, self._context.starter, self._targets)
        self._bait.touched()
        before = self._monitor.snapshot(self._batch.runs / attack.name)
        # No sandbox is started ahead: what is new below this process when the run is over is the slot's.
        known = descendants()
        result = self._run(attack, data)
        problems = [
            *end_new(known),
            *self._bait.touched(),
            *judge(attack, result, self.honest, self._context.starter, self._secrets),
            *self._monitor.differences(
                before, self._monitor.snapshot(self._batch.runs / attack.name), attack.text
            ),
        ]
        return AttackOutcome(
            attack=attack.name,
            expected="|".join(attack.endings),
            verdict=result.verdict.value,
            merit=result.metrics.merit if result.metrics else None,
            seconds=result.seconds.total,
            problems=problems,
            run_folder=result.run_folder,
        )

    def face_window(
        self, window: Sequence[Attack], on_outcome: Callable[[AttackOutcome], None]
    ) -> list[AttackOutcome]:
        """Face the attacks of `window`, then grade the reference; blame what changed how that ends.

        `on_outcome` gets each outcome before it is known whether its attack is to blame.
        """
        outcomes = []
        for attack in window:
            outcomes.append(self.face(attack))
            on_outcome(outcomes[-1])
        blamed = culprits(self, window)
        return [
            replace(outcome, problems=[*outcome.problems, blamed[outcome.attack]])
            if outcome.attack in blamed
            else outcome
            for outcome in outcomes
        ]

    def honest_difference(self) -> str:
        """Grade the reference and return how it ended otherwise than before any attack; "" where it did not."""
        after = self._grade(_REFERENCE, self._reference, self._context.repeats[0])
        return "" if after.metrics == self._expected else f"{after.verdict}, {after.message}"

    def renew(self) -> None:
        """Start everything anew, from the files that were there before any attack."""
        for path in {*self._files, *_contents(self._context.repeats[0])}:
            if path in self._files:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._files[path])
            else:
                path.unlink()
        self._batch = self._open_anew()

    def changed_libraries(self) -> list[str]:
        """Return what of the installed libraries is not as it was before the first attack."""
        return changed_libraries(self._libraries)

    def _run(self, attack: Attack, data: bytes) -> Result:
        """Return what `attack` gets; of most twins of the honest notebook, what that got."""
        if self._is_twin(data):
            if not self._twins_to_train:
                return replace(self._honest_result, student=attack.name)
            self._twins_to_train -= 1
        return self._grade(attack.name, data, self._context.repeats[0], self._wall_seconds)

    def _is_twin(self, data: bytes) -> bool:
        """Return whether a file is rebuilt into the honest submission's notebook."""
        starter = self._context.starter
        try:
            notebook = read_notebook(data)
            changed_cells(notebook, starter)
            rebuilt = rebuild(starter, find_slot(notebook, starter))
        except StudentFault:
            return False
        return json.dumps(rebuilt).encode() == self._baseline

    def _scored(self, student: str, data: bytes, repeat: Repeat) -> tuple[Result, Metrics]:
        result = self._grade(student, data, repeat)
        if result.metrics is None:
            raise UsageError(
                f"{self._context.task.id}: its own {student} is not scored but {result.verdict}: {result.message}"
            )
        return result, result.metrics

    def _grade(self, student: str, data: bytes, repeat: Repeat, wall_seconds: float | None = None) -> Result:
        """Grade in a thread, so that Ctrl-C reaches this one."""
        submission = parse(Submission(f"{student}.ipynb", student, data), self._context.starter)
        limit = wall_seconds or self._context.settings.wall_seconds
        settings = replace(self._context.settings, wall_seconds=limit)
        context = replace(self._context, repeats=[repeat], settings=settings)
        with ThreadPoolExecutor(1) as pool:
            batch = replace(self._batch, context=context)
            try:
                return pool.submit(grade, submission, batch).result()
            except KeyboardInterrupt:
                batch.stopping.set()
                raise


def _contents(repeat: Repeat) -> dict[Path, bytes]:
    """Return the files of a repeat: inputs, answers, and what was kept beside them."""
    files = {path for folder in (repeat.inputs.parent, repeat.answers.parent) for path in folder.rglob("*")}
    return {path: path.read_bytes() for path in sorted(files) if path.is_file()}


def _targets(batch: RunningBatch, out: Path) -> dict[str, str | int]:
    """Return where what is worth an attack lies, beside the bait."""
    package = Path(__file__).resolve().parent.parent
    repository = package.parent if (package.parent / "pyproject.toml").is_file() else package
    repeat = batch.context.repeats[0]
    return {
        "answers": str(repeat.answers.resolve().parent),
        "inputs": str(repeat.inputs.resolve()),
        "secret": str(out / "secret"),
        "gradebook": str(out / FILE_NAME),
        "runs": str(batch.runs),
        "repository": str(repository),
        "home": str(Path.home()),
        "grader_pid": os.getpid(),
        # Of other tasks, the first call is tried before the run.
        "late_call": 1 if batch.context.task.spec.kind == "program" else 2,
    }


def _plant_student(batch: RunningBatch, out: Path, canary: str) -> None:
    """Hand in another student's submission, with the canary in it and in its name."""
    task, starter = batch.context.task, batch.context.starter
    slot = f"# {canary}\n{find_slot(starter, starter)}"
    data = json.dumps(rebuild(starter, slot)).encode()
    RunFolder.create(batch.runs, "other").submission.write_bytes(data)
    with writing(out) as book:
        book.counts(task.id, task.spec.leaderboard)
        book.enter([SubmissionRecord(task.id, "other", f"{canary}.ipynb", hashlib.sha256(data).hexdigest())])
