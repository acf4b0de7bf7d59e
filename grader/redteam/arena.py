"""Attack a task: hand in hostile submissions one at a time, and look each time what came of it beside a verdict.

Every attack is graded on the same bench, as a submission of a batch is. The machine is looked at before and after it.
Then the task's reference solution is graded, and must get exactly the accuracy that it got before any attack.
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

from grader.errors import UsageError
from grader.gradebook.gradebook import FILE_NAME, SubmissionRecord, writing
from grader.gradebook.run_folder import new_run_folder
from grader.grading.cache import context_key
from grader.grading.grade import Bench, grade
from grader.grading.plan import Order, Watcher
from grader.grading.workers import open_bench
from grader.notebooks.reading import source
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import slot_cell
from grader.redteam.canary import Bait, lay_bait
from grader.redteam.corpus import handed_in
from grader.redteam.host_snapshot import (
    Watch,
    adopting_orphans,
    changed_libraries,
    descendants,
    end_new,
    libraries,
)
from grader.redteam.verify import Honest, executed, judge, kinds_of_output, top_of_band
from grader.sandbox import open_sandbox
from grader.sandbox.bwrap import spare_users
from grader.sandbox.pool import SandboxSupply
from grader.submissions.collect import Submission
from grader.task.evaluation import secret_for
from grader.task.spec import tasks_folder
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.gradebook.result import Metrics, Result
    from grader.grading.plan import Settings
    from grader.redteam.corpus import Attack
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

SEEDS = 3  # of the baseline, for its band; attacks run under the first
_HONEST_RUNS = 3.0  # wall seconds of an attack: so many honest runs, and a few seconds for a busy machine
_MORE_SECONDS = 6.0
_REFERENCE = "reference"


@dataclass(frozen=True)
class Outcome:
    """What came of one attack; `problems` are sentences, and there are none where it held."""

    attack: str
    expected: str
    verdict: str
    accuracy: float | None
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


def order_for(task: Task, settings: Settings, repeats: list[Repeat]) -> Order:
    """Return what an arena needs to know; `repeats` are `SEEDS` of them."""
    return Order(task, load_starter(task), repeats, settings, context_key(task, repeats, settings), warm=True)


@contextlib.contextmanager
def open_arena(
    order: Order, out: Path, *, watcher: Watcher, wall_seconds: float | None = None
) -> Iterator[Arena]:
    """Give an arena with its honest runs done, its results below `out`; an attack may take `wall_seconds`.

    Raises UsageError where the task's own baseline or reference is not scored.
    """
    out = out.resolve()
    with contextlib.ExitStack() as stack:
        stack.enter_context(adopting_orphans())
        bait = stack.enter_context(lay_bait())
        stopping = threading.Event()
        bench = stack.enter_context(
            open_bench(order, out / "runs", expected=0, ahead=0, watcher=watcher, stopping=stopping)
        )
        arena = Arena(bench, bait, out)
        stack.callback(arena.close)
        arena.measure(wall_seconds)
        yield arena


class Arena:
    """A bench, bait around it, and what honest submissions get on it."""

    honest: Honest

    def __init__(self, bench: Bench, bait: Bait, out: Path) -> None:
        task, starter = bench.task, bench.starter
        self._bench, self._bait = bench, bait
        self._waiting: list[SandboxSupply] = []
        self._baseline = json.dumps(rebuild(starter, source(slot_cell(starter)))).encode()
        self._reference = task.solution.read_bytes() if task.solution.is_file() else self._baseline
        self._secrets = [bait.canary, secret_for(out, None).decode("ascii", "replace")]
        self._targets = _targets(bench, out) | bait.targets
        _plant_student(bench, out, bait.canary)
        users = spare_users()
        package = Path(__file__).resolve().parent.parent
        beside = [tasks_folder().parent / name for name in ("tasks", "starter_notebooks", "solutions")]
        own = [package, *beside, task.folder, task.starter, task.solution, out, *bait.places]
        shared = [Path(tempfile.gettempdir()), *map(Path, ("/tmp", "/var/tmp", "/dev/shm")), Path.home()]  # noqa: S108
        self._watch = Watch(
            tuple(dict.fromkeys(path.resolve() for path in own if path.exists())),
            tuple(dict.fromkeys(path.resolve() for path in shared)),
            range(*users) if users and bench.settings.backend == "bubblewrap" else None,
        )

    def measure(self, wall_seconds: float | None) -> None:
        """Grade the baseline under every seed, and the reference; set the wall clock of what follows."""
        baselines = [self._scored("baseline", self._baseline, repeat) for repeat in self._bench.repeats]
        reference, self._expected = self._scored(_REFERENCE, self._reference, self._bench.repeats[0])
        accuracies = [metrics.balanced_accuracy for _, metrics in baselines]
        first, metrics = baselines[0]
        self.honest = Honest(
            baseline=metrics,
            band=top_of_band(accuracies, self._expected.balanced_accuracy),
            kinds=frozenset[str]().union(*map(kinds_of_output, executed(first))),
        )
        self._wall_seconds = wall_seconds or _HONEST_RUNS * reference.seconds.total + _MORE_SECONDS
        self._libraries = libraries()

    def face(self, attack: Attack) -> Outcome:
        """Grade `attack`, look what came of it, and grade the reference after it."""
        data = handed_in(attack, self._bench.starter, self._targets)
        self._bait.touched()
        before = self._watch.look(self._bench.runs / attack.name)
        # Two sandboxes are open, and nothing is started ahead meanwhile: what is new below this process is the slot's.
        known = descendants()
        result = self._grade(attack.name, data, self._bench.repeats[0], self._wall_seconds)
        problems = [
            *end_new(known),
            *self._bait.touched(),
            *judge(attack, result, self.honest, self._bench.starter, self._secrets),
            *self._watch.differences(before, self._watch.look(self._bench.runs / attack.name), attack.text),
        ]
        self._open_ahead(3)
        after = self._grade(_REFERENCE, self._reference, self._bench.repeats[0])
        if after.metrics != self._expected:
            problems.append(f"the submission after it was graded otherwise: {after.verdict}, {after.message}")
        return Outcome(
            attack=attack.name,
            expected="|".join(attack.endings),
            verdict=result.verdict.value,
            accuracy=result.metrics.balanced_accuracy if result.metrics else None,
            seconds=result.seconds.total,
            problems=problems,
            run_folder=result.run_folder,
        )

    def changed_libraries(self) -> list[str]:
        """Return what of the installed libraries is not as it was before the first attack."""
        return changed_libraries(self._libraries)

    def close(self) -> None:
        """End what was started ahead."""
        while self._waiting:
            self._waiting.pop().close()

    def _scored(self, student: str, data: bytes, repeat: Repeat) -> tuple[Result, Metrics]:
        self._open_ahead(3)
        result = self._grade(student, data, repeat)
        if result.metrics is None:
            raise UsageError(
                f"{self._bench.task.id}: its own {student} is not scored but {result.verdict}: {result.message}"
            )
        return result, result.metrics

    def _grade(self, student: str, data: bytes, repeat: Repeat, wall_seconds: float | None = None) -> Result:
        """Grade in the sandbox that has waited longest; in a thread, so that Ctrl-C reaches this one."""
        submission = Submission(f"{student}.ipynb", student, data)
        limit = wall_seconds or self._bench.settings.wall_seconds
        settings = replace(self._bench.settings, wall_seconds=limit)
        with contextlib.closing(self._waiting.pop(0)) as supply, ThreadPoolExecutor(1) as pool:
            bench = replace(self._bench, sandboxes=supply, repeats=[repeat], settings=settings)
            try:
                return pool.submit(grade, submission, bench).result()
            except KeyboardInterrupt:
                bench.stopping.set()
                raise

    def _open_ahead(self, count: int) -> None:
        """Have `count` sandboxes waiting."""
        task, settings = self._bench.task, self._bench.settings
        while len(self._waiting) < count:
            supply = SandboxSupply(
                lambda: open_sandbox(task.spec.limits, imports=self._bench.imports, backend=settings.backend),
                expected=1,
            )
            supply.start(1)
            self._waiting.append(supply)


def _targets(bench: Bench, out: Path) -> dict[str, str | int]:
    """Return where what is worth an attack lies, beside the bait."""
    package = Path(__file__).resolve().parent.parent
    repository = package.parent if (package.parent / "pyproject.toml").is_file() else package
    repeat = bench.repeats[0]
    return {
        "answers": str(repeat.answers.resolve().parent),
        "inputs": str(repeat.inputs.resolve()),
        "secret": str(out / "secret"),
        "gradebook": str(out / FILE_NAME),
        "runs": str(bench.runs),
        "repository": str(repository),
        "home": str(Path.home()),
        "grader_pid": os.getpid(),
    }


def _plant_student(bench: Bench, out: Path, canary: str) -> None:
    """Hand in another student's submission, with the canary in it and in its name."""
    slot = f"# {canary}\n{source(slot_cell(bench.starter))}"
    data = json.dumps(rebuild(bench.starter, slot)).encode()
    (new_run_folder(bench.runs, "other") / "submission.ipynb").write_bytes(data)
    with writing(out) as book:
        book.counts(bench.task.id, bench.task.spec.leaderboard)
        book.enter(
            [SubmissionRecord(bench.task.id, "other", f"{canary}.ipynb", hashlib.sha256(data).hexdigest())]
        )
