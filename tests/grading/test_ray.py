"""A Ray cluster grades as one machine does, whatever becomes of its nodes, and leaves nothing running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
import time
import warnings
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import TOY_FILES
from contests import RULES, small_contest
from ponds import few_ponds
from toy_program import make_program_task

from grader.contest.grading import GradingChoices, prepare_grading
from grader.contest.views import task_view
from grader.contest.worker import ContestWorker, WorkerSettings
from grader.errors import GraderFault, StudentFault, UsageError, Verdict
from grader.gradebook.run_folder import RunFolder
from grader.gradebook.run_settings import RunSettings
from grader.grading.agreement import BandsRecord, RecordedAnswer
from grader.grading.batch import Job, run_batch
from grader.grading.file_answers import handed_in_by
from grader.grading.ray.engine import Cluster
from grader.grading.ray.worker import PackedTrial, Sent, packed_mounts
from grader.grading.trial import MachineTrial
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.build import write
from grader.task.evaluation import Repeat, prepare_repeats
from grader.task.spec import read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.gradebook.result import Result
    from grader.grading.engine import LocalEngine
    from grader.grading.plan import RunContext
    from grader.notebooks.reading import Json
    from grader.task.spec import Task

pytest.importorskip("ray")

SCRATCH = "ray-of-tests-"  # in the name of the folder that Ray's nodes keep their files in
RANDOM = "def your_weights(targets, losses):\n    return torch.rand(len(targets))\n"
ONES = "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n"
SLOW = "import time\ntime.sleep(3)\n" + ONES  # else it may be graded before the node that grades it is lost
SLOTS = {
    "random": RANDOM,
    "ones": ONES,
    "raises": "def your_weights(targets, losses):\n    one = 1\n    return one / 0\n",
    "shape": "def your_weights(targets, losses):\n    return torch.ones(3)\n",
    "twin": RANDOM.replace("return", "# mine\n    return"),
    "small": "def your_weights(targets, losses):\n    return (losses < 1).float()\n",
    "hard": "def your_weights(targets, losses):\n    return 1 / (1 + losses)\n",
}


class Watcher:
    """Remembers, and lets a test act after each result."""

    def __init__(self, after: Callable[[int], None] | None = None) -> None:
        self.notices: list[str] = []
        self.results: list[Result] = []
        self._after = after

    def on_line(self, student: str, line: str) -> None: ...

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        pass

    def on_known(self, count: int) -> None:
        pass

    def on_result(self, result: Result) -> None:
        self.results.append(result)
        if self._after:
            self._after(len(self.results))

    def on_notice(self, text: str) -> None:
        self.notices.append(text)


def processes() -> set[tuple[int, str]]:
    """Return Ray's processes, what lives in their folder, and sandboxes that nobody looks after any more.

    Other graders may be at work on this machine: theirs are not counted.
    """
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
                environment = (folder / "environ").read_bytes().decode(errors="replace")
                parent = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            except OSError:
                continue
            of_ray = words.startswith("ray::") or SCRATCH in words or SCRATCH in environment
            if of_ray or ("bwrap" in words and parent == "1"):
                found.add((int(folder.name), words[:100]))
    return found


def wait_until_only(before: set[tuple[int, str]], seconds: float = 20) -> set[tuple[int, str]]:
    """Return the processes that there were not before, once there are none, or the time is over."""
    limit = time.monotonic() + seconds
    while (left := processes() - before) and time.monotonic() < limit:
        time.sleep(0.2)
    return left


class Nodes:
    """One or two nodes of one CPU each, on this machine, beside the head, which runs nothing.

    Each says that it has a card, which only Ray believes.
    """

    def __init__(self, count: int, scratch: str) -> None:
        from ray.cluster_utils import Cluster as Fake

        self._scratch = scratch
        self.count = count
        self.notice = f"{count} workers on {count} nodes" if count > 1 else "1 worker on 1 node"
        with self._surroundings():
            self._fake: Any = Fake(initialize_head=True, head_node_args=self._size() | {"num_cpus": 0})
        self._nodes: list[Any] = []
        for _ in range(count):
            self.add_one()
        self.address: str = self._fake.address

    @staticmethod
    def _size() -> dict[str, Any]:
        return {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)  # of all tests; Ray believes it
            patch.setenv("TMPDIR", self._scratch)
            patch.setenv("XDG_CACHE_HOME", self._scratch)
            yield

    def add_one(self) -> None:
        with self._surroundings():
            self._nodes.append(self._fake.add_node(**self._size(), num_gpus=1))

    def lose_one(self) -> None:
        self._fake.remove_node(self._nodes.pop(), allow_graceful=False)

    def close(self) -> None:
        self._fake.shutdown()


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=pytest.mark.nightly)], ids=["one", "two"])
def nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    before = processes()
    # Not pytest's own: the paths of Ray's sockets would be too long.
    with tempfile.TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True) as scratch:
        made = Nodes(request.param, scratch)
        yield made
        made.close()
        assert wait_until_only(before) == set()
        assert list(Path(scratch).glob("grader-ray-*")) == [], "the answers are on no node any more"


@pytest.fixture(scope="module")
def job(toy_task: Task, starter: Json, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The batch without its engine, already graded on this machine into `out`."""
    folder = tmp_path_factory.mktemp("local")
    repeats = prepare_repeats(
        toy_task, b"a secret for tests", folder / "evaluation", repeats=1, source="embedded"
    )
    submissions = [
        Submission(f"{name}.ipynb", name, json.dumps(rebuild(starter, slot)).encode())
        for name, slot in SLOTS.items()
    ]
    submissions.append(Submission("text.ipynb", "text", b"this is no notebook"))
    fault = StudentFault(Verdict.INVALID_NOTEBOOK, "This is a symbolic link.")
    submissions.append(Submission("link.ipynb", "link", None, fault))
    return Job(toy_task, submissions, repeats, RunSettings("cpu", 60, "any"), folder, 1)


