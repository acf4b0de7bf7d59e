"""The runner of attacks notices what it is there to notice: tried without a sandbox, where attacks do reach what they aim at."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from recorded import Quiet

from grader.cli.main import main
from grader.errors import UsageError
from grader.gradebook.run_settings import RunSettings
from grader.redteam.arena import SEEDS, TRAINED_TWINS, Arena, AttackOutcome, context_for, open_arena
from grader.redteam.corpus import read_attack
from grader.task.evaluation import prepare_repeats
from grader.task.spec import read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Run

    from grader.grading.engine import LocalEngine
    from grader.redteam.corpus import Attack
    from grader.task.spec import Task

SECRET = b"seeds of the test suite"
HONEST = "def attack(honest, *arguments):\n    return honest(*arguments)\n"


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as opened:
        yield opened


@pytest.fixture
def lent_to_arenas(unwalled: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let arenas have the bait that is laid already: a fork server inherits it, so other bait needs another one.

    That each has its own, looks at the libraries and starts an engine is for the arena of tests/redteam/test_corpus.py.
    """
    monkeypatch.setattr("grader.redteam.arena.lay_bait", lambda: contextlib.nullcontext(unwalled._bait))
    for module in ("arena", "host_snapshot"):
        monkeypatch.setattr(f"grader.redteam.{module}.libraries", dict)


@pytest.fixture(scope="module")
def unwalled(
    toy_task: Task, tmp_path_factory: pytest.TempPathFactory, engine: LocalEngine, patch: pytest.MonkeyPatch
) -> Iterator[Arena]:
    """An arena whose slots are ordinary processes, which may do whatever the grader may."""
    out = tmp_path_factory.mktemp("unwalled")
    limits = toy_task.spec.limits.model_copy(update={"processes": 64, "file_mb": 64})
    task = replace(toy_task, spec=toy_task.spec.model_copy(update={"limits": limits}))
    repeats = prepare_repeats(task, SECRET, out / "evaluation", repeats=SEEDS, source="embedded")
    context = context_for(task, RunSettings("cpu", 60, "plain"), repeats)
    patch.setattr("grader.redteam.arena.LocalEngine", lambda: contextlib.nullcontext(engine))
    with open_arena(context, out, watcher=Quiet()) as opened:
        yield opened


def attack_of(folder: Path, name: str, code: str, endings: str = "scored=honest") -> Attack:
    path = folder / f"{name.replace('-', '_')}.py"
    path.write_text(f'# attack: {name}  expect: {endings}\n"""Is not confined."""\n{code}\n')
    return read_attack(path)


@pytest.fixture
def face(unwalled: Arena, tmp_path: Path) -> Callable[[str], list[str]]:
    """Give a function that runs an attack without a sandbox and returns what was noticed."""

    def run(code: str, endings: str = "scored=honest") -> list[str]:
        return unwalled.face(attack_of(tmp_path, "reading-x", code, endings)).problems

    return run


