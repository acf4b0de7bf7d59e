"""The far end of a cluster: a worker that grades on its node, and what travels to it and back.

Submissions, the task, the folders that it mounts and the hidden data travel by value, run folders come back the same way: a node
needs this package and bubblewrap, and no files.
"""

from __future__ import annotations

import contextlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderFault, StudentFault, Verdict
from grader.gradebook.run_folder import RunFolder
from grader.grading.agreement import sentences
from grader.grading.engine import LocalEngine, grade_with_retries
from grader.grading.environment import versions
from grader.grading.parsed import parse
from grader.grading.trial import (
    MachineTrial,
    agreement_of,
    keep_trial,
    kept_trial,
    one_at_a_time,
    run_answers,
    trial_record,
)
from grader.sandbox.proof import find_walls
from grader.submissions.collect import Submission
from grader.task.files_table import IDS_FILE
from grader.trainer.attribution import OutOfCardMemory
from grader.trainer.gpus import Cards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.gradebook.result import Result
    from grader.grading.plan import RunContext
    from grader.trainer.gpus import Place

# Removes a worker's folder, which holds answers, however the worker ends.
_GUARD = 'exec 3<&0; (cat <&3 >/dev/null; rm -rf -- "$1") &'


@dataclass(frozen=True)
class Sent:
    """A submission as it travels; a StudentFault as what it is made from, since it cannot be pickled."""

    path: str
    student: str
    data: bytes | None
    ours: str = ""
    theirs: tuple[Verdict, str, str] | None = None

    @classmethod
    def of(cls, submission: Submission) -> Sent:
        """Return `submission` with its bytes, or the fault that there is instead."""
        path, student, fault = submission.path, submission.student, submission.fault
        if isinstance(fault, StudentFault):
            return cls(path, student, None, theirs=(fault.verdict, fault.message, fault.traceback))
        try:
            data = submission.data
        except GraderFault as gone:
            fault = gone
        return cls(path, student, None, ours=str(fault)) if fault else cls(path, student, data)

    def submission(self) -> Submission:
        """Return the submission that was sent."""
        fault: StudentFault | GraderFault | None = GraderFault(self.ours) if self.ours else None
        if self.theirs is not None:
            verdict, message, traceback = self.theirs
            fault = StudentFault(verdict, message, traceback=traceback)
        return Submission(self.path, self.student, self.data, fault)


@dataclass(frozen=True)
class Folder:
    """A run folder as it travels: where it is on the node, and its tar unless the caller can read it there."""

    path: str
    packed: bytes | None


@dataclass(frozen=True)
class Graded:
    """What a worker made of a submission. `result` None: its share of a GPU was too small."""

    result: Result | None
    folders: list[Folder]


@dataclass(frozen=True)
class About:
    """What a worker says of itself once it is open; `trial` is what the task's own answers got on its node, if they ran."""

    name: str
    versions: dict[str, str]
    notices: list[str]
    node: str = ""
    trial: dict[str, Any] | None = None


@dataclass(frozen=True)
class PackedTrial:
    """A trial of each node as it travels: with its notebooks, and its hidden data as a tar.

    `required`: a node that does not agree with the bands grades nothing.
    """

    trial: MachineTrial
    context: RunContext
    evaluation: bytes
    submissions: list[Submission]
    required: bool

    @classmethod
    def of(cls, trial: MachineTrial, *, required: bool) -> PackedTrial:
        """Return `trial` with all that a node needs. Raises UsageError where something is missing."""
        trial.task.read_ahead()
        with tempfile.TemporaryDirectory(prefix="grader-trial-", ignore_cleanup_errors=True) as folder:
            context = trial.context(Path(folder), 1)
            return cls(trial, context, packed_evaluation(context), trial.submissions(), required)

    def content(self, engine: LocalEngine, folder: Path, mounts_in: Path | None) -> dict[str, Any]:
        """Return what is kept of the trial on this node, or else of one that is run now, by one worker of the node."""
        with one_at_a_time(self.trial):
            content = kept_trial(self.trial)
            if content is None:
                context = replace(
                    unpacked(self.context, self.evaluation, folder / "trial"), mounts_in=mounts_in
                )
                measured = run_answers(context, self.submissions, engine, folder / "trial-runs", _Notes())
                content = trial_record(self.trial, measured)
                keep_trial(self.trial, content)
            return content