@pytest.fixture(scope="module")
def local(job: Job, engine: LocalEngine) -> list[Result]:
    return run_batch(replace(job, engine=engine), Watcher())


def on(nodes: Nodes, job: Job, out: Path, watcher: Watcher, shared: Path | None = None) -> list[Result]:
    out.mkdir()
    engine = Cluster(nodes.address, per_gpu=1, shared=shared)
    return run_batch(replace(job, out=out, engine=engine), watcher)


def predictions(result: Result, repeats: list[Repeat]) -> list[np.ndarray[Any, Any]]:
    files = [Path(result.run_folder) / f"repeat-{one.number}" / "predictions.npz" for one in repeats]
    return [np.load(file)["model"] for file in files if file.is_file()]


def assert_same(graded: list[Result], local: list[Result], repeats: list[Repeat]) -> None:
    for here, there in zip(local, graded, strict=True):
        assert (there.student, there.verdict, there.points) == (here.student, here.verdict, here.points)
        assert (there.message, there.metrics, there.traceback) == (here.message, here.metrics, here.traceback)
        assert there.identical_to == here.identical_to
        assert (there.submission_sha256, there.slot_key) == (here.submission_sha256, here.slot_key)
        pairs = list(zip(predictions(here, repeats), predictions(there, repeats), strict=True))
        assert len(pairs) == (1 if here.metrics and not here.identical_to else 0)
        assert all((one == other).all() for one, other in pairs)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.slow
def test_a_cluster_grades_as_one_machine_does_and_the_run_folders_come_back(
    nodes: Nodes, job: Job, local: list[Result], tmp_path: Path
) -> None:
    before = processes()
    watcher = Watcher()
    graded = on(nodes, job, tmp_path / "out", watcher)
    assert_same(graded, local, job.repeats)
    assert watcher.notices == [nodes.notice]
    for here, there in zip(local, graded, strict=True):
        folder = Path(there.run_folder)
        assert folder.parent.parent == tmp_path / "out" / "runs"
        assert files(folder) == files(Path(here.run_folder))
        assert json.loads((folder / "result.json").read_text()) == there.as_json()
    assert wait_until_only(before) == set(), "the workers have ended, the cluster has not"


def toy_files(folder: Path) -> Task:
    """Make the toy task of files in `folder`, and build its notebooks."""
    shutil.copytree(TOY_FILES, folder / "tasks" / "toy_files")
    task = read_task(folder / "tasks" / "toy_files")
    write(task)
    return task


KINDS: dict[str, Callable[[Path], Task]] = {
    "files": toy_files,
    "program": lambda folder: make_program_task(folder / "tasks" / "toy_program"),
    "interactive": few_ponds,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["files", "program", pytest.param("interactive", marks=pytest.mark.nightly)])
