"""Pages fail the build when they lie: each command that one shows is run, and prints what stands below it.

`make test` runs them in this process, on the engine of all tests, on few images and for few epochs. At night
each is a process of its own, and nothing is left of that.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from page_commands import NOT_RUN, ROOT, Command, commands_of

from grader.task.build import write
from grader.task.spec import load_task, read_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Run

    Runner = Callable[[Command, Path], tuple[int, str, str]]

WIDTH = "100"  # columns of the terminal in the pages
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
ROSTER = """Student ID,Name,Email,Section
1001,Ada Lovelace,ada@uni.example,A
1002,Grace Hopper,grace@uni.example,A
1003,Alan Turing,alan@uni.example,B
"""
FROM_CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Noisy labels (5002)
    Points Possible,,,,,20.00
"Lovelace, Ada",71,1001,ada,A,
"Hopper, Grace",72,1002,grace,A,
"Turing, Alan",73,1003,alan,B,
"Mallory, Eve",74,,eve,B,
"""
FROM_MOODLE = """Identifier,"Full name","Email address",Status,Grade,"Maximum grade","Grade can be changed","Last modified (grade)","Feedback comments"
"Participant 15","Ada Lovelace",ada@uni.example,"Submitted for grading - ",,20.00,Yes,-,
"Participant 16","Grace Hopper",grace@uni.example,"Submitted for grading - ",,20.00,Yes,-,
"Participant 17","Alan Turing",alan@uni.example,"Submitted for grading - ",,20.00,No,-,
"""
# A page that says so goes on in the folder in which another one ended.
GOES_ON = {"docs/publishing.md": "docs/rosters.md", "docs/troubleshooting.md": "docs/rosters.md"}
# Images for training: all that the task has where its solution runs, since that counts the batches.
TRAIN = {"docs/rosters.md": 2900}
FEW = 400
EPOCHS = "EPOCHS, BATCH_SIZE, LEARNING_RATE, WEIGHT_DECAY"
# What `make test` adds to commands, so that less is trained.
HURRIED = {
    "grader lint tasks/my_task": "--seeds 2",
    "grader grade noisy_labels week3": "--repeats 1 --no-agreement",
    "grader grade noisy_labels submissions": "--repeats 1 --no-agreement",
    "grader grade noisy_labels class": "--no-agreement",
    "grader grade tasks/my_task": "--repeats 2",
    "grader grade ponds": "--repeats 2",
    "grader grade tasks/half_wrong": "--repeats 2",
}
RUN_PAGES = [
    "README.md",
    "docs/students.md",
    "docs/first_class.md",
    "docs/own_data.md",
    "docs/authors.md",
    "docs/interactive.md",
    "docs/programs.md",
    "docs/files.md",
    "docs/rosters.md",
    *GOES_ON,
]


def few_images(train: int) -> dict[str, np.ndarray]:
    """Return some of the task's digits in three splits, class 1 the digits that are easy to confuse, as MedMNIST stores them."""
    digits = vars(load_task("noisy_labels").builder())["embedded_digits"]()
    order = np.random.default_rng(0).permutation(len(digits.labels))[: train + 300]
    arrays = {}
    for name, chosen in zip(("train", "val", "test"), np.split(order, [train, train + 100]), strict=True):
        arrays[f"{name}_images"] = digits.images[chosen]
        arrays[f"{name}_labels"] = np.isin(digits.labels[chosen], (3, 5, 8)).astype(np.uint8)[:, None]
    return arrays


