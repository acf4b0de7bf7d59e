"""The commands as they are typed: answers, exit codes, and one line for whatever the caller got wrong."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.gradebook.gradebook import reading
from grader.sandbox.proof import stand
from grader.task.spec import discover

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Submit

    from grader.task.spec import Task

    Run = Callable[..., "Outcome"]

REPOSITORY = Path(__file__).resolve().parent.parent.parent
HONEST = "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n"


class Outcome:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(run: Callable[..., tuple[int, str, str]]) -> Run:
    """Give a function that runs a command in this process."""
    return lambda *words: Outcome(*run(*words))


def test_python_dash_m_grader_is_the_same_command() -> None:
    command = [sys.executable, "-m", "grader", "tasks", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=True)
    assert "noisy_labels" in [task["id"] for task in json.loads(done.stdout)]


def test_tasks_lists_slot_limits_and_score_map(run: Run) -> None:
    outcome = run("tasks")
    assert outcome.code == 0
    for words in ("noisy_labels", "your_select_indices", "0.605", "0.9", "300 s"):
        assert words in outcome.out


def test_tasks_names_the_languages_of_a_statement(run: Run) -> None:
    story = next(task.spec.story for task in discover() if task.id == "advice_bandit")
    assert f"{story} also in other languages: de" in " ".join(run("tasks").out.split())
    languages = {task["id"]: task["languages"] for task in json.loads(run("tasks", "--json").out)}
    assert (languages["advice_bandit"], languages["crowd_hpo"]) == (["en", "de"], ["en"])


def test_the_built_notebooks_are_in_step(run: Run) -> None:
    outcome = run("build", "--check")
    assert (outcome.code, outcome.err) == (0, "")


def test_a_task_that_is_out_of_step_is_named(run: Run, toy_task: Task, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(toy_task.folder.parent.parent, clone)
    place = clone / "tasks" / "toy_task"
    assert run("build", place, "--check").code == 0
    text = (place / "notebook.py").read_text(encoding="utf-8")
    (place / "notebook.py").write_text(text.replace("## Loading", "## Loading the data"), encoding="utf-8")
    outcome = run("build", place, "--check")
    assert outcome.code == 2
    assert "starter_notebooks/toy_task.ipynb" in outcome.err
    assert run("build", place).code == 0
    assert run("build", place, "--check").code == 0


def test_a_misspelt_task_gets_a_suggestion(run: Run, tmp_path: Path) -> None:
    outcome = run("grade", "noisy_lables", "x.ipynb", "--out", tmp_path)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "did you mean 'noisy_labels'?" in outcome.err


def test_prepare_makes_folders_a_zip_and_a_manifest(run: Run, toy_task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = run("prepare", toy_task.folder, "--out", folder, "--json")
    manifest = json.loads(first.out)
    assert (folder / "public").is_dir()
    assert (folder / "answers" / "answers.npz").is_file()
    assert json.loads((folder / "manifest.json").read_text()) == manifest
    names = zipfile.ZipFile(folder / "public.zip").namelist()
    assert names
    assert not [name for name in names if "answer" in name or "test" in name]
    again = run("prepare", toy_task.folder, "--out", folder, "--json")
    assert json.loads(again.out)["zip_sha256"] == manifest["zip_sha256"]
    other = run("prepare", toy_task.folder, "--out", folder, "--seed", "1", "--json")
    assert json.loads(other.out)["zip_sha256"] != manifest["zip_sha256"]


def test_data_that_cannot_be_built_are_one_line_and_the_old_ones_stay(
    run: Run, toy_task: Task, tmp_path: Path
) -> None:
    run("prepare", toy_task.folder, "--out", tmp_path / "data")
    before = (tmp_path / "data" / "public.zip").read_bytes()
    outcome = run("prepare", toy_task.folder, "--out", tmp_path / "data", "--source", "npz:missing.npz")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert (tmp_path / "data" / "public.zip").read_bytes() == before


@pytest.mark.slow
def test_a_folder_with_one_of_each_broken_file_loses_nothing_else(
    run: Run, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    submit(HONEST, "in/good.ipynb")
    submit(HONEST.replace("your_weights", "my_weights"), "in/no_slot.ipynb")
    folder = tmp_path / "in"
    (folder / "text.ipynb").write_text("this is no JSON")
    (folder / "nul.ipynb").write_bytes(b"{}\0")
    (folder / "=cmd.ipynb").write_text("{}")
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    with (folder / "large.ipynb").open("wb") as file:
        file.truncate(200 << 20)
    with zipfile.ZipFile(folder / "late.zip", "w") as archive:
        archive.writestr("../climbs.ipynb", "{}")
    out = tmp_path / "out"
    outcome = run(
        "grade", toy_task.folder, folder, folder / "late.zip", "--out", out, "--repeats", "1", "--jobs", "2"
    )
    assert outcome.code == 0, outcome.err
    rows = {row["student"]: row for row in csv.DictReader((out / "results.csv").open(encoding="utf-8"))}
    assert rows.pop("good")["verdict"] == "scored"
    renamed = rows.pop("no_slot")
    assert renamed["verdict"] == "slot_missing"
    assert "your_weights" in renamed["message"]
    assert len(rows) == 6
    assert {row["verdict"] for row in rows.values()} == {"invalid_notebook"}
    assert {row["points"] for row in rows.values()} == {"0"}
    assert all(row["message"] for row in rows.values())
    assert "'=cmd" in rows, "a spreadsheet would run it as a formula"
    with reading(out) as book:
        assert len(book.history()) == 8
    assert not (tmp_path / "climbs.ipynb").exists()


@pytest.mark.slow
def test_the_json_of_a_result_has_every_promised_field(
    run: Run, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    path = submit(HONEST)
    outcome = run("grade", toy_task.folder, path, "--out", tmp_path / "out", "--repeats", "2", "--json")
    (record,) = json.loads(outcome.out)
    assert set(record) >= {
        "submission", "task", "task_version", "student", "submission_sha256", "slot_sha256", "verdict", "message",
        "points", "metrics", "seconds", "slot_calls", "penalties", "changed_cells", "device", "versions",
    }  # fmt: skip
    assert record["submission"] == str(path)
    assert set(record["metrics"]) >= {"metric", "value", "per_model", "per_repeat"}
    assert set(record["seconds"]) == {"total", "train", "slot_calls", "overhead", "processor"}
    assert len(record["metrics"]["per_repeat"]) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("no_pauses")
def test_a_failure_of_ours_is_exit_code_3(run: Run, toy_task: Task, submit: Submit, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(toy_task.folder.parent.parent, clone)
    place = clone / "tasks" / "toy_task"
    text = (place / "notebook.py").read_text(encoding="utf-8")
    (place / "notebook.py").write_text(
        text.replace("torch.manual_seed(SEED)", "torch.manual_sed(SEED)"), encoding="utf-8"
    )
    assert run("build", place).code == 0
    outcome = run("grade", place, submit(HONEST), "--out", tmp_path / "out", "--repeats", "1")
    assert outcome.code == 3
    assert "grader_error" in outcome.out
    assert "manual_sed" in outcome.out
    (row,) = csv.DictReader((tmp_path / "out" / "results.csv").open(encoding="utf-8"))
    assert row["points"] == ""


@pytest.mark.slow
def test_check_rehearses_on_public_data_and_says_what_to_do(
    run: Run, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    good = run("check", submit(HONEST), "--task", toy_task.folder, "--out", tmp_path / "runs")
    assert good.code == 0
    assert "points on the public data" in good.out
    bad = run(
        "check",
        submit("def your_weights(t, l):\n    return t / 0.0\n"),
        "--task",
        toy_task.folder,
        "--out",
        tmp_path / "runs",
    )
    assert bad.code == 0
    assert "invalid_output" in bad.out
    assert "contract at the top of the slot" in bad.out


def test_check_without_a_task_is_one_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text('{"nbformat": 4, "cells": [], "metadata": []}')
    outcome = run("check", path)
    assert outcome.code == 2
    assert "give --task" in outcome.err
    missing = run("check", tmp_path / "nowhere.ipynb")
    assert missing.code == 2
    assert "is not a file" in missing.err


@pytest.mark.slow
def test_grading_without_a_sandbox_needs_unsafe(
    run: Run, toy_task: Task, submit: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.cli.settings.find_walls", lambda _: (None, "namespaces: refused"))
    monkeypatch.setattr("grader.cli.check.walls_for", lambda _: None)
    refused = run("grade", toy_task.folder, submit(HONEST), "--out", tmp_path / "out")
    assert refused.code == 2
    assert "--unsafe" in refused.err
    allowed = run(
        "grade", toy_task.folder, submit(HONEST), "--out", tmp_path / "out", "--repeats", "1", "--unsafe"
    )
    assert allowed.code == 0
    checked = run("check", submit(HONEST), "--task", toy_task.folder, "--out", tmp_path / "runs")
    assert checked.code == 0
    assert "plain process" in checked.err


@pytest.mark.slow
def test_doctor_proves_the_sandbox_and_says_which_is_used(run: Run) -> None:
    outcome = run("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(outcome.out)}
    # How full this machine's disk is says nothing about the sandbox.
    assert not [name for name, finding in findings.items() if not finding["ok"] and name != "disk"], findings
    assert ("namespaces for each slot" if stand("namespaces") else "Landlock") in findings["walls"]["detail"]
    assert findings["fork server"]["ok"]
    assert sum(name.startswith("sandbox: ") for name in findings) >= 4


@pytest.mark.slow
def test_doctor_says_when_there_is_no_sandbox(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.sandbox.bwrap.find_bwrap", lambda: None)
    monkeypatch.setattr("grader.sandbox.landlocked.landlock.problem", lambda: "Function not implemented")
    outcome = run("doctor")
    assert outcome.code == 2
    assert "bubblewrap is not installed" in outcome.out
    assert "this kernel has no Landlock: Function not implemented" in outcome.out
    assert run("doctor", "--walls", "landlock").code == 2


@pytest.mark.slow
def test_cuda_that_is_not_there_is_one_line(run: Run, toy_task: Task, submit: Submit, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    outcome = run("grade", toy_task.folder, submit(HONEST), "--out", tmp_path / "out", "--device", "cuda")
    assert outcome.code == 2
    assert "no CUDA device" in outcome.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_command_says_so_at_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Before whatever takes its time on the way out; a second signal says nothing more."""
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("grader.cli.tasks.discover", lambda: signal.raise_signal(number))
    outcome = run("tasks")
    assert (outcome.code, outcome.err) == (130, "grader: stopping\n")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