class _Notes:
    """A watcher on a node: keeps what the caller should know; progress would cost a message each."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Keep nothing."""

    def on_line(self, student: str, line: str) -> None:
        """Keep nothing."""

    def on_known(self, count: int) -> None:
        """Keep nothing."""

    def on_result(self, result: Result) -> None:
        """Keep nothing."""

    def on_notice(self, text: str) -> None:
        """Keep it."""
        self.notices.append(text)


class _Share(Cards):
    """The place that Ray gave this worker: a share of the GPU it sees. A whole one is never available."""

    @contextlib.contextmanager
    def place(self, *, alone: bool = False) -> Iterator[Place]:
        """Yield the share. Raises OutOfCardMemory where a whole GPU is wanted."""
        if alone:
            raise OutOfCardMemory("this worker has only a share of a GPU")
        with super().place() as place:
            yield place


class Worker:
    """The actor: `open` once, `grade` one at a time, `stop` from another thread at any moment."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._busy = threading.Lock()
        self._opened = contextlib.ExitStack()
        self._count = 0

    def open(
        self,
        context: RunContext,
        evaluation: bytes | None,
        mounts: bytes | None = None,
        trial: PackedTrial | None = None,
        *,
        share: int,
        shared: Path | None,
    ) -> About:
        """Start everything. `evaluation` and `mounts` are tars, the first None where the paths of `context` can be read from here.

        Raises GraderFault where the sandbox does not confine, or this node does not agree with the bands and has to.
        """
        runs_code = context.task.spec.runs_code
        if runs_code and context.settings.walls == "any":
            walls, reasons = find_walls(context.task.spec.limits)
            if walls is None:  # else this node would take and fail the most submissions
                raise GraderFault(f"no sandbox works on this node: {reasons}")
        self._shared, notes = shared, _Notes()
        self._cards = _Share([""], share) if share > 1 else None
        with self._busy, contextlib.ExitStack() as failing:
            failing.callback(self._opened.close)  # who cannot grade leaves nothing behind
            self._root = self._opened.enter_context(_private_folder(shared))
            if evaluation is not None:
                context = unpacked(context, evaluation, self._root / "evaluation")
            mounts_in = self._opened.enter_context(_mounted(mounts)) if mounts is not None else None
            engine = self._opened.enter_context(LocalEngine())
            tried = _tried(trial, engine, self._root, notes, mounts_in) if trial is not None else None
            alone = replace(context, jobs=1, mounts_in=mounts_in)  # Ray starts a worker for each
            batch = engine.open_batch(alone, self._root, watcher=notes, stopping=self._stopping)
            self._batch = self._opened.enter_context(batch)
            if runs_code:  # a worker is opened because there is work
                self._batch.sandboxes.start()
                self._batch.trainers.fork_server()
            failing.pop_all()
        return About(platform.node(), versions(), notes.notices, trial=tried)

    def grade(self, sent: Sent) -> Graded:
        """Grade one submission and return its result with the folders of all attempts."""
        with self._busy:
            self._count += 1
            runs = self._root / f"runs-{self._count}"
            try:
                submission = parse(sent.submission(), self._batch.context.starter)
                result = grade_with_retries(submission, replace(self._batch, runs=runs), self._cards)
            except OutOfCardMemory:
                result = None
            attempts = sorted(runs.glob("*/run-*"))
            if self._shared is not None:
                return Graded(result, [Folder(str(attempt), None) for attempt in attempts])
            folders = [Folder(str(attempt), _packed({".": attempt})) for attempt in attempts]
            shutil.rmtree(runs, ignore_errors=True)
            return Graded(result, folders)

    def stop(self) -> None:
        """End what runs, and everything that was opened."""
        self._stopping.set()
        with self._busy:
            self._opened.close()


def _tried(
    trial: PackedTrial, engine: LocalEngine, folder: Path, notes: _Notes, mounts_in: Path | None
) -> dict[str, Any]:
    """Return what the task's own answers got on this node, and note where that is not what was recorded.

    Raises GraderFault where it has to be.
    """
    content = trial.content(engine, folder, mounts_in)
    agreement = agreement_of(trial.trial, content)
    if not agreement.agrees or agreement.slow:
        lines = sentences(agreement)
        if trial.required and not agreement.agrees:
            raise GraderFault(f"{platform.node()} does not give the recorded points: {'; '.join(lines)}")
        notes.notices += lines
    return content | {"agrees": agreement.agrees}


@contextlib.contextmanager
def _private_folder(shared: Path | None) -> Iterator[Path]:
    """Yield a folder that only this user can enter; on a node's own disk it ends with this process at the latest."""
    folder = Path(tempfile.mkdtemp(prefix="grader-ray-", dir=shared))
    if shared is not None:  # the caller reads there, and removes it
        yield folder
        return
    with _guarded(folder):
        yield folder


