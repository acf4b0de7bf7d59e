"""A batch is recorded result by result, by one writer, and whatever interrupts it loses nothing."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from recorded import QuickEngine, Quiet

from grader.errors import GraderFault, UsageError, Verdict
from grader.gradebook.gradebook import reading, writing
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.rescoring import apply_rescored, rescored
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.submissions.roster import Person
from grader.task.build import write
from grader.task.evaluation import Repeat
from grader.task.score_table import Score
from grader.task.spec import read_task
from grader.trainer.fork_server import ForkServer
from grader.trainer.kernel import trainer_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Submit

    from grader.gradebook.result import Result
    from grader.grading.parsed import ParsedSubmission
    from grader.notebooks.reading import Json
    from grader.task.spec import Task

HONEST = "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n"
LOOP = "def your_weights(targets, losses):\n    while True: pass\n"


def processes_of(mark: str) -> list[str]:
    """Return the command lines of processes whose environment or command names `mark`."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            except OSError:
                continue
            if mark.encode() in text:
                found.append(text.split(b"\0\0")[0].decode(errors="replace"))
    return found


NUMBERED = "# {}\ndef your_weights(targets, losses):\n    return {}\n"


def slot(accuracy: float, answer: int = 1) -> str:
    """Return a slot that the quick engine gives this balanced accuracy; `answer` makes it another program."""
    return NUMBERED.format(accuracy, answer)


@pytest.fixture
def job(toy_task: Task, starter: Json, tmp_path: Path) -> Callable[..., Job]:
    """Give a function that makes a job of slots by student, with an engine that needs no trainer."""
    repeats = [Repeat(0, tmp_path / "inputs", tmp_path / "answers.npz", 1, 2, "mark")]
    out = tmp_path / "out"
    out.mkdir()

    def make(slots: dict[str, str], engine: QuickEngine | None = None, **changes: Any) -> Job:
        submissions = [
            Submission(f"{name}.ipynb", name.split("/")[0], json.dumps(rebuild(starter, text)).encode())
            for name, text in slots.items()
        ]
        settings = RunSettings("cpu", 60, "any")
        made = Job(toy_task, submissions, repeats, settings, out, 1, engine=engine or QuickEngine())
        return replace(made, **changes)

    return make


def test_what_is_recorded_is_not_run_again(job: Callable[..., Job]) -> None:
    engine, watcher = QuickEngine(), Quiet()
    first = run_batch(job({"a": slot(0.6, 1), "b": slot(0.7, 2)}, engine), watcher)
    again = run_batch(job({"b": slot(0.7, 2), "a": slot(0.6, 1), "c": slot(0.8, 3)}, engine), watcher)
    assert engine.asked == ["a", "b", "c"]
    assert watcher.known == 2
    assert [result.student for result in again] == ["b", "a", "c"]
    assert again[:2] == first[::-1]
    run_batch(job({"a": slot(0.6, 1)}, engine, again=True), watcher)
    assert engine.asked[3:] == ["a"]


@pytest.mark.parametrize(
    "change",
    [
        lambda _: {"settings": RunSettings("cpu", 61, "any")},
        lambda _: {"settings": RunSettings("auto", 60, "any")},
        lambda job: {"repeats": [replace(job.repeats[0], trainer_seed=9)]},
        lambda job: {"repeats": [replace(job.repeats[0], mark="other data")]},
        lambda job: {"repeats": [*job.repeats, replace(job.repeats[0], number=1)]},
    ],
    ids=["clock", "device", "seed", "data", "repeats"],
)
def test_other_settings_seeds_or_data_are_another_run(
    change: Callable[[Job], dict[str, Any]], job: Callable[..., Job]
) -> None:
    engine = QuickEngine()
    made = job({"a": slot(0.6)}, engine)
    run_batch(made, Quiet())
    run_batch(replace(made, **change(made)), Quiet())
    assert engine.asked == ["a", "a"]