SLOT = "def your_weights(targets, losses):\n    return torch.ones(len(targets)) * (1 + 0 * losses)\n"


@pytest.mark.slow
def test_an_author_grades_and_checks_a_slot_alone(run: Run, toy_task: Task, tmp_path: Path) -> None:
    (tmp_path / "idea.py").write_text(SLOT, encoding="utf-8")
    graded = run(
        "grade", toy_task.folder, tmp_path / "idea.py", "--out", tmp_path / "out", "--repeats", "1", "--json"
    )
    (result,) = json.loads(graded.out)
    assert (graded.code, result["student"], result["verdict"]) == (0, "idea", "scored")
    again = run("replay", toy_task.folder, "idea", "--out", tmp_path / "out")
    assert "the same bit for bit" in again.out


def test_a_slot_alone_is_checked_like_the_notebook_that_holds_it(
    run: Run, toy_task: Task, tmp_path: Path
) -> None:
    path = tmp_path / "idea.py"
    path.write_text(SLOT.replace("0 * losses", "0 * loses"), encoding="utf-8")
    outcome = run("check", path, "--task", toy_task.folder, "--quick")
    assert outcome.code == 0
    assert "idea.py:cell " in outcome.out
    assert "nothing defines `loses`" in outcome.out
    path.write_text(SLOT.replace("your_weights", "my_weights"), encoding="utf-8")
    assert "rename my_weights to your_weights" in run("check", path, "--task", toy_task.folder).out


def test_a_slot_alone_needs_a_task_and_text(run: Run, toy_task: Task, tmp_path: Path) -> None:
    path = tmp_path / "idea.py"
    path.write_bytes(b"\xff\xfe")
    without = run("check", path)
    assert (without.code, without.err.count("\n")) == (2, 1)
    assert "give --task" in without.err
    unreadable = run("grade", toy_task.folder, path, "--out", tmp_path / "out")
    assert (unreadable.code, unreadable.err.count("\n")) == (2, 1)
    assert "not UTF-8 text" in unreadable.err
    missing = run("grade", toy_task.folder, tmp_path / "no.py", "--out", tmp_path / "out")
    assert (missing.code, missing.err.count("\n")) == (2, 1)


def test_bands_are_refused_before_anything_runs(run: Run, toy_task: Task, tmp_path: Path) -> None:
    outcome = run(
        "bands", toy_task.folder, "--record", tmp_path / "nowhere" / "bands.json", "--out", tmp_path
    )
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "choose another file with --record" in outcome.err