@contextlib.contextmanager
def _mounted(packed: bytes) -> Iterator[Path]:
    """Yield a folder of this node with what the task mounts, which the users of slots can enter; it ends as that of a worker."""
    folder = Path(tempfile.mkdtemp(prefix="grader-ray-mounts-"))
    with _guarded(folder):
        unpack(packed, folder)
        for path in (folder, *filter(Path.is_dir, folder.rglob("*"))):
            path.chmod(0o755)
        yield folder


@contextlib.contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    """Remove a folder at the end, however this process ends."""
    command = ["sh", "-c", _GUARD, "sh", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        try:
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _packed(named: dict[str, Path]) -> bytes:
    """Return a tar with these files and folders under these names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, path in named.items():
            archive.add(path, name)
    return buffer.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Unpack a tar of ours into a folder that is there."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def packed_evaluation(context: RunContext) -> bytes:
    """Return the inputs and answers of every repeat, and the first calls that were kept beside the inputs."""
    named: dict[str, Path] = {}
    for repeat in context.repeats:
        name = f"repeat-{repeat.number}"
        named |= {f"{name}/inputs": repeat.inputs, f"{name}/answers.npz": repeat.answers}
        rows = repeat.answers.with_name(IDS_FILE)  # of a task of files
        named |= {f"{name}/{IDS_FILE}": rows} if rows.is_file() else {}
        named |= {f"{name}/{kept.name}": kept for kept in repeat.inputs.parent.glob("first_call-*.frame")}
    return _packed(named)


def packed_mounts(context: RunContext) -> bytes | None:
    """Return what the task mounts; None where it mounts nothing."""
    return _packed({mount.name: mount for mount in context.mounts}) if context.mounts else None


def unpacked(context: RunContext, evaluation: bytes, folder: Path) -> RunContext:
    """Return `context` with its repeats in `folder`."""
    folder.mkdir(mode=0o700)
    unpack(evaluation, folder)
    repeats = []
    for repeat in context.repeats:
        target = folder / f"repeat-{repeat.number}"
        repeats.append(replace(repeat, inputs=target / "inputs", answers=target / "answers.npz"))
    return replace(context, repeats=repeats)


def arrived(graded: Graded, runs: Path, student: str) -> Result | None:
    """Return the result, its run folders being new ones in `runs` and on the disk; if they cannot be, that is our failure."""
    result, folder = graded.result, runs
    try:
        for came in graded.folders:
            new = RunFolder.create(runs, student)
            folder = new.path
            if came.packed is not None:
                unpack(came.packed, folder)
            else:
                shutil.copytree(came.path, folder, dirs_exist_ok=True)
                shutil.rmtree(came.path, ignore_errors=True)
            if new.result.exists():
                text = new.result.read_text(encoding="utf-8")
                new.result.write_text(
                    text.replace(_quoted(came.path), _quoted(str(folder))), encoding="utf-8"
                )
            new.flush()
            if result is not None:
                result = replace(result, message=result.message.replace(came.path, str(folder)))
    except (OSError, tarfile.TarError) as error:
        message = f"the run folder cannot be written: {getattr(error, 'strerror', None) or error}"
        if result is not None:
            result = replace(
                result, verdict=Verdict.GRADER_ERROR, message=message, points=None, metrics=None, traceback=""
            )
    return result and replace(result, run_folder=str(folder))


def _quoted(text: str) -> str:
    return json.dumps(text)[1:-1]