def test_identical_programs_are_run_once_and_recorded_for_each(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    engine = QuickEngine()
    spaced = "# 0.6\n# mine!\ndef your_weights(targets,losses):\n\n    return (1)  # one\n"
    slots = {"a": slot(0.6), "b": spaced, "c": slot(0.6, 2)}
    a, b, c = run_batch(job(slots, engine), Quiet())
    assert engine.asked == ["a", "c"]
    assert (b.points, b.metrics, b.identical_to) == (a.points, a.metrics, "a (a.ipynb)")
    assert (a.identical_to, c.identical_to) == ("", "")
    assert (Path(b.run_folder) / "slot.py").read_text() == spaced, "everybody's own file is kept"
    assert not list(Path(b.run_folder).rglob("executed.ipynb")), "a's comments are a's"
    (d,) = run_batch(job({"d": slot(0.6)}, engine), Quiet())
    assert (Path(d.run_folder) / "repeat-0" / "executed.ipynb").read_text() == slot(0.6), "the same text"
    assert (d.identical_to, engine.asked) == ("a (a.ipynb)", ["a", "c"]), "also in a later call"
    with reading(tmp_path / "out") as book:
        history = {one.result.student: one for one in book.history()}
    assert history["b"].identical_to == history["d"].identical_to == history["a"].id


def test_a_program_that_cannot_be_compared_is_only_the_same_as_itself(job: Callable[..., Job]) -> None:
    engine = QuickEngine()
    long, deep = f"X = 0x{'f' * 9000}\n", f"Y = {'-' * 5000}1\n"
    slots = {
        "a": slot(0.6) + long,
        "b": slot(0.6) + long + "# b\n",
        "c": slot(0.6) + deep,
        "d": slot(0.6) + "%magic\n",
    }
    results = run_batch(job(slots | {"e": slot(0.6) + long}, engine), Quiet())
    assert engine.asked == ["a", "b", "c", "d"]
    assert results[4].identical_to == "a (a.ipynb)"


def test_a_traceback_with_somebodys_comments_is_shown_to_nobody_else(job: Callable[..., Job]) -> None:
    engine = QuickEngine()
    failing = "# {}\ndef your_weights(targets, losses):\n    raise ValueError\n"
    slots = {"a": failing.format("by a"), "b": failing.format("by b"), "c": failing.format("by a")}
    a, b, c = run_batch(job(slots, engine), Quiet())
    assert engine.asked == ["a", "b"]
    assert "by b" in b.traceback
    assert (c.traceback, c.identical_to) == (a.traceback, "a (a.ipynb)")


def test_a_failure_of_ours_is_run_again_by_the_next_call_and_copied_to_nobody(
    job: Callable[..., Job],
) -> None:
    class Failing(QuickEngine):
        def _result(self, task: Task, submission: ParsedSubmission, runs: Path) -> Result:
            result = super()._result(task, submission, runs)
            return replace(result, verdict=Verdict.GRADER_ERROR, points=None, metrics=None)

    broken = Failing()
    run_batch(job({"a": slot(0.6), "b": slot(0.6)}, broken), Quiet())
    assert broken.asked == ["a", "b"]
    engine = QuickEngine()
    results = run_batch(job({"a": slot(0.6), "b": slot(0.6)}, engine), Quiet())
    assert [result.verdict for result in results] == ["scored"] * 2
    assert engine.asked == ["a"]


def test_a_new_score_map_gives_new_points_without_a_run(job: Callable[..., Job], toy_task: Task) -> None:
    engine = QuickEngine()
    made = job({"a": slot(0.75)}, engine)
    before = run_batch(made, Quiet())[0]
    spec = toy_task.spec.model_copy(update={"score": Score(floor=0.5, ceiling=1.0)})
    (after,) = run_batch(replace(made, task=replace(toy_task, spec=spec)), Quiet())
    assert engine.asked == ["a"]
    assert after.points == 50 != before.points
    assert after.metrics == before.metrics


def test_a_result_that_came_meanwhile_is_not_replaced_by_a_rescored_one(
    job: Callable[..., Job], toy_task: Task
) -> None:
    made = job({"a": slot(0.75)})
    run_batch(made, Quiet())
    spec = toy_task.spec.model_copy(update={"score": Score(floor=0.5, ceiling=1.0)})
    mapped = replace(toy_task, spec=spec)
    changed = rescored(made.out, mapped, lambda _: [])
    run_batch(replace(made, again=True), Quiet())
    with pytest.raises(UsageError, match="got new results meanwhile, so nothing was changed; call it again"):
        apply_rescored(made.out, mapped, changed)
    with reading(made.out) as book:
        assert len(book.history()) == 2
    apply_rescored(made.out, mapped, rescored(made.out, mapped, lambda _: []))
    with reading(made.out) as book:
        assert [row.result.points for row in book.current()] == [50]


def test_what_an_earlier_score_py_refused_runs_again(job: Callable[..., Job], own_toy: Path) -> None:
    class Refusing(QuickEngine):
        def _result(self, task: Task, submission: ParsedSubmission, runs: Path) -> Result:
            result = super()._result(task, submission, runs)
            return replace(result, verdict=Verdict.INVALID_OUTPUT, points=0, metrics=None)

    toml, scorer = own_toy / "task.toml", own_toy / "score.py"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(f'schema = 2\n{text}\n[metric]\nscorer = "score.py"\n', encoding="utf-8")
    scorer.write_text("", encoding="utf-8")
    write(read_task(own_toy))
    refusing, engine = Refusing(), QuickEngine()
    for source, asked in (("# strict", ["a"]), ("# strict", ["a"]), ("# mended", ["a", "a"])):
        scorer.write_text(source, encoding="utf-8")
        run_batch(job({"a": slot(0.6)}, refusing, task=read_task(own_toy)), Quiet())
        assert refusing.asked == asked, source
    scorer.write_text("# mended again", encoding="utf-8")
    (result,) = run_batch(job({"b": slot(0.6)}, engine, task=read_task(own_toy)), Quiet())
    assert (engine.asked, result.verdict) == (["b"], "scored"), (
        "nobody gets the old refusal of the same program"
    )


def test_several_attempts_of_a_student_are_kept_apart(job: Callable[..., Job], tmp_path: Path) -> None:
    run_batch(job({"a/1": slot(0.6, 1), "a/2": slot(0.7, 2), "b/1": slot(0.9, 3)}), Quiet())
    run_batch(job({"a/3": slot(0.65, 4), "a/1": slot(0.6, 1)}), Quiet())
    with reading(tmp_path / "out") as book:
        attempts = [(one.result.student, one.attempt, one.result.submission) for one in book.current()]
        latest = {row["student"]: (row["attempt"], row["attempts"]) for row in book.leaderboard()}
    assert attempts == [
        ("a", 1, "a/1.ipynb"),
        ("a", 2, "a/2.ipynb"),
        ("a", 3, "a/3.ipynb"),
        ("b", 1, "b/1.ipynb"),
    ]
    assert latest == {"a": (3, 3), "b": (1, 1)}
    with (tmp_path / "out" / "results.csv").open() as file:
        assert [(row["student"], row["attempt"]) for row in csv.DictReader(file)] == [
            ("a", "1"),
            ("a", "2"),
            ("a", "3"),
            ("b", "1"),
        ]


def test_the_rule_that_is_recorded_stays_unless_the_task_states_one(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir(exist_ok=True)
    with writing(tmp_path / "out") as book:
        book.counts("toy_task", "best")
    work = job({"a/1": slot(0.7, 1), "a/2": slot(0.6, 2)})
    run_batch(work, Quiet())
    assert _counting(tmp_path / "out") == {"a": 1}
    stated = work.task.spec.model_copy(update={"leaderboard": "latest"})
    stated.model_fields_set.add("leaderboard")
    run_batch(replace(work, task=replace(work.task, spec=stated)), Quiet())
    assert _counting(tmp_path / "out") == {"a": 2}


def _counting(out: Path) -> dict[str, int]:
    with reading(out) as book:
        return {row["student"]: row["attempt"] for row in book.leaderboard()}


def test_a_roster_that_was_forgotten_makes_nobody_somebody_else(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    made = job({"1017": slot(0.6)})
    named = Submission("anna.ipynb", "1017", made.submissions[0].data, person=Person("1017", "Anna"))
    unnamed = Submission("anna.ipynb", "anna", made.submissions[0].data)
    run_batch(replace(made, submissions=[named]), Quiet())
    with pytest.raises(
        UsageError, match="in the gradebook as 1017's, and now it would be anna's: give the --roster"
    ):
        run_batch(replace(made, submissions=[unnamed]), Quiet())
    with reading(tmp_path / "out") as book:
        assert [row["student"] for row in book.leaderboard()] == ["1017"]


def test_a_copy_stays_one_under_a_new_score_map(
    job: Callable[..., Job], toy_task: Task, tmp_path: Path
) -> None:
    made = job({"a": slot(0.75), "b": slot(0.75)})
    run_batch(made, Quiet())
    spec = toy_task.spec.model_copy(update={"score": Score(floor=0.5, ceiling=1.0)})
    run_batch(replace(made, task=replace(toy_task, spec=spec)), Quiet())
    with reading(tmp_path / "out") as book:
        a, b = book.current()
    assert (a.result.points, b.result.points, a.identical_to) == (50, 50, None)
    assert b.identical_to is not None
    assert b.result.identical_to == "a (a.ipynb)"


def test_the_same_file_under_two_paths_is_one_submission(job: Callable[..., Job], tmp_path: Path) -> None:
    engine = QuickEngine()
    first, second = run_batch(job({"a/x": slot(0.6), "a/y": slot(0.6)}, engine), Quiet())
    assert (engine.asked, second) == (["a"], first)
    with reading(tmp_path / "out") as book:
        assert len(book.history()) == 1


def test_a_gradebook_that_cannot_be_written_is_one_line(job: Callable[..., Job], tmp_path: Path) -> None:
    (tmp_path / "out" / "gradebook.sqlite").mkdir()
    with pytest.raises(UsageError, match="unable to open"):
        run_batch(job({"a": slot(0.6)}), Quiet())


class Telling(Quiet):
    """A watcher that says through a pipe what is recorded, as soon as it is."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe

    def on_result(self, result: Result) -> None:
        os.write(self._pipe, result.student.encode() + b" ")


@pytest.mark.slow
def test_kill_9_at_fifty_moments_loses_nothing_and_records_nothing_wrongly(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    """Rule 6: the whole process group is killed, each time at another moment; the next call goes on."""
    slots = {
        f"s{number}": slot(0.5 + number / 1000, number // 2) for number in range(60)
    }  # every second is a copy
    made = job(slots, QuickEngine(seconds=0.004, kilobytes=8))
    random, told, finished = Random(0), set[str](), 0
    for number in range(50):
        told |= killed_after(random.uniform(0.0, 0.3), made)
        if told:
            with reading(made.out) as book:
                recorded = [one.result.student for one in book.history()]
            assert told <= set(recorded), "what was said to be recorded is recorded"
            assert len(recorded) == len(set(recorded)), "and only once"
        if len(told) == len(slots):  # go on with an empty folder
            check_whole(made)
            finished, told = finished + 1, set()
            made = replace(made, out=tmp_path / f"out{number}")
            made.out.mkdir()
    assert finished < 25, "the test must kill batches that are not done"
    run_batch(made, Quiet())
    check_whole(made)


def killed_after(seconds: float, job: Job) -> set[str]:
    """Run `job` in a process group of its own, kill it, and return the students it said to be recorded."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        with contextlib.suppress(BaseException):
            run_batch(job, Telling(writer))
        os._exit(0)
    os.close(writer)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with os.fdopen(reader, "rb") as file:
        return set(file.read().decode().split())


def check_whole(job: Job) -> None:
    """Check that a gradebook holds the 60 results, each once and right."""
    results = run_batch(job, Quiet())
    assert [result.metrics.value for result in results if result.metrics] == [
        0.5 + (number - number % 2) / 1000 for number in range(60)
    ], "a copy has the result of its original"
    connection = sqlite3.connect(job.out / "gradebook.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT COUNT(*), COUNT(DISTINCT submission) FROM results").fetchone() == (
        60,
        60,
    )
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


FULL_DISK = """
import os, sys, pickle, pathlib
from dataclasses import replace
sys.path[:0] = {path!r}
from recorded import Quiet
from grader.grading.batch import run_batch
from grader.errors import UsageError
from grader.gradebook.gradebook import reading
job = pickle.loads(pathlib.Path({job!r}).read_bytes())
out = job.out
filler = out / "filler"
filler.write_bytes(bytes(14 << 20))
watcher = Quiet()
try:
    run_batch(job, watcher)
    print("it went through")
except UsageError as error:
    print(error)
with reading(out) as book:
    recorded = {{one.result.student: one.result.verdict for one in book.history()}}
print(len(recorded), set(recorded) >= {{result.student for result in watcher.results}}, set(recorded.values()))
filler.unlink()
results = run_batch(job, Quiet())
print(len(results), {{result.verdict for result in results}})
"""


def test_a_full_disk_stops_the_batch_with_one_line_and_the_next_call_goes_on(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    """On a real, small tmpfs, in a mount namespace of its own."""
    made = job(
        {f"s{number}": slot(0.5 + number / 1000, number) for number in range(40)}, QuickEngine(kilobytes=400)
    )
    (tmp_path / "job").write_bytes(pickle.dumps(made))
    script = tmp_path / "full.py"
    script.write_text(FULL_DISK.format(path=[str(Path(__file__).parent.parent)], job=str(tmp_path / "job")))
    mount = f"mount -t tmpfs -o size=24m tmpfs {made.out} && exec {sys.executable} {script}"
    enter = (
        ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    )
    done = subprocess.run([*enter, "sh", "-c", mount], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    message, recorded, finished = done.stdout.splitlines()
    assert "No space left on device; make room" in message
    assert "recorded results are kept" in message
    count, everything_told, verdicts = recorded.split(" ", 2)
    assert 5 < int(count) < 40
    assert everything_told == "True"
    assert verdicts == "{<Verdict.SCORED: 'scored'>}", "nothing is recorded wrongly"
    assert finished == "40 {<Verdict.SCORED: 'scored'>}"


def start(toy_task: Task, paths: list[Path], out: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "grader",
        "grade",
        str(toy_task.folder),
        *map(str, paths),
        "--out",
        str(out),
    ]
    environment = os.environ | {"GRADER_TEST_MARK": str(out)}
    return subprocess.Popen(
        [*command, "--repeats", "1"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        start_new_session=True,
    )  # fmt: skip


def recorded(out: Path) -> list[Result]:
    if not (out / "gradebook.sqlite").exists():
        return []
    with contextlib.suppress(UsageError), reading(out) as book:  # it may be in the making
        return [one.result for one in book.history()]
    return []


def wait_for_line(out: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if recorded(out):
            return
        time.sleep(0.1)
    pytest.fail("no result was recorded in time")


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_an_interrupted_batch_keeps_what_was_recorded_and_leaves_no_process(
    signum: signal.Signals, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    running = start(toy_task, [submit(HONEST, "a.ipynb"), submit(LOOP, "b.ipynb")], out)
    wait_for_line(out)
    time.sleep(2)
    running.send_signal(signum)
    _, err = running.communicate(timeout=60)
    assert [result.student for result in recorded(out)] == ["a"]
    if signum is signal.SIGINT:
        assert running.returncode == 130
        assert "recorded results are kept" in err
    deadline = time.monotonic() + 30
    while processes_of(str(out)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(str(out)) == []


@pytest.mark.slow
def test_a_fork_server_imports_what_it_was_told_to_and_a_closed_one_forks_no_more() -> None:
    environment = trainer_environment("cpu")
    warm = ForkServer(environment, {"PIL.Image", "pandas.not_there"})
    warm.wait_until_ready()
    (server,) = [
        folder
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit()
        and is_fork_server_of(os.getpid(), folder)
        and b"PIL.Image" in cmdline(folder)
    ]
    libraries = (server / "maps").read_text()
    assert "/PIL/" in libraries
    assert "/torch/" in libraries, "every trainer needs it"
    assert "/sklearn/" not in libraries
    assert "/torchvision/" not in libraries
    assert warm.serves(environment, {"PIL.Image"})
    assert not warm.serves(environment, {"sklearn.metrics"})
    assert not warm.serves({**environment, "OMP_NUM_THREADS": "2"}, set())
    warm.close()
    with pytest.raises(GraderFault, match="fork server is closed"):
        warm.fork({}, [0, 1, 2])


@pytest.mark.slow
def test_a_fork_server_that_is_killed_is_replaced_and_no_submission_suffers(
    toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    running = start(toy_task, [submit(HONEST, f"{name}.ipynb") for name in "abc"], out)
    wait_for_line(out)
    (warm,) = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and is_fork_server_of(running.pid, folder)
    ]
    os.kill(warm, signal.SIGKILL)
    running.communicate(timeout=90)
    assert running.returncode == 0
    assert [result.verdict for result in recorded(out)] == ["scored"] * 3


def cmdline(process: Path) -> bytes:
    return (process / "cmdline").read_bytes()


def is_fork_server_of(pid: int, folder: Path) -> bool:
    try:
        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        return parent == pid and b"grader.trainer.fork_server_process" in cmdline(folder)
    except OSError:
        return False


def test_a_fork_server_that_cannot_import_is_our_failure() -> None:
    warm = ForkServer({"PATH": os.environ["PATH"], "PYTHONHOME": "/nowhere"})
    with pytest.raises(GraderFault, match="did not start"):
        warm.wait_until_ready()
    warm.close()
