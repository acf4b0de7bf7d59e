"""Every file of the hostile corpus, against the toy task: it ends as its first line says, and gets and leaves nothing."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import socket
import stat
import time
import tomllib
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from attacks import ATTACKS, HOSTILE, MECHANISMS
from conftest import TOY_TASK
from recorded import Quiet
from sandbox_fixtures import go_without_walls
from spoiling import as_class
from turns import TASKS, THIRDS, is_in_turn

from grader.errors import StudentFault, UsageError, Verdict
from grader.gradebook.gradebook import reading
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.notebooks.reading import read_notebook
from grader.notebooks.slot import find_slot
from grader.redteam.arena import SEEDS, Arena, context_for, open_arena
from grader.redteam.corpus import CLASSES, corpus_folder, handed_in, read_attack, read_corpus
from grader.redteam.verify import executed, kinds_of_output
from grader.redteam.window import WINDOW, culprits
from grader.submissions.collect import collect
from grader.task.build import write
from grader.task.evaluation import prepare_repeats
from grader.task.limits import Limits
from grader.task.spec import read_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Submit

    from grader.grading.engine import LocalEngine
    from grader.notebooks.reading import Json
    from grader.redteam.corpus import Attack
    from grader.sandbox import Walls
    from grader.task.spec import Task

# Whatever holds the slot up, only the clock ends it, and in the same way: a third of them is faced in each run, in turn.
ENDED_BY_THE_CLOCK = [path for path in ATTACKS if read_attack(path).endings == (Verdict.TIME_LIMIT.value,)]
LEAST_ATTACKS = 80
LEAST_OF_A_CLASS = 5
# What may end by the clock is stopped after so many seconds, at the gate and in the run; the second time it has what others have.
GATE_SECONDS = 1.0
LOOP_SECONDS = 5.0
FORMULA = ("=", "+", "-", "@", "\t", "\r")


# The walls that attacks are faced behind: with namespaces; without; and with namespaces for a task that grants processes and files.
BUILDS = ("namespaces", "landlock", "granting")


@pytest.fixture(scope="module")
def granting_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """The toy task, which grants its slots processes and files."""
    folder = tmp_path_factory.mktemp("granting") / "tasks" / "toy_task"
    shutil.copytree(TOY_TASK, folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "task.toml"
    text = path.read_text(encoding="utf-8")
    assert "[limits]\n" in text
    path.write_text(text.replace("[limits]\n", "[limits]\nprocesses = 16\nfile_mb = 64\n"), encoding="utf-8")
    task = read_task(folder)
    write(task)
    return task


@dataclass
class Faced:
    """An arena, and the attacks that were faced in it since an honest submission was graded."""

    arena: Arena
    window: list[Attack] = field(default_factory=list)

    def look_back(self) -> None:
        """Grade an honest submission once more."""
        window, self.window = self.window, []
        assert culprits(self.arena, window) == {}


@pytest.fixture(scope="module")
def arena_behind(
    request: pytest.FixtureRequest, toy_task: Task, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Faced]]:
    """Give a function that opens the arena of a build once; after the last test each is looked back on."""
    opened: dict[str, Faced] = {}

    def behind(build: str) -> Faced:
        if build not in opened:
            walls: Walls = "landlock" if build == "landlock" else "namespaces"
            go_without_walls(walls)
            task = request.getfixturevalue("granting_task") if build == "granting" else toy_task
            out = tmp_path_factory.mktemp("redteam")
            repeats = prepare_repeats(
                task, b"seeds of the test suite", out / "evaluation", repeats=SEEDS, source="embedded"
            )
            context = context_for(task, RunSettings("cpu", 60, walls), repeats)
            opened[build] = Faced(stack.enter_context(open_arena(context, out, watcher=Quiet())))
        return opened[build]

    with contextlib.ExitStack() as stack:
        yield behind
        for faced in opened.values():
            faced.look_back()
            assert faced.arena.changed_libraries() == []


def has_its_turn(path: Path, build: str) -> bool:
    """Return whether an attack is faced behind such walls in each run, and not only at night."""
    if path.stem.startswith(
        "program_"
    ):  # tests/redteam/test_program_corpus.py has a task with what these attack
        return path.stem in MECHANISMS and build == "namespaces"
    needs_processes = bool(read_attack(path).alone)
    if build == "landlock":
        return path.stem in MECHANISMS
    if build == "granting":
        return needs_processes
    if needs_processes:  # it ends before it has begun
        return False
    by_clock = path in ENDED_BY_THE_CLOCK
    return not by_clock or is_in_turn(ENDED_BY_THE_CLOCK.index(path), turn=os.environ["TURN"])


def faced_in(build: str) -> list[object]:
    """Return the attacks as parameters, in groups, so that both workers have some to face."""
    parameters: list[object] = []
    for path in ATTACKS:
        group = f"attacks of {path.stem.partition('_')[0]}" if build == "namespaces" else f"attacks, {build}"
        marks = [pytest.mark.xdist_group(group)]
        marks += [] if has_its_turn(path, build) else [pytest.mark.nightly]
        parameters.append(pytest.param(build, path, id=f"{build}-{path.stem}", marks=marks))
    return parameters


@pytest.mark.slow
@pytest.mark.parametrize(("build", "path"), [parameter for build in BUILDS for parameter in faced_in(build)])
def test_the_grader_shrugs_off(build: str, path: Path, arena_behind: Callable[[str], Faced]) -> None:
    attack, faced = read_attack(path), arena_behind(build)
    with pytest.MonkeyPatch.context() as patch:
        if Verdict.TIME_LIMIT.value in attack.endings:
            patch.setattr(faced.arena, "_wall_seconds", LOOP_SECONDS)
            patch.setattr("grader.trainer.first_call._SECONDS", GATE_SECONDS)
        outcome = faced.arena.face(attack)
    if not outcome.held:  # a machine that does something else as well; a hole is there the second time, too
        outcome = faced.arena.face(attack)
    faced.window.append(attack)
    assert outcome.problems == []
    assert outcome.verdict != Verdict.GRADER_ERROR
    if len(faced.window) == WINDOW:
        faced.look_back()


def test_each_mechanism_is_one_of_the_corpus() -> None:
    assert set(MECHANISMS) <= {path.stem for path in ATTACKS}
    assert {name.partition("_")[0] for name in MECHANISMS} == set(CLASSES)
    assert len(MECHANISMS) >= 30


# -- the corpus itself -------------------------------------------------------------------------------------------


def test_the_corpus_is_found_and_has_every_class() -> None:
    attacks = read_corpus(corpus_folder())
    assert len(attacks) >= LEAST_ATTACKS
    for kind in CLASSES:
        assert sum(attack.kind == kind for attack in attacks) >= LEAST_OF_A_CLASS, kind


def test_every_attack_that_the_clock_ends_has_its_turn() -> None:
    numbers = range(len(ENDED_BY_THE_CLOCK))
    for task in TASKS:
        assert any(is_in_turn(number, turn=task.id) for number in numbers)
    assert all(any(is_in_turn(number, turn=task.id) for task in TASKS) for number in numbers)
    assert all(is_in_turn(number, turn="all") for number in numbers)
    assert sum(is_in_turn(number, turn=TASKS[0].id) for number in numbers) <= len(numbers) // THIRDS + 1


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_a_file_of_the_corpus_can_be_handed_in(path: Path, starter: Json) -> None:
    attack = read_attack(path)
    assert handed_in(attack, starter, {})
    assert len(attack.text.splitlines()) <= 120


def test_an_installed_package_finds_the_corpus_where_the_wheel_puts_it() -> None:
    text = (HOSTILE.parent.parent / "packaging" / "pyproject.toml").read_text(encoding="utf-8")
    included = tomllib.loads(text)["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included["../tests/hostile"] == "grader/bundled/hostile"
    assert corpus_folder() == HOSTILE, "here there is no such folder, and the clone's is found"


def test_an_attack_may_end_otherwise_where_the_task_grants_nothing_or_calls_the_slot_once(
    tmp_path: Path,
) -> None:
    path = tmp_path / "wire_sample.py"
    path.write_text(
        '# attack: wire-sample  expect: slot_crashed  alone: slot_error  once: time_limit\n"""A sample."""\n'
    )
    attack, granting = read_attack(path), Limits(processes=4)
    assert attack.within(granting).endings == ("slot_crashed",)
    assert attack.within(Limits()).endings == ("slot_crashed", "slot_error")
    assert attack.within(granting, once=True).endings == ("slot_crashed", "time_limit")


def test_chosen_attacks_come_in_the_order_asked_for() -> None:
    names = ["notebook-utf16", "notebook-pickle", "notebook-utf16"]
    assert [attack.name for attack in read_corpus(HOSTILE, names)] == names[:2]


def test_a_class_stands_for_all_its_attacks() -> None:
    names = [attack.name for attack in read_corpus(HOSTILE, ["network", "network-tcp"])]
    assert names == [attack.name for attack in read_corpus(HOSTILE) if attack.kind == "network"]


def test_an_attack_that_is_not_there_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"no attack 'notebook-pickel'; did you mean 'notebook-pickle'\?"):
        read_corpus(HOSTILE, ["notebook-pickel"])


def test_a_folder_without_attacks_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no attacks"):
        read_corpus(tmp_path)


GOOD = '# attack: reading-x  expect: scored=honest|slot_error\n"""Reads x."""\n'
UNREADABLE = {
    "nothing": ("", "the first line must be"),
    "no header": ('"""Reads x."""\n', "the first line must be"),
    "no ending": ('# attack: reading-x  expect:\n"""Reads x."""\n', "the first line must be"),
    "no class": ('# attack: x  expect: slot_error\n"""Reads x."""\n', "the first line must be"),
    "another name": (GOOD.replace("reading-x", "reading-y"), "which is not the file's name"),
    "an unknown ending": (GOOD.replace("|slot_error", "|scored"), "'scored' is not an ending"),
    "a failure of ours": (GOOD.replace("|slot_error", "|grader_error"), "'grader_error' is not an ending"),
    "an empty ending": (GOOD.replace("|slot_error", "|"), "'' is not an ending"),
    "no docstring": (GOOD.partition("\n")[0] + "\nimport os\n", "a docstring must say what is tried"),
    "submit in another class": (
        GOOD + "def submit(notebook, slot):\n    pass\n",
        "and no other, defines submit",
    ),
    "not UTF-8": (GOOD.encode() + b"\xff", "is not UTF-8 text"),
}


@pytest.mark.parametrize(("content", "says"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_that_is_no_attack_is_one_line(tmp_path: Path, content: str | bytes, says: str) -> None:
    path = tmp_path / "reading_x.py"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=says) as caught:
        read_attack(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "baking_x.py"
    path.write_text(GOOD.replace("reading-x", "baking-x"))
    with pytest.raises(UsageError, match="there is no class 'baking'"):
        read_attack(path)


def test_a_folder_in_place_of_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "reading_x.py").mkdir()
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_attack(tmp_path / "reading_x.py")


@pytest.mark.parametrize(
    "body", ["raise ValueError('one\\ntwo')", "return {1: {2}}"], ids=["raises", "no JSON"]
)
def test_an_attack_that_cannot_build_its_notebook_is_one_line(
    tmp_path: Path, starter: Json, body: str
) -> None:
    path = tmp_path / "notebook_x.py"
    path.write_text(
        f'# attack: notebook-x  expect: slot_error\n"""Fails."""\n\n\ndef submit(notebook, slot):\n    {body}\n'
    )
    with pytest.raises(UsageError, match="cannot build its notebook") as caught:
        handed_in(read_attack(path), starter, {})
    assert "\n" not in str(caught.value)


def test_an_attack_stands_around_the_honest_function(tmp_path: Path, starter: Json) -> None:
    path = tmp_path / "reading_x.py"
    path.write_text(
        GOOD + "def attack(honest, *arguments):\n    return TARGETS['port'], honest(*arguments)\n"
    )
    slot = find_slot(read_notebook(handed_in(read_attack(path), starter, {"port": 7})), starter)
    import torch

    names: dict[str, Any] = {"torch": torch}
    exec(slot, names)
    port, weights = names["your_weights"](torch.tensor([0, 1]), torch.tensor([1.0, 2.0]))
    assert port == 7
    assert weights.tolist() == [1.0, 1.0]


def test_an_attack_stands_around_the_methods_of_a_class_and_hands_on_names(
    tmp_path: Path, own_toy: Path
) -> None:
    path = tmp_path / "reading_x.py"
    path.write_text(GOOD + "def attack(honest, *arguments):\n    return 'attacked', honest(*arguments)\n")
    starter = load_starter(as_class(own_toy))
    slot = find_slot(read_notebook(handed_in(read_attack(path), starter, {"port": 7})), starter)
    import torch

    names: dict[str, Any] = {"torch": torch}
    exec(slot, names)
    model = names["YourWeights"](scale=2)
    attacked, weights = model.weigh(torch.tensor([0, 1]), losses=torch.tensor([1.0, 2.0]))
    assert (attacked, model.scale, weights.tolist()) == ("attacked", 2, [1.0, 1.0])


# -- what is no notebook, in a folder or a zip -------------------------------------------------------------------


def link_to(target: str | Path) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


ENTRIES: dict[str, Callable[[Path], object]] = {
    "a link to a password": link_to("/etc/passwd"),
    "a link to another student": link_to("anna.ipynb"),
    "a link to itself": link_to("evil.ipynb"),
    "a link to endless bytes": link_to("/dev/zero"),
    "a link to a descriptor": link_to("/proc/self/fd/0"),
    "a hanging pipe": os.mkfifo,
    "a socket": unix_socket,
}


@pytest.mark.xdist_group("alone")  # it looks at a clock
@pytest.mark.parametrize("make", ENTRIES.values(), ids=ENTRIES.keys())
def test_an_entry_of_a_folder_that_is_no_file_is_refused_unopened(
    tmp_path: Path, submit: Submit, make: Callable[[Path], object]
) -> None:
    submit("x = 1", "inbox/anna.ipynb")
    make(tmp_path / "inbox" / "evil.ipynb")
    begun = time.monotonic()
    anna, evil = collect([tmp_path / "inbox"], None, tmp_path / "work")
    assert time.monotonic() - begun < 60, "a pipe is not waited for"
    assert (anna.student, anna.fault, evil.student, evil.data) == ("anna", None, "evil", None)
    assert isinstance(evil.fault, StudentFault)
    assert evil.fault.verdict is Verdict.INVALID_NOTEBOOK


MEMBERS: dict[str, tuple[str, int]] = {
    "a link": ("evil.ipynb", stat.S_IFLNK),
    "a pipe": ("evil.ipynb", stat.S_IFIFO),
    "a device": ("evil.ipynb", stat.S_IFCHR),
    "a folder by its mode": ("evil.ipynb", stat.S_IFDIR),
    "a climbing path": ("../../evil.ipynb", stat.S_IFREG),
    "a climbing path in the middle": ("a/../../evil.ipynb", stat.S_IFREG),
    "a climbing path of Windows": ("..\\..\\evil.ipynb", stat.S_IFREG),
    "a whole path": ("/tmp/evil.ipynb", stat.S_IFREG),
    "a drive": ("C:/evil.ipynb", stat.S_IFREG),
}


@pytest.mark.parametrize(("name", "mode"), MEMBERS.values(), ids=MEMBERS.keys())
def test_an_entry_of_a_zip_that_is_no_file_is_refused_and_lands_nowhere(
    tmp_path: Path, name: str, mode: int
) -> None:
    member = zipfile.ZipInfo(name)
    member.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
        archive.writestr("z/anna.ipynb", "{}")
    found = {one.student: one for one in collect([tmp_path / "all.zip"], None, tmp_path / "a" / "b" / "work")}
    assert found["anna"].fault is None
    (evil,) = (one for student, one in found.items() if student != "anna")
    assert isinstance(evil.fault, StudentFault)
    assert evil.fault.verdict is Verdict.INVALID_NOTEBOOK
    assert evil.data is None
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name or path.is_symlink()]


# -- what an instructor opens afterwards ---------------------------------------------------------------------------

# A frame of the slot's own making: what it says of itself begins as a formula of a spreadsheet does.
CLAIMS = """
import json, os, struct
said = {"kind": "failed", "verdict": "slot_error", "message": "=HYPERLINK(1)\\x1b[31m", "traceback": "<script>", "number": 1}
header = json.dumps([said, []]).encode()
def your_weights(targets, losses):
    os.write(3, struct.pack("<4sIQ", b"slt1", len(header), 0) + header)
    os._exit(0)