def test_a_task_of_another_kind_is_graded_where_its_folder_is_not(
    nodes: Nodes, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is gone once what it mounts was packed, so a worker that sees this disk has no more than one elsewhere."""
    task = KINDS[kind](tmp_path)
    data = handed_in_by(task, task.solution)
    secret = b"a secret for tests" if task.spec.runs_code else b""
    repeats = prepare_repeats(task, secret, tmp_path / "evaluation", repeats=1, source="embedded")
    submissions = [Submission(f"ada{task.spec.ending}", "ada", data)]

    def pack_and_remove(context: RunContext) -> bytes | None:
        packed = packed_mounts(context)
        shutil.rmtree(task.folder)
        return packed

    monkeypatch.setattr("grader.grading.ray.engine.packed_mounts", pack_and_remove)
    job = Job(task, submissions, repeats, RunSettings("cpu", 60), tmp_path, 1)
    (result,) = on(nodes, job, tmp_path / "out", Watcher())
    assert result.verdict is Verdict.SCORED, result.message
    assert (result.points or 0) > 50
    assert RunFolder(Path(result.run_folder)).submission.name == f"submission{task.spec.ending}"


@pytest.mark.nightly
@pytest.mark.slow
def test_each_node_is_compared_with_the_bands_once_and_refused_where_it_has_to_agree(
    nodes: Nodes, job: Job, tmp_path: Path
) -> None:
    """The sister in `make test` is `test_grade_warns_refuses_or_skips_and_keeps_what_it_saw`, on this machine."""
    task = replace(job.task, spec=job.task.spec.model_copy(update={"repeats": 1}))
    answers = {
        "starter": RecordedAnswer([0.5, 0.53] * 4, 0.02, 2.0),
        "reference": RecordedAnswer([0.5, 0.54] * 4, 0.02, 2.0),
    }
    record = BandsRecord(answers, "a secret", same_program=False, dearest_seconds=2.0, origin="elsewhere")
    trial = MachineTrial(task, record, job.settings)
    watcher, engine = Watcher(), Cluster(nodes.address, per_gpu=1, shared=None)
    small = replace(job, submissions=job.submissions[2:3], out=tmp_path, engine=engine)
    engine.try_nodes(PackedTrial.of(trial, required=True))
    with pytest.raises(UsageError, match=r"no node of the cluster can grade: .*recorded points: reference"):
        run_batch(small, watcher)
    engine.try_nodes(PackedTrial.of(trial, required=False))
    (result,) = run_batch(small, watcher)
    assert result.verdict is Verdict.SLOT_ERROR
    (about,) = engine.trials.values()
    assert not about["agrees"]
    assert len(about["answers"]["reference"]["per_repeat"]) == 1
    assert any("reference: balanced accuracy" in notice for notice in watcher.notices)


@pytest.mark.slow
def test_a_worker_that_ends_is_replaced_and_run_folders_may_pass_through_a_shared_folder(
    nodes: Nodes, job: Job, local: list[Result], tmp_path: Path
) -> None:
    def end_a_worker(count: int) -> None:
        if count == 1:
            number = next(
                number for number, command in processes() if command.startswith("ray::_Actor.grade")
            )
            os.kill(number, signal.SIGKILL)

    shared = tmp_path / "shared"
    shared.mkdir()
    few = replace(job, submissions=job.submissions[:4])
    graded = on(nodes, few, tmp_path / "out", Watcher(end_a_worker), shared)
    assert_same(graded, local[:4], job.repeats)
    for here, there in zip(local, graded, strict=False):
        assert files(Path(there.run_folder)) == files(Path(here.run_folder))
    assert list(shared.iterdir()) == [], "answers are not left there"


@pytest.mark.slow
def test_who_does_not_fit_on_a_share_of_a_card_is_run_alone_on_one(
    nodes: Nodes, toy_task: Task, job: Job, tmp_path: Path
) -> None:
    own = replace(toy_task, folder=tmp_path / "tasks" / "toy_task")
    own.folder.parent.mkdir()
    own.folder.symlink_to(toy_task.folder)
    notebook = json.loads(toy_task.starter.read_text(encoding="utf-8"))
    full = "class OutOfMemoryError(Exception): ...\nraise OutOfMemoryError('the card is full')\n"
    notebook["cells"][-1]["source"] = full
    own.starter.parent.mkdir()
    own.starter.write_text(json.dumps(notebook), encoding="utf-8")
    settings = replace(job.settings, device="auto")
    engine = Cluster(nodes.address, per_gpu=2, shared=None)
    watcher = Watcher()
    (result,) = run_batch(
        replace(
            job, task=own, submissions=job.submissions[:1], settings=settings, out=tmp_path, engine=engine
        ),
        watcher,
    )
    assert (result.verdict, result.points) == (Verdict.GRADER_ERROR, None)
    assert "the card is full" in result.message
    assert Path(result.run_folder).name == "run-4", "once on a share, then as every failure of ours: thrice"
    assert watcher.notices == ["1 worker on 1 node"] * 2


@pytest.mark.slow
def test_what_a_contest_runs_on_a_node_that_is_lost_waits_again_and_is_graded_when_there_is_another(
    nodes: Nodes, toy_task: Task, starter: Json, tmp_path: Path
) -> None:
    if nodes.count > 1:
        pytest.skip("another node goes on, as in the last of the tests with two nodes")
    small = small_contest(tmp_path / "contest", RULES.replace('"toy_task"', f'"{toy_task.folder}"'))
    small.hand_in(small.ada, json.dumps(rebuild(starter, SLOW)).encode())
    tasks = prepare_grading(small.contest, GradingChoices(device="cpu", repeats=1))
    stop, lines = threading.Event(), list[str]()

    def lose_the_node(line: str) -> None:
        lines.append(line)
        if line == nodes.notice:  # a worker has opened there, and was handed the submission
            nodes.lose_one()
        elif "no node of the cluster" in line:
            stop.set()

    def work(on_notice: Callable[[str], None], stop: threading.Event) -> tuple[str, int, str | None]:
        """Let a worker run until nothing waits, and return what became of the submission."""
        engine = Cluster(nodes.address, per_gpu=1, shared=None)
        worker = ContestWorker(small.store, tasks, engine, WorkerSettings(1, on_notice))
        worker.run(stop, until_idle=True)
        with small.store.reading() as transaction:
            (row,) = transaction.connection.execute("SELECT state, failures FROM submissions").fetchall()
            (view,) = task_view(transaction, small.contest.spec, small.ada, "toy_task").attempts
        return row["state"], row["failures"], view.verdict

    assert work(lose_the_node, stop) == ("queued", 0, None)
    assert any("no node of the cluster has a free CPU; recorded results are kept" in line for line in lines)
    nodes.add_one()
    assert work(lines.append, threading.Event()) == ("done", 0, "scored")


@pytest.mark.slow
def test_closing_stops_what_runs_and_keeps_what_is_recorded(nodes: Nodes, job: Job, tmp_path: Path) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    before = processes()
    watcher = Watcher(interrupt)
    with pytest.raises(KeyboardInterrupt):
        on(nodes, job, tmp_path / "out", watcher)
    assert len(watcher.results) == 1
    assert wait_until_only(before) == set()


@pytest.mark.slow
@pytest.mark.nightly  # in `make test` a worker is lost, and its submission goes to another
@pytest.mark.parametrize("nodes", [2], indirect=True, ids=["two"])
def test_a_node_that_is_lost_costs_nobody_a_result(
    nodes: Nodes, job: Job, local: list[Result], tmp_path: Path
) -> None:
    """The last of the tests with two nodes."""
    watcher = Watcher(lambda count: nodes.lose_one() if count == 1 else None)
    few = replace(job, submissions=job.submissions[:6])
    graded = on(nodes, few, tmp_path / "out", watcher)
    assert_same(graded, local[:6], job.repeats)
    assert {result.verdict for result in graded} & {Verdict.GRADER_ERROR} == set()
    assert watcher.notices[0].startswith("2 workers on 2 nodes")


@pytest.mark.parametrize(
    ("address", "words"),
    [("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1"), ("ray://127.0.0.1:1", "HOST:PORT"), ("x", "HOST:PORT")],
    ids=["nobody there", "Ray Client", "no port"],
)  # fmt: skip
def test_an_address_where_no_cluster_is_is_one_line(
    job: Job, tmp_path: Path, address: str, words: str
) -> None:
    engine = Cluster(address, per_gpu=1, shared=None)
    with pytest.raises(UsageError, match=words):
        run_batch(replace(job, out=tmp_path, engine=engine), Watcher())


def test_a_submission_travels_with_its_bytes_or_its_fault(tmp_path: Path) -> None:
    import pickle

    kept = tmp_path / "a.ipynb"
    kept.write_bytes(b"{}")
    student = StudentFault(Verdict.INVALID_NOTEBOOK, "too large", traceback="line 1")
    for given in (
        Submission("a.ipynb", "a", kept),
        Submission("b.ipynb", "b", None, student),
        Submission("c.ipynb", "c", None, GraderFault("no rights")),
    ):
        came = pickle.loads(pickle.dumps(Sent.of(given))).submission()
        assert (came.path, came.student, came.data) == (given.path, given.student, given.data)
        assert type(came.fault) is type(given.fault)
        assert str(came.fault) == str(given.fault)
    kept.unlink()
    gone = Sent.of(Submission("a.ipynb", "a", kept)).submission()
    assert isinstance(gone.fault, GraderFault)


def test_without_the_extra_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UsageError, match=r"install the extra \[ray\]"):
        Cluster(None, per_gpu=1, shared=None)