def make_clone(folder: Path) -> None:
    """Make `folder` look like a clone, with what the pages take for granted beside it."""
    folder.mkdir()
    (folder / "LICENSE").symlink_to(ROOT / "LICENSE")
    for name in ("examples", "tasks", "starter_notebooks", "solutions"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    given = {"roster.csv": ROSTER, "from_canvas.csv": FROM_CANVAS, "from_moodle.csv": FROM_MOODLE}
    for name, text in given.items():
        (folder / name).write_text(text, encoding="utf-8")
    np.savez(folder / "my_images.npz", allow_pickle=False, **few_images(FEW))


def shrink(folder: Path, train: int) -> None:
    """Give the task `noisy_labels` of a clone few images and two epochs: what commands print is the same but for numbers."""
    np.savez(folder / "few_images.npz", allow_pickle=False, **few_images(train))
    task = folder / "tasks" / "noisy_labels"
    replace_in(task / "task.toml", 'source = "embedded"', f'source = "npz:{folder / "few_images.npz"}"')
    replace_in(task / "notebook.py", f"{EPOCHS} = 8,", f"{EPOCHS} = 2,")
    write(read_task(task))
    for notebook in (folder / "examples" / "noisy_labels").glob("*.ipynb"):
        if notebook.stem != "colab_saved":  # its epochs are among the cells that were changed
            replace_in(notebook, f"{EPOCHS} = 8,", f"{EPOCHS} = 2,")


def replace_in(path: Path, old: str, new: str) -> None:
    """Replace what stands once in a file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, path
    path.write_text(text.replace(old, new), encoding="utf-8")


def hand_in(folder: Path) -> None:
    """Put there what a reader of README.md has already: a notebook, and submissions."""
    examples = folder / "examples" / "noisy_labels"
    shutil.copy(examples / "exception.ipynb", folder / "my_notebook.ipynb")
    (folder / "submissions").mkdir()
    shutil.copy(examples / "wrong_return.ipynb", folder / "submissions")


def in_a_shell(command: Command, folder: Path) -> tuple[int, str, str]:
    """Run a command as a reader does; return its exit code, output and errors."""
    environment = {**os.environ, "PATH": PATH, "COLUMNS": WIDTH}
    done = subprocess.run(
        ["bash", "-c", command.text], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def run_commands(page: str, folder: Path, run: Runner) -> None:
    """Run the commands of a page in `folder`, and compare what each prints."""
    for command in commands_of(ROOT / page):
        if command.text in NOT_RUN:
            continue
        if command.text.startswith("sqlite3 ") and shutil.which("sqlite3") is None:
            continue  # not everybody has it
        code, output, errors = run(command, folder)
        assert code == 0, f"{command.text}\n{errors}"
        printed = "".join(f"{stable(line)}\n" for line in output.splitlines())
        if command.shown:
            assert re.fullmatch(pattern(command.shown), printed), f"{command.text}\n{output}"


def stable(line: str) -> str:
    """Return a line without what differs from run to run: numbers, hashes, the spaces and rules that align them."""
    numbered = re.sub(r"(?:(?<=\s)-)?\b([0-9a-f]{64}|\d+(\.\d+)?)\b", "N", line)
    return re.sub(r"\s+", " ", re.sub(r"([─━])\1+", r"\1", numbered)).strip()


def pattern(shown: tuple[str, ...]) -> str:
    """Return a regular expression for output of which `...` leaves out the rest of a line, or whole lines."""
    lines = [
        r"(.*\n)*?" if line == "..." else re.escape(stable(line)).replace(r"\.\.\.", ".*") + r"\n"
        for line in shown
    ]
    return "".join(lines)


@pytest.fixture
def in_this_process(run: Run, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Give a function that runs `grader` in this process, for which the folder is its clone, and anything else in a shell."""

    def run_command(command: Command, folder: Path) -> tuple[int, str, str]:
        added = [options for start, options in HURRIED.items() if command.text.startswith(start)]
        words = shlex.split(" ".join([command.text, *added]))
        if words[0] != "grader":
            return in_a_shell(command, folder)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("COLUMNS", WIDTH)
        monkeypatch.setattr("grader.task.spec.tasks_folder", lambda: folder / "tasks")
        return run(*words[1:])

    return run_command


@dataclass
class Reader:
    """Follows pages, each in a folder of its own or where the one before it ended."""

    folders: Path
    hurried: bool
    ended: dict[str, Path] = field(default_factory=dict)

    def follow(self, page: str, run: Runner) -> Path:
        """Run the commands of a page, once; return the folder in which it ends."""
        if page not in self.ended:
            folder = self.folders / Path(page).stem
            if page in GOES_ON:
                shutil.copytree(self.follow(GOES_ON[page], run), folder, symlinks=True)
            else:
                make_clone(folder)
                if self.hurried:
                    shrink(folder, TRAIN.get(page, FEW))
            if page == "README.md":
                hand_in(folder)
            run_commands(page, folder, run)
            self.ended[page] = folder
        return self.ended[page]


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("pages"), hurried=True)


@pytest.fixture(scope="session")
def patient_reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("pages"), hurried=False)


def in_its_group(page: str) -> object:
    """Return a page as a parameter, in one group with those that go on from it, so that two workers share the rest."""
    return pytest.param(page, marks=pytest.mark.xdist_group(f"page {GOES_ON.get(page, page)}"), id=page)


@pytest.mark.slow
@pytest.mark.parametrize("page", list(map(in_its_group, RUN_PAGES)))
def test_the_commands_of_a_page_do_what_it_shows(page: str, reader: Reader, in_this_process: Runner) -> None:
    reader.follow(page, in_this_process)


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.parametrize("page", list(map(in_its_group, RUN_PAGES)))
def test_the_commands_of_a_page_do_so_as_processes_on_all_images(page: str, patient_reader: Reader) -> None:
    patient_reader.follow(page, in_a_shell)
