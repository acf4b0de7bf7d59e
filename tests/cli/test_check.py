"""The command check: diagnostics in seconds, points with what would change them, and again on each save."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import watchfiles
from recorded import result_named
from spoiling import as_stages
from test_commands import HONEST, Outcome, run

from grader.cli.watch import NotebookWatch, Saving, cells_of
from grader.errors import Verdict
from grader.export.student_zip import pack
from grader.gradebook.result import Metrics, Seconds
from grader.report.advice import outlook
from grader.task.score_table import Score

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Submit

    from grader.gradebook.result import Result
    from grader.notebooks.reading import Json
    from grader.task.spec import Task

    Run = Callable[..., Outcome]

__all__ = ["run"]  # the fixture
NEEDS = "def your_weights(targets, losses):\n    return helper(losses)\n"
BROKEN = "%time\n" + HONEST
MAP = Score(floor=0.5, ceiling=0.9)
MEMORY_MB = 1000


# -- what can be said at once -------------------------------------------------------------------------------------


def test_a_problem_is_shown_as_compilers_do(run: Run, toy_task: Task, submit: Submit) -> None:
    path = submit(NEEDS.replace("helper(", "żółw_helper("))
    outcome = run("check", path, "--task", toy_task.folder, "--quick")
    assert outcome.code == 0, "a warning alone does not fail"
    first, *lines = outcome.out.splitlines()
    assert re.fullmatch(rf"{path}:cell \d+:2:12: warning: nothing defines `żółw_helper`", first)
    assert lines[:3] == [
        "  |",
        "2 |     return żółw_helper(losses)",
        "  |            ^^^^^^^^^^^",
    ]
    assert lines[3].startswith("  = help: ")
    assert lines[4:] == [f"{path}: 1 warning"]
    assert "\x1b" not in outcome.out


def test_an_error_fails_the_quick_check_and_a_clean_notebook_says_so(
    run: Run, toy_task: Task, submit: Submit
) -> None:
    broken = run("check", submit(BROKEN), "--task", toy_task.folder, "--quick")
    assert broken.code == 1
    assert ":1:1: error: " in broken.out
    assert broken.out.endswith("1 error\n")
    clean = run("check", toy_task.solution, "--task", toy_task.folder, "--quick")
    assert (clean.code, clean.out) == (0, f"{toy_task.solution}: no problems found\n")


def test_stages_where_no_process_can_be_handed_over_are_refused_in_a_line(
    run: Run, own_toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = as_stages(own_toy)
    monkeypatch.setattr("grader.cli.check.can_fork", lambda: False)
    outcome = run("check", task.solution, "--task", own_toy)
    assert outcome.code == 2
    assert "toy_task has stages, which run on Linux only" in outcome.err


RENAMED = "def your_weight(targets, losses):\n    return losses\n"


@pytest.mark.parametrize(
    ("slot", "problem"),
    [
        (BROKEN, "lines with %"),
        (RENAMED, "rename your_weight to your_weights"),
        ("def f(:\n", "not valid Python"),
    ],
    ids=["a magic", "a renamed function", "no Python"],
)
def test_an_error_is_not_run_since_it_would_fail(
    slot: str, problem: str, run: Run, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    words = ("check", submit(slot), "--task", toy_task.folder, "--out", tmp_path / "runs")
    outcome = run(*words)
    assert outcome.code == 1
    assert problem in outcome.out
    assert outcome.out.endswith("not run: it would fail; mend the error first\n")
    answer = json.loads(run(*words, "--json").out)
    assert set(answer) == {"submission", "diagnostics"}
    assert not (tmp_path / "runs").exists()


def test_diagnostics_are_json_for_programs(run: Run, toy_task: Task, submit: Submit) -> None:
    path = submit(NEEDS)
    outcome = run("check", path, "--task", toy_task.folder, "--quick", "--json")
    answer = json.loads(outcome.out)
    (diagnostic,) = answer["diagnostics"]
    assert answer["submission"] == str(path)
    assert (diagnostic["severity"], diagnostic["kind"], diagnostic["line"], diagnostic["column"]) == (
        "warning",
        "undefined",
        2,
        12,
    )
    assert set(diagnostic) == {
        "severity", "kind", "cell", "line", "column", "width", "text", "help", "source",
    }  # fmt: skip


def test_characters_that_a_terminal_would_obey_are_shown_as_numbers(
    run: Run, toy_task: Task, submit: Submit
) -> None:
    path = submit("def your_weights(targets, losses):\n    return '\x1b[2J', nowhere\n")
    outcome = run("check", path, "--task", toy_task.folder, "--quick")
    assert "\x1b" not in outcome.out
    assert "<U+001B>" in outcome.out
    line, marks = outcome.out.splitlines()[2:4]
    assert line[marks.index("^") :] == "nowhere"


def test_a_very_long_line_is_cut(run: Run, toy_task: Task, submit: Submit) -> None:
    path = submit(f"def your_weights(targets, losses):\n    return nowhere, {'1, ' * 500}\n")
    outcome = run("check", path, "--task", toy_task.folder, "--quick")
    assert max(map(len, outcome.out.splitlines()[1:])) < 200


def test_diagnostics_are_coloured_in_a_terminal(toy_task: Task, submit: Submit) -> None:
    words = ("check", str(submit(NEEDS)), "--task", str(toy_task.folder), "--quick")
    command = [sys.executable, "-m", "grader", *words]
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    coloured, plain = (
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment | more).stdout
        for more in ({"FORCE_COLOR": "1"}, {"FORCE_COLOR": "1", "NO_COLOR": "1"})
    )
    assert "\x1b[1;33mwarning\x1b[0m" in coloured
    assert "33m" not in plain


def test_watching_has_no_one_answer(run: Run, toy_task: Task, submit: Submit) -> None:
    outcome = run("check", submit(HONEST), "--task", toy_task.folder, "--watch", "--json")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "--watch" in outcome.err


# -- what would change the points ------------------------------------------------------------------------------------


def scored(
    *per_repeat: float, points: int = 40, seconds: float = 10.0, penalties: list[str] | None = None
) -> Result:
    mean = sum(per_repeat) / len(per_repeat)
    metrics = Metrics(mean, {"model": mean}, list(per_repeat), 0.0 if len(per_repeat) == 1 else 0.02)
    result = replace(result_named("ada", Verdict.SCORED, points), metrics=metrics, penalties=penalties or [])
    return replace(result, seconds=Seconds(total=seconds, train=seconds * len(per_repeat)))


def test_the_next_points_are_where_the_map_has_them() -> None:
    said = " ".join(outlook(scored(0.66), MAP, 100, MEMORY_MB))
    assert "50 points need a balanced accuracy of 0.700, 0.040 more than now" in said
    assert "each 0.01 is 2.5 points" in said
    assert "`--repeats 3`" in said


def test_near_the_end_of_the_map_the_next_points_are_the_last() -> None:
    assert "100 points need a balanced accuracy of 0.900" in " ".join(
        outlook(scored(0.88, points=95), MAP, 100, MEMORY_MB)
    )
    end = " ".join(outlook(scored(0.95, points=100), MAP, 100, MEMORY_MB))
    assert "need" not in end
    assert "You have all 100 points" in end


def test_repeats_say_what_each_would_give() -> None:
    said = " ".join(outlook(scored(0.64, 0.68), MAP, 100, MEMORY_MB))
    assert "On their own, the repeats would give 35, 45 points." in said
    assert "`--repeats 3` shows" not in said


def test_penalties_and_a_near_limit_are_named() -> None:
    said = " ".join(
        outlook(scored(0.66, seconds=60, penalties=["repeat 1: lost a round"]), MAP, 100, MEMORY_MB)
    )
    assert "Calls of your function failed, or returned what is not allowed" in said
    assert "60 s of its 100 s" in said
    assert "60 s of" not in " ".join(outlook(scored(0.66, seconds=60), MAP, 300, MEMORY_MB))
    for taken, told in ((900.0, True), (500.0, False), (None, False)):
        said = " ".join(outlook(replace(scored(0.66), memory_mb=[taken]), MAP, 100, MEMORY_MB))
        assert ("900 MB of its 1000 MB" in said) == told


def test_a_verdict_without_points_gets_the_advice_of_its_page_but_not_to_check() -> None:
    for verdict in set(Verdict) - {Verdict.SCORED}:
        said = outlook(result_named("ada", verdict, 0), MAP, 100, MEMORY_MB)
        assert said
        assert not [sentence for sentence in said if "grader check" in sentence]


# -- saves ------------------------------------------------------------------------------------------------------------


def notebook_with(text: str, outputs: list[Json] | None = None) -> bytes:
    cell = {"cell_type": "code", "metadata": {}, "source": text, "outputs": outputs or []}
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell]}).encode()


def test_each_save_of_another_program_is_given_once(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_with("a = 1"))
    watch = NotebookWatch(path)
    assert (watch.read(), watch.read()) == (notebook_with("a = 1"), None)
    path.write_bytes(notebook_with("a = 22"))
    assert (watch.read(), watch.read()) == (notebook_with("a = 22"), None)


def test_outputs_and_times_of_a_file_are_no_other_program(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_with("a = 1"))
    watch = NotebookWatch(path)
    watch.wait()
    path.write_bytes(notebook_with("a = 1", [{"output_type": "stream", "name": "stdout", "text": "hello"}]))
    assert watch.read() is None
    os.utime(path)
    assert watch.read() is None
    assert cells_of(notebook_with("a = 1")) == cells_of(notebook_with("a = 1", [{}]))


def test_a_file_that_is_replaced_or_away_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    path, draft = tmp_path / "n.ipynb", tmp_path / ".n.ipynb.new"
    path.write_bytes(notebook_with("a = 1"))
    watch = NotebookWatch(path)
    watch.wait()
    path.unlink()
    assert watch.read() is None

    def replace_file() -> None:
        draft.write_bytes(notebook_with("a = 2"))
        draft.rename(path)

    timer = threading.Timer(0.5, replace_file)
    timer.start()
    assert watch.wait() == notebook_with("a = 2")
    timer.join()


def test_a_file_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_with("a = 1"))
    watch = NotebookWatch(path)
    watch.wait()
    whole = notebook_with("a = 'longer than before'")

    def write_in_pieces() -> None:
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(whole), 10):
                file.write(whole[start : start + 10])
                time.sleep(0.05)

    writer = threading.Timer(0.3, write_in_pieces)
    writer.start()
    assert watch.wait() == whole
    writer.join()


def test_a_save_that_no_event_reports_is_noticed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network file systems report nothing: watching another folder gives only the time-outs."""
    path, elsewhere = tmp_path / "n.ipynb", tmp_path / "elsewhere"
    elsewhere.mkdir()
    path.write_bytes(notebook_with("a = 1"))
    watch, watchfiles_watch = NotebookWatch(path), watchfiles.watch
    watch.wait()
    monkeypatch.setattr(
        "grader.cli.watch.watchfiles.watch", lambda _, **options: watchfiles_watch(elsewhere, **options)
    )
    path.write_bytes(notebook_with("a = 22"))
    assert watch.wait() == notebook_with("a = 22")