REACHING = {
    "a file": ("print(open(TARGETS['canary_file']).read())", "a secret is shown in what it printed"),
    "the secret": ("print(open(TARGETS['secret']).read())", "a secret is shown in what it printed"),
    "the answers": (
        "if np.load(TARGETS['answers'] + '/answers.npz')['labels'].any(): reached('the answers')",
        "REACHED the answers",
    ),
    "another submission": (
        "import glob\nfor path in glob.glob(TARGETS['runs'] + '/other/*/submission.ipynb'): print(open(path).read())",
        "a secret is shown in what it printed",
    ),
    "the gradebook": (
        "print(open(TARGETS['gradebook'], 'rb').read())", "a secret is shown in what it printed",
    ),
    "the environment of a process above": (
        """import os
for number in os.listdir('/proc'):
    try:
        print([text for text in open(f'/proc/{number}/environ').read().split('\\0') if TARGETS['variable'] in text])
    except OSError:
        pass""",
        "a secret is shown in what it printed",
    ),
    "a port by TCP": (
        "import socket\nprint(socket.create_connection(('127.0.0.1', TARGETS['port'])).recv(99))",
        "a TCP port (IPv4) was connected to",
    ),
    "a port by UDP": (
        "import socket\nsocket.socket(2, 2).sendto(b'x', ('127.0.0.1', TARGETS['port']))",
        "a UDP port (IPv4) was sent something",
    ),
    "an abstract socket": (
        "import socket\nsocket.socket(1).connect('\\0' + TARGETS['abstract'])",
        "a unix socket (abstract) was connected to",
    ),
    "an abstract socket for datagrams": (
        "import socket\nsocket.socketpair(1, 2)[0].sendto(b'x', '\\0' + TARGETS['abstract'])",
        "a unix socket for datagrams (abstract) was sent something",
    ),
    "a socket in a folder": (
        "import socket\nsocket.socket(1).connect(TARGETS['unix_socket'])",
        "a unix socket (in a folder) was connected to",
    ),
    "a pipe": (
        "import os\nos.read(os.open(TARGETS['fifo'], os.O_RDONLY | os.O_NONBLOCK), 1)",
        "something was read from the pipe, or written to it",
    ),
    "shared memory": (
        "print(open('/dev/shm/' + TARGETS['shared_memory'], 'r+').write('x'))", "changed: /dev/shm/bait-",
    ),
    "the folder that is open to all": ("open(TARGETS['canary_folder'] + '/hit', 'w')", "new: "),
    "the results": ("open(TARGETS['runs'] + '/other/hit', 'w')", "new: "),
    "a time that is set back": (
        "import os\nos.chmod(TARGETS['secret'], 0o644)\nos.chmod(TARGETS['secret'], 0o600)", "changed: ",
    ),
    "a process that stays": (
        "import os, time\nif not os.fork():\n    os.setsid()\n    if not os.fork(): time.sleep(600)\n    os._exit(0)",
        "a process was left: python",
    ),
    "a program that stays": (
        "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)",
        "a process was left: sleep",
    ),
    "a better score": (
        """def attack(honest, targets, losses):
    counts = torch.bincount(targets, minlength=2).clamp(min=1)
    return (len(targets) / (2.0 * counts))[targets].float()""",
        "scored 0.",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="is about Linux")
@pytest.mark.parametrize(("code", "says"), REACHING.values(), ids=REACHING.keys())
def test_without_a_sandbox_an_attack_reaches_what_it_aims_at_and_is_noticed(
    face: Callable[..., list[str]], code: str, says: str
) -> None:
    endings = "scored<=baseline" if "def attack" in code else "scored=honest"
    found = face(code, endings)
    assert any(problem.startswith(says) for problem in found), found


@pytest.mark.slow
def test_what_one_attack_did_is_not_held_against_the_next(face: Callable[..., list[str]]) -> None:
    assert len(face("open(TARGETS['canary_folder'] + '/another', 'w')")) == 2
    assert face(HONEST) == []


@pytest.mark.slow
def test_a_file_in_a_shared_folder_is_noticed_by_its_name(face: Callable[..., list[str]]) -> None:
    dropped = Path(f"/tmp/dropped-by-a-test-{uuid4()}")
    try:
        assert face(f"open('{dropped}', 'w').close()") == [f"new: {dropped}"]
    finally:
        dropped.unlink()


@pytest.mark.slow
def test_of_a_window_the_attack_is_named_after_which_the_honest_submission_is_graded_otherwise(
    unwalled: Arena, tmp_path: Path
) -> None:
    train = unwalled._context.repeats[0].inputs / "train.npz"
    kept = train.read_bytes()
    poison = (
        "path = TARGETS['inputs'] + '/train.npz'\ndata = dict(np.load(path))\ndata['y_noisy'][:800] = 0\n"
        "np.savez(path, **data)"
    )
    window = [
        attack_of(tmp_path, "reading-before", HONEST),
        attack_of(tmp_path, "reading-poison", poison, "scored<=baseline|scored=honest"),
    ]
    shown: list[AttackOutcome] = []
    before, poisoned = unwalled.face_window(window, shown.append)
    assert [outcome.attack for outcome in shown] == ["reading-before", "reading-poison"]
    assert before.problems == []
    assert any(problem.startswith("changed: ") for problem in poisoned.problems)
    assert poisoned.problems[-1].startswith("the submission after it was graded otherwise: scored")
    assert train.read_bytes() == kept, "the next window finds the files that were there before any attack"
    assert unwalled.honest_difference() == ""


@pytest.mark.slow
def test_a_notebook_that_is_rebuilt_into_the_honest_one_trains_three_times_and_then_counts_as_that(
    unwalled: Arena, tmp_path: Path
) -> None:
    twin = "def submit(notebook, slot):\n    notebook['metadata'] = {}\n    return notebook"
    outcomes = [
        unwalled.face(attack_of(tmp_path, f"notebook-twin-{number}", twin))
        for number in range(TRAINED_TWINS + 1)
    ]
    trained = [f"/notebook-twin-{number}/" in outcome.run_folder for number, outcome in enumerate(outcomes)]
    assert trained == [True] * TRAINED_TWINS + [False]
    assert [(outcome.verdict, outcome.problems) for outcome in outcomes] == [("scored", [])] * len(outcomes)
    wrong = unwalled.face(attack_of(tmp_path, "notebook-twin-x", twin, "slot_missing"))
    assert wrong.problems[0].startswith("scored 0."), "a twin is held to its first line"


@pytest.mark.slow
@pytest.mark.usefixtures("lent_to_arenas")
def test_a_task_whose_own_baseline_fails_is_one_line(own_toy: Path, tmp_path: Path) -> None:
    from grader.task.build import write

    text = (own_toy / "notebook.py").read_text(encoding="utf-8")
    (own_toy / "notebook.py").write_text(text.replace("# return torch.ones(", "# return no_such_name("))
    task = read_task(own_toy)
    write(task)
    repeats = prepare_repeats(task, SECRET, tmp_path / "evaluation", repeats=SEEDS, source="embedded")
    context = context_for(task, RunSettings("cpu", 60, "plain"), repeats)
    says = "its own baseline is not scored but slot_error: your_weights raised NameError"
    with pytest.raises(UsageError, match=says), open_arena(context, tmp_path, watcher=Quiet()):
        pytest.fail("there is nothing to compare with")


# -- the command ---------------------------------------------------------------------------------------------------


def corpus(folder: Path, **endings: str) -> Path:
    folder.mkdir()
    for stem, ending in endings.items():
        name = stem.replace("_", "-")
        (folder / f"{stem}.py").write_text(f'# attack: {name}  expect: {ending}\n"""Honest."""\n{HONEST}')
    return folder


@pytest.mark.slow
@pytest.mark.usefixtures("lent_to_arenas")
def test_the_command_prints_a_table_and_says_by_its_exit_code_whether_all_held(
    toy_task: Task, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = corpus(
        tmp_path / "corpus", reading_nothing="scored=honest", stopping_nothing="time_limit|slot_error"
    )
    monkeypatch.chdir(tmp_path)
    code, table, errors = run("redteam", toy_task.folder, "--corpus", made)
    assert code == 1, errors
    assert table.splitlines()[-1] == "1 of 2 attacks held"
    assert "stopping-nothing: scored 0." in table
    assert "[1/2] reading-nothing: held, scored, " in errors
    assert (tmp_path / "redteam_runs" / "runs" / "reading-nothing" / "run-1" / "result.json").is_file()
    chosen = ["--attack", "reading-nothing", "--out", "o", "--json"]
    code, rows, errors = run("redteam", toy_task.folder, "--corpus", made, *chosen)
    assert (code, errors) == (0, "")
    (row,) = json.loads(rows)
    assert row["held"] is True
    assert (row["attack"], row["expected"], row["verdict"], row["problems"]) == (
        "reading-nothing", "scored=honest", "scored", [],
    )  # fmt: skip


@pytest.mark.slow
def test_a_call_that_is_interrupted_says_how_far_it_came(toy_task: Task, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grader", "redteam", str(toy_task.folder)]
    started = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert started.stderr is not None
    started.stderr.readline()
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert said.splitlines()[-1].startswith("grader: stopped after 1 of ")


def test_a_corpus_that_cannot_be_read_is_one_line_and_exit_code_2(
    toy_task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = corpus(tmp_path / "corpus", reading_nothing="scored")
    words = ["grader", "redteam", str(toy_task.folder), "--corpus", str(made), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
