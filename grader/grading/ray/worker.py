"""The far end of a cluster: a worker that grades on its node, and what travels to it and back.

Submissions, the task and the hidden data travel by value, run folders come back the same way: a node needs this
package and bubblewrap, and no files.
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
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault, Verdict
from grader.gradebook.run_folder import RunFolder
from grader.grading.engine import LocalEngine, grade_with_retries
from grader.grading.environment import versions
from grader.grading.parsed import parse
from grader.sandbox.proof import no_walls, walls_for
from grader.submissions.collect import Submission
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
    """What a worker says of itself once it is open."""

    name: str
    versions: dict[str, str]
    notices: list[str]
    node: str = ""


class _Notes:
    """A watcher on a node: keeps what the caller should know; progress would cost a message each."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def on_progress(self, student: str, repeat: int, share: float) -> None:
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
        self, context: RunContext, evaluation: bytes | None, *, share: int, shared: Path | None
    ) -> About:
        """Start everything. `evaluation` is a tar; None where the paths of `context` can be read from here.

        Raises GraderFault where the sandbox does not confine.
        """
        limits = context.task.spec.limits
        if context.settings.walls == "any" and walls_for(limits) is None:
            # else this node would take and fail the most submissions
            raise GraderFault(f"no sandbox works on this node: {no_walls(limits)}")
        self._shared, notes = shared, _Notes()
        self._cards = _Share([""], share) if share > 1 else None
        with self._busy:
            self._root = self._opened.enter_context(_private_folder(shared))
            if evaluation is not None:
                context = unpacked(context, evaluation, self._root / "evaluation")
            engine = self._opened.enter_context(LocalEngine())
            alone = replace(context, jobs=1)  # Ray starts a worker for each
            batch = engine.open_batch(alone, self._root, watcher=notes, stopping=self._stopping)
            self._batch = self._opened.enter_context(batch)
            self._batch.sandboxes.start()  # a worker is opened because there is work
            self._batch.trainers.fork_server()
        return About(platform.node(), versions(), notes.notices)

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


@contextlib.contextmanager
def _private_folder(shared: Path | None) -> Iterator[Path]:
    """Yield a folder that only this user can enter; on a node's own disk it ends with this process at the latest."""
    folder = Path(tempfile.mkdtemp(prefix="grader-ray-", dir=shared))
    if shared is not None:  # the caller reads there, and removes it
        yield folder
        return
    command = ["sh", "-c", _GUARD, "sh", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        try:
            yield folder
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
        named |= {f"{name}/{kept.name}": kept for kept in repeat.inputs.parent.glob("first_call-*.frame")}
    return _packed(named)


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