"""


@pytest.mark.slow
def test_scripts_and_formulas_arrive_as_text_in_all_that_an_instructor_opens(
    toy_task: Task, starter: Json, submit: Submit, tmp_path: Path, engine: LocalEngine
) -> None:
    inbox = submit(CLAIMS, "inbox/=cmd|' 'C calc'!A0.ipynb").parent
    for number, attack in enumerate(read_corpus(HOSTILE)):
        if attack.name.startswith("notebook-script"):
            name = f"+{number}<img src=x onerror=alert(1)>.ipynb"
            (inbox / name).write_bytes(handed_in(attack, starter, {}))
    out = tmp_path / "out"
    repeats = prepare_repeats(toy_task, b"seeds of the test suite", out / "e", repeats=1, source="embedded")
    settings = RunSettings("cpu", 60, "any")
    sent = collect([inbox], None, tmp_path / "work")
    job = Job(toy_task, sent, repeats, settings, out, 2, engine=engine)
    results = run_batch(job, Quiet())
    assert {result.verdict for result in results} >= {
        Verdict.SCORED,
        Verdict.SLOT_ERROR,
        Verdict.SLOT_MISSING,
    }
    (claimed,) = (
        result for result in results if "=HYPERLINK" in result.message and "script" not in result.message
    )
    assert "\x1b" not in claimed.message
    for notebook in (notebook for result in results for notebook in executed(result)):
        assert kinds_of_output(notebook) <= {"stream", "error", "text/plain"}
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    with reading(out) as book:
        kept = [text for one in book.current() for text in (one.result.student, one.result.message)]
    assert all(text.isprintable() for text in [*cells, *kept])
