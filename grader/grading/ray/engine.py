"""Grade over a Ray cluster: a worker for each place on it, with a fork server, trainers and sandboxes of its own.

A worker is an actor that runs what `grader.grading.engine` runs on one machine; no student's code runs in a process of Ray.
Submissions, the task, what it mounts and the hidden data travel by value, run folders come back the same way: a node needs
this package and bubblewrap, and no files. The caller stays the only one who writes results and run folders.
"""

from __future__ import annotations

import contextlib
import math
import tarfile
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.grading.environment import versions
from grader.grading.ray.cluster import joined, load_ray, shared_folder
from grader.grading.ray.worker import (
    About,
    Graded,
    PackedTrial,
    Sent,
    Worker,
    arrived,
    packed_evaluation,
    packed_mounts,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.grading.parsed import ParsedSubmission
    from grader.grading.plan import RunContext, Watcher
    from grader.submissions.collect import Submission

_LOSSES = 3  # workers that a submission may lose, and in a row for each place of the cluster
_WAIT_SECONDS = 5.0  # between two looks at a cluster that says nothing
_TELL_SECONDS = 60.0  # for workers to open; clusters of other people's work may have no room for hours
_STOP_SECONDS = 10.0  # for workers to end what they run
_GPU_PARTS = 10_000  # Ray counts no smaller parts of a GPU


class _Actor(Worker):
    """A worker that knows its node's name in the cluster."""

    def open(self, *given: Any, **named: Any) -> About:
        """Start everything."""
        ray = load_ray()
        return replace(super().open(*given, **named), node=ray.get_runtime_context().get_node_id())


class Cluster:
    """A Ray cluster to grade on. `address` None takes the one that runs here, else starts one on this machine.

    A worker takes a CPU, and a `per_gpu`-th of a GPU where the cluster has some. `shared` is a
    folder that all nodes see under this path: run folders then pass through it instead of through Ray.
    Raises UsageError where Ray is not installed.
    """

    def __init__(self, address: str | None, *, per_gpu: int, shared: Path | None) -> None:
        self._ray = load_ray()
        self._address, self._per_gpu, self._shared = address, per_gpu, shared
        self._trial: PackedTrial | None = None
        self.trials: dict[str, dict[str, Any]] = {}  # what the task's own answers got, by the name of a node

    def try_nodes(self, trial: PackedTrial) -> None:
        """Let each node of the next batches run `trial` before its workers grade."""
        self._trial = trial

    def grade(
        self, context: RunContext, submissions: Sequence[ParsedSubmission], runs: Path, watcher: Watcher
    ) -> Generator[tuple[int, Result]]:
        """Grade `submissions` and give each index with its result as soon as it is there.

        Closing the iterator stops what is running. Raises UsageError where the cluster cannot be reached, has no
        place, or has lost all of them.
        """
        with joined(self._ray, self._address), shared_folder(self._shared) as shared:
            try:
                yield from self._grade(context, submissions, runs, watcher, shared)
            except self._ray.exceptions.RayError as error:
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise UsageError(f"the Ray cluster failed: {reason}; recorded results are kept") from error

    def close(self) -> None:
        """Do nothing: workers end with their batch."""

    def _grade(
        self,
        context: RunContext,
        submissions: Sequence[ParsedSubmission],
        runs: Path,
        watcher: Watcher,
        shared: Path | None,
    ) -> Generator[tuple[int, Result]]:
        parcel = self._parcel(context, shared)
        left: Sequence[int] = range(len(submissions))
        for per_gpu in dict.fromkeys((self._per_gpu, 1)):  # alone on a GPU, where a share was too small
            places = _Places.of(self._ray, per_gpu, context.settings.device)
            crew = _Crew(self._ray, places, parcel, shared, watcher)
            self.trials = crew.trials
            with contextlib.closing(
                crew.grade({index: submissions[index].submission for index in left})
            ) as graded:
                for index, answer in graded:
                    result = arrived(answer, runs, submissions[index].student)
                    if result is not None:
                        yield index, result
            left = crew.too_small
            if not left:
                return

    def _parcel(self, context: RunContext, shared: Path | None) -> tuple[Any, ...]:
        """Hand the context, the hidden data, what programs read and the trial to Ray, once for all workers.

        Where there is a `shared` folder, the hidden data go there instead.
        """
        context.task.read_ahead()
        try:
            evaluation = packed_evaluation(context)
            mounts, trial = self._ray.put(packed_mounts(context)), self._ray.put(self._trial)
            if shared is None:
                return self._ray.put(context), self._ray.put(evaluation), mounts, trial
            there = unpacked(context, evaluation, shared / "evaluation")
            return self._ray.put(there), self._ray.put(None), mounts, trial
        except (OSError, tarfile.TarError) as error:
            raise UsageError(f"the hidden data cannot be handed to the cluster: {error}") from error


@dataclass(frozen=True)
class _Places:
    """Where workers fit: each takes a CPU, and a `per_gpu`-th of a card if there are cards."""

    ray: Any
    per_gpu: int
    on_cards: bool  # all of them or none: points of a batch come from one kind of place

    @classmethod
    def of(cls, ray: Any, per_gpu: int, device: str) -> _Places:
        """Return the places of a cluster: on cards where it has some now, or they are asked for."""
        has_cards = any(node["Resources"].get("GPU") for node in ray.nodes() if node["Alive"])
        return cls(ray, per_gpu, device == "cuda" or (device == "auto" and has_cards))

    def count(self) -> int:
        """Return for how many workers the nodes that are alive have room."""
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        fits = [int(node.get("CPU", 0)) for node in nodes]
        if self.on_cards:
            cards = [math.floor(node.get("GPU", 0) * self.per_gpu) for node in nodes]
            fits = [min(pair) for pair in zip(fits, cards, strict=True)]
        return sum(fits)

    def share(self) -> int:
        """Return how many trainers share the card of a worker; 1 where there is none, or it has one of its own."""
        return self.per_gpu if self.on_cards else 1

    def actor(self) -> Any:
        """Return a new actor, which starts as soon as there is room for it."""
        gpus = math.floor(_GPU_PARTS / self.per_gpu) / _GPU_PARTS if self.on_cards else 0
        options = {"num_cpus": 1, "num_gpus": gpus, "scheduling_strategy": "SPREAD"}
        # One thread more than it needs, for `stop`. No restarts: a lost worker is replaced, and knows nothing.
        return self.ray.remote(_Actor).options(**options, max_concurrency=2, max_restarts=0).remote()


@dataclass(frozen=True)
class _Call:
    """Something an actor was asked: to grade `index`, or to open."""

    actor: Any
    index: int | None


class _Crew:
    """The workers of one batch, and what each is doing."""

    def __init__(
        self, ray: Any, places: _Places, parcel: tuple[Any, ...], shared: Path | None, watcher: Watcher
    ) -> None:
        self._ray, self._places, self._parcel, self._shared = ray, places, parcel, shared
        self._watcher = watcher
        self._calls: dict[Any, _Call] = {}
        self._idle: list[Any] = []
        self._losses: Counter[int] = Counter()
        self._lost_in_row = 0
        self._nodes: list[str] = []  # of the workers that opened
        self.trials: dict[str, dict[str, Any]] = {}
        self._begun, self._reported = time.monotonic(), False
        self.too_small: list[int] = []  # indices for which a share of a GPU was too small

    def grade(self, submissions: dict[int, Submission]) -> Generator[tuple[int, Graded]]:
        """Yield each index with what a worker made of it, which has no result where the index is in `too_small`."""
        self._submissions, self._queue = submissions, deque(submissions)
        self._planned = min(self._places.count(), len(submissions))
        try:
            for _ in range(self._planned):
                self._start()
            while self._queue or any(call.index is not None for call in self._calls.values()):
                self._complain_if_alone()
                done, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=_WAIT_SECONDS)
                for ref in done:
                    yield from self._take(ref)
                self._tell()
        finally:
            self._stop()

    def _start(self) -> None:
        actor = self._places.actor()
        call = actor.open.remote(
            *self._parcel,
            share=self._places.share(),
            shared=self._shared,
        )
        self._calls[call] = _Call(actor, None)

    def _take(self, ref: Any) -> Iterator[tuple[int, Graded]]:
        call = self._calls.pop(ref)
        try:
            answer = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            if call.index is None:
                self._refuse(call, error)
            else:
                self._watcher.on_notice(f"a worker of the cluster failed: {_reason(error)}")
                self._replace(call)
            return
        except self._ray.exceptions.RayError:  # the actor, its node, or what it answered is gone
            self._replace(call)
            return
        if call.index is None:
            self._welcome(answer)
        self._idle.append(call.actor)
        self._hand_out()  # before the result is taken in: that is the caller's time, not the worker's
        if call.index is not None:
            self._lost_in_row = 0
            if answer.result is None:
                self.too_small.append(call.index)
            yield call.index, answer

    def _hand_out(self) -> None:
        while self._queue and self._idle:
            index, actor = self._queue.popleft(), self._idle.pop()
            sent = Sent.of(self._submissions[index])
            if self._losses[index] >= _LOSSES:  # a worker makes the result, as for every failure of ours
                sent = replace(sent, data=None, ours=f"{_LOSSES} workers were lost over it")
            self._calls[actor.grade.remote(sent)] = _Call(actor, index)

    def _replace(self, call: _Call) -> None:
        """Do elsewhere what `call` was to do."""
        self._ray.kill(call.actor)
        self._lost_in_row += 1
        if call.index is not None:
            self._losses[call.index] += 1
            self._queue.appendleft(call.index)
        if self._lost_in_row > _LOSSES * max(1, self._planned):
            raise UsageError(
                f"the cluster lost {self._lost_in_row} workers in a row; recorded results are kept"
            )
        self._start()
        self._hand_out()

    def _refuse(self, call: _Call, error: Any) -> None:
        self._ray.kill(call.actor)
        if not any(other.actor is not call.actor for other in self._calls.values()) and not self._idle:
            raise UsageError(f"no node of the cluster can grade: {_reason(error)}")
        self._watcher.on_notice(f"a worker of the cluster cannot grade: {_reason(error)}")

    def _welcome(self, about: About) -> None:
        for notice in about.notices if about.node not in self._nodes else ():
            self._watcher.on_notice(f"{about.name}: {notice}")
        self._nodes.append(about.node)
        if about.trial is not None:
            self.trials[about.name] = about.trial
        here = versions()
        other = [
            f"{name} {about.versions.get(name)}" for name in here if about.versions.get(name) != here[name]
        ]
        if other:
            self._watcher.on_notice(
                f"{about.name} has {', '.join(other)}, unlike this machine: points may differ"
            )

    def _tell(self) -> None:
        """Report once how many workers there are: when all have opened, or have had their time."""
        late = time.monotonic() - self._begun > _TELL_SECONDS
        if self._reported or (len(self._nodes) < self._planned and not late):
            return
        self._reported = True
        workers, nodes = len(self._nodes), len(set(self._nodes))
        missing = self._planned - workers
        text = f"{workers} worker{'s' * (workers != 1)} on {nodes} node{'s' * (nodes != 1)}"
        self._watcher.on_notice(f"{text}, {missing} still waiting for their place" if missing > 0 else text)

    def _complain_if_alone(self) -> None:
        """Raise UsageError where nobody is there to grade, and nobody can come."""
        at_work = self._idle or any(call.index is not None for call in self._calls.values())
        if not at_work and not (self._calls and self._places.count()):
            what = "a free CPU" + (" and a GPU" if self._places.on_cards else "")
            raise UsageError(f"no node of the cluster has {what}; recorded results are kept")

    def _stop(self) -> None:
        opened = [*self._idle, *(call.actor for call in self._calls.values() if call.index is not None)]
        everybody = [*self._idle, *(call.actor for call in self._calls.values())]
        with contextlib.suppress(self._ray.exceptions.RayError):  # a cluster that is gone has stopped
            stopped = [actor.stop.remote() for actor in opened]
            if stopped:
                self._ray.wait(stopped, num_returns=len(stopped), timeout=_STOP_SECONDS)
            for actor in everybody:
                self._ray.kill(actor)


def _reason(error: Any) -> str:
    """Return in a line why a worker raised."""
    cause = getattr(error, "cause", error)
    return (str(cause).strip() or type(cause).__name__).splitlines()[-1]