def test_what_is_no_notebook_counts_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(b"not yet")
    watch = NotebookWatch(path)
    assert watch.wait() == b"not yet"
    path.write_bytes(b"nor now")
    assert watch.wait() == b"nor now"


def test_a_save_interrupts_what_runs_and_says_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_with("a = 1"))
    watch = NotebookWatch(path)
    watch.wait()
    saving = Saving(watch)
    timer = threading.Timer(0.3, path.write_bytes, [notebook_with("a = 22")])
    timer.start()
    with pytest.raises(KeyboardInterrupt), saving:
        threading.Event().wait(30)
    timer.join()
    assert saving.data == notebook_with("a = 22")


def test_without_a_save_nothing_is_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_with("a = 1"))
    watch = NotebookWatch(path)
    watch.wait()
    saving = Saving(watch)
    with saving:
        time.sleep(0.6)
    assert saving.data is None
    assert not [thread for thread in threading.enumerate() if thread.name == "watch"]


class Watching:
    """A `grader check --watch` in a process of its own; its lines are read as they come."""

    def __init__(self, *words: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "grader", "check", "--watch", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self.lines: list[str] = []
        self._come = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._come:
                self.lines.append(line)
                self._come.notify_all()

    def until(self, words: str, seconds: float = 120) -> str:
        """Return what was printed since the last call, up to the line with these words."""
        with self._come:
            found = self._come.wait_for(lambda: any(words in line for line in self.lines), seconds)
            assert found, "".join(self.lines)
            end = next(place for place, line in enumerate(self.lines) if words in line) + 1
            said, self.lines = "".join(self.lines[:end]), self.lines[end:]
        return said

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture
def watching() -> Iterator[Callable[..., Watching]]:
    """Give a function that starts to watch; what is left is ended."""
    started: list[Watching] = []

    def start(*words: str | Path) -> Watching:
        started.append(Watching(*words))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.mark.slow
def test_a_watched_notebook_is_looked_at_again_on_each_save(
    toy_task: Task, submit: Submit, watching: Callable[..., Watching]
) -> None:
    path = submit(HONEST)
    watch = watching(path, "--task", toy_task.folder, "--quick")
    assert "no problems found" in watch.until("waiting")
    submit(NEEDS)
    assert "nothing defines `helper`" in watch.until("waiting")
    notebook = json.loads(path.read_text())
    notebook["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "ran"}]
    path.write_text(json.dumps(notebook))
    time.sleep(1)
    assert watch.lines == []
    draft = path.with_name("draft")
    draft.write_bytes(submit(BROKEN, "other.ipynb").read_bytes())
    draft.replace(path)
    assert "error: lines with %" in watch.until("waiting")
    assert watch.interrupt() == 130
    assert "stopped" in watch.until("stopped")


# -- rehearsals -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_check_answers_with_diagnostics_repeats_and_what_would_change(
    run: Run, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    slot = "import time\n" + HONEST.replace("\n    ", "\n    time.sleep(0)\n    ", 1)
    words = ("check", submit(slot), "--task", toy_task.folder, "--out", tmp_path / "runs", "--repeats", "2")
    answer: dict[str, Any] = json.loads(run(*words, "--json").out)
    assert answer["verdict"] == "scored"
    assert [diagnostic["kind"] for diagnostic in answer["diagnostics"]] == ["sleep"]
    assert len(answer["metrics"]["per_repeat"]) == 2
    assert any("On their own, the repeats" in sentence for sentence in answer["outlook"])
    shown = run(*words)
    assert "student.ipynb: 1 warning\n" in shown.out
    assert f"{answer['points']} points on the public data, balanced accuracy" in shown.out
    assert "±" in shown.out
    assert shown.out.index("warning") < shown.out.index("scored")


@pytest.mark.slow
def test_a_watched_notebook_is_rehearsed_again_when_its_slot_is_another(
    toy_task: Task, submit: Submit, tmp_path: Path, watching: Callable[..., Watching]
) -> None:
    path = submit(HONEST)
    watch = watching(path, "--task", toy_task.folder, "--out", tmp_path / "runs")
    assert "scored" in watch.until("waiting")
    notebook = json.loads(path.read_text())
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": "1 + 1", "outputs": []})
    path.write_text(json.dumps(notebook))
    said = watch.until("waiting")
    assert "your solution has not changed" in said
    assert "executed" not in said, "the same slot is not run twice"
    submit("import time\n" + HONEST.replace("\n    ", "\n    time.sleep(20)\n    ", 1))
    watch.until("warning: this waits")
    time.sleep(1)
    submit("def your_weights(targets, losses):\n    return targets / 0\n")
    said = watch.until("waiting")
    assert "invalid_output" in said
    assert "scored" not in said, "a save ends the run of what was there before"
    assert watch.interrupt() == 130


# -- what organisers hand out -------------------------------------------------------------------------------------


@pytest.fixture
def handed_out(toy_task: Task, tmp_path: Path) -> Path:
    """The folder that a student unpacks."""
    public = tmp_path / "public"
    toy_task.builder().make_data(public, None, None, seed=0)
    with zipfile.ZipFile(pack(toy_task, public, tmp_path, size="default")) as opened:
        opened.extractall(tmp_path / "student")
    return tmp_path / "student" / "toy_task"


def test_a_check_of_what_was_handed_out_needs_nothing_else_and_says_which_python_grades(
    run: Run, handed_out: Path
) -> None:
    notebook = handed_out / "toy_task.ipynb"
    outcome = run("check", notebook, "--quick")
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert outcome.out.splitlines() == [
        f"{notebook}: no problems found",
        f"it is graded in Python {here}; this is Python {here}",
    ]
    note = handed_out / "tasks" / "toy_task" / "handout.json"
    values = json.loads(note.read_text(encoding="utf-8"))
    note.write_text(json.dumps({**values, "python": "3.9.2"}), encoding="utf-8")
    older = run("check", notebook, "--quick")
    assert older.code == 0
    assert f"note: this check runs Python {here}, and it is graded in Python 3.9" in older.out
    assert json.loads(run("check", notebook, "--quick", "--json").out)["diagnostics"][0]["kind"] == "python"


@pytest.mark.slow
def test_a_check_of_what_was_handed_out_rehearses_on_its_data(
    run: Run, handed_out: Path, toy_task: Task, tmp_path: Path
) -> None:
    answer = json.loads(run("check", handed_out / "toy_task.ipynb", "--out", tmp_path / "o", "--json").out)
    assert (answer["verdict"], answer["task_version"]) == ("scored", toy_task.version)
    shutil.rmtree(handed_out / "toy_data")
    lacking = run("check", handed_out / "toy_task.ipynb", "--out", tmp_path / "o")
    assert lacking.code == 2
    assert "the public data are not in " in lacking.err
    refused = run("prepare", f"{handed_out}/tasks/toy_task", "--out", tmp_path / "d")
    assert refused.code == 2
    assert "is students' copy of the task" in refused.err
