"""What a terminal shows: colour or none, no text that acts on it, names that are completed, errors of one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.cli.errors import complaint
from grader.cli.main import main
from grader.errors import GraderFault, UsageError, Verdict
from grader.task.spec import discover

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
HOSTILE = "eve\x1b[2J\x9b31m\x07\r\u202e[bold red]x[/]\nada: scored"
# Everything of display and progress that shows what a student wrote, and the errors and the help beside it.
SHOW = f"""
import sys
from dataclasses import replace
from pathlib import Path
from course import failed, scored
from grader.cli import diagnostics, output, progress
from grader.grading.rerun import Replay
from grader.cli.main import main
from grader.findings import Finding
from grader.errors import Verdict
from grader.gradebook.gradebook import Key, Recorded
from grader.redteam.arena import AttackOutcome
from grader.lint.notebook import Diagnostic, Severity

evil = {HOSTILE!r}
good = replace(scored(evil, 40), identical_to=evil, changed_cells=[evil], penalties=["p", evil])
bad = replace(failed(evil, Verdict.SLOT_ERROR, evil), traceback=evil.replace("\\n", " "), run_folder=evil)
recorded = [Recorded(1, 1, 1, 1, "2026-01-01T10:00:00.000+00:00", Key("", ""), None, one) for one in (good, bad)]
row = {{"task": "t", "name": evil, "section": evil, "rank": 1, "student": evil, "points": 3, "result": 1,
       "attempt": 1, "attempts": 1, "late": False, "graded": 2, "days_late": 0, "penalty": 0, "adjusted": 3, "reason": evil, "choice": evil, "chosen": 1}}
outcome = AttackOutcome(evil, "slot_error", evil, None, 1.0, [evil], evil)
output.show_results([good, bad], {{evil: evil}})
output.show_recorded(recorded, {{evil: evil}}, times=True)
print(output.summary([good, bad]))
output.show_leaderboard([row, dict(row, name="b", section="c")], {{1: good}})
diagnostics.show_check(good, [evil])
diagnostics.show_diagnostics(Path(evil), [Diagnostic(Severity.WARNING, "kind", 1, 1, 1, 3, evil, evil, evil)])
diagnostics.show_check(replace(bad, message=bad.traceback), [])  # in one line, as the trainer notes it
output.show_replay(Replay(evil, good, bad, 1, [evil], {{evil: (evil, evil)}}))
output.show_findings([Finding(evil, True, evil), Finding("x", False, evil)])
output.note_attack(1, 2, outcome)
output.show_attacks([outcome], 0.5)
output.say(evil)
output.warn(evil)
output.complain(evil)
output.confess("Traceback\\n  " + evil)
list(output.counted(recorded))
with progress.watcher(2, quiet=False) as watch:
    watch.on_known(1)
    watch.on_progress(evil, 0, 0.5)
    watch.on_notice(evil)
    watch.on_result(good)
    watch.on_result(bad)
sys.stdout.flush()
for words in (["--help"], ["grade", "--help"], ["grade", evil], ["results", evil], ["--" + evil], [evil]):
    sys.argv = ["grader", *words]
    try:
        main()
    except SystemExit as ended:
        print("code", ended.code, flush=True)
"""


def shown(*, terminal: bool, **environment: str) -> str:
    """Return what the whole of SHOW writes to both streams, each of them a terminal or a pipe."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS"}
    }
    settings = {**clean, "TERM": "xterm-256color", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", **environment}
    command = [sys.executable, "-c", SHOW]
    if not terminal:
        done = subprocess.run(
            command, env=settings, capture_output=True, text=True, check=True, errors="surrogateescape"
        )
        return done.stdout + done.stderr
    screen, end = os.openpty()
    process = subprocess.Popen(command, env=settings, stdin=end, stdout=end, stderr=end)
    os.close(end)
    found = b""
    try:
        while chunk := os.read(screen, 1 << 16):
            found += chunk
    except OSError:  # Linux says so when the other end is closed
        assert process.wait(60) == 0, found.decode()
    os.close(screen)
    return found.decode().replace("\r\n", "\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("terminal", "environment"),
    [
        (True, {"NO_COLOR": "1"}),
        (True, {"NO_COLOR": "0", "FORCE_COLOR": "1"}),
        (True, {"TERM": "dumb"}),
        (False, {}),
        (False, {"GITHUB_ACTIONS": "true"}),
        (False, {"NO_COLOR": "", "TERM": "dumb", "FORCE_COLOR": "1"}),
    ],
    ids=["NO_COLOR", "NO_COLOR before FORCE_COLOR", "TERM=dumb", "a pipe", "a log of GitHub", "dumb before FORCE_COLOR"],
)  # fmt: skip
def test_without_colour_there_is_no_escape_and_no_text_of_a_student_acts(
    terminal: bool, environment: dict[str, str]
) -> None:
    text = shown(terminal=terminal, **environment)
    assert not [char for char in text if char != "\n" and not char.isprintable()]
    assert "<U+001B>[2J" in text
    assert "[bold red]x[/]" in text, "a name is no markup"
    assert "Usage:" in text
    assert text.count("code 2") == 4
    assert not re.search(r"^ada: scored", text.split("Traceback")[0], re.MULTILINE), (
        "a name stays on its line"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("terminal", "environment"),
    [(True, {}), (True, {"NO_COLOR": ""}), (False, {"FORCE_COLOR": "1"})],
    ids=["a terminal", "an empty NO_COLOR", "FORCE_COLOR"],
)
def test_with_colour_only_ours_is_in_it(terminal: bool, environment: dict[str, str]) -> None:
    text = shown(terminal=terminal, **environment)
    for code, word in (
        ("32", "scored"),
        ("31", "slot_error"),
        ("33", "note: "),
        ("31", "grader: "),
        ("32", "ok  "),
    ):
        assert f"\x1b[{code}m{word}" in text
    for seen in re.findall(r"\x1b.{,14}", text):
        assert re.match(r"\x1b\[([\d;]*m|\?25[lh]|2K|1A)", seen), repr(seen)
    assert "\x9b" not in text
    assert "\x07" not in text
    assert ("\x1b[?25l" in text) == terminal, "what changes in place is for those who watch"


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str]]:
    """Give a function that runs a command in an empty folder, and returns its exit code and errors."""

    def command(*words: str) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["grader", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capfd.readouterr().err

    return command


LINES = [
    ("gade", "there is no command 'gade'; did you mean 'grade', 'upgrade', 'regrade'? see: grader --help"),
    ("zzz", "there is no command 'zzz'; see: grader --help"),
    ("--hlep", "there is no option '--hlep'; did you mean '--help'? see: grader --help"),
    ("grade noisy_labels", "missing argument 'PATH...'; see: grader grade --help"),
    ("grade noisy_labels a.ipynb", "missing option '--out'; see: grader grade --help"),
    (
        "grade noisy_labels a.ipynb --ouy r",
        "there is no option '--ouy'; did you mean '--out'? see: grader grade --help",
    ),
    ("grade noisy_lables a.ipynb --out r", "there is no task 'noisy_lables'; did you mean 'noisy_labels'?"),
    (
        "lint nothing",
        "there is no task 'nothing'; there are: advice_bandit, crowd_hpo, image_al, learning_to_defer, multi_annotator_al, night_birds, noisy_labels, seal_weights, town_letters",
    ),
    ("prepare noisy_labels --size larg", "noisy_labels has no size 'larg'; "),
    ("grade noisy_labels a.ipynb --out r --size", "option '--size' requires an argument"),
    (
        "grade noisy_labels a.ipynb --out r --repeats 0",
        "invalid value for '--repeats': Input should be greater than or equal to 1; see: grader grade --help",
    ),
    (
        "grade noisy_labels a.ipynb --out r --device cpuu",
        "invalid value for '--device': 'cpuu' is not one of 'auto', 'cuda', 'cpu'; did you mean 'cpu'? see: grader grade --help",
    ),
    ("results r --verdict scord", "'grader_error'; did you mean 'scored'? see: grader results --help"),
    ("results r", "there is no gradebook in r; `grader grade TASK PATH --out r` creates one"),
    ("report r", "there is no gradebook in r; `grader grade TASK PATH --out r` creates one"),
    ("regrade noisy_labels --out r", "choose submissions with --verdict or --student"),
    (
        "redteam noisy_labels --attack wires",
        f"{ROOT / 'tests' / 'hostile'} has no attack 'wires'; did you mean 'wire'?",
    ),
    (
        "redteam noisy_labels --attack zzz",
        "has no attack 'zzz'; there are: flooding, forging, network, notebook, privilege, program, reading, smuggling, stopping, wire",
    ),
    (
        "export r",
        "missing option '--format'; choose from: csv, json, gradescope, canvas, moodle; see: grader export --help",
    ),
    (
        "export r --format canvas",
        '--format canvas and --assignment "Name (id)" go together',
    ),
    ("tasks now", "got unexpected extra argument(s) (now); see: grader tasks --help"),
    ("doctor noisy_lables", "there is no task 'noisy_lables'; did you mean 'noisy_labels'?"),
    ("check nowhere.ipynb", "nowhere.ipynb is not a file"),
    (
        "new-task 1st",
        "'1st' cannot name a task; use a letter, then letters, digits, - and _, at most 50 in all",
    ),
]


@pytest.mark.parametrize(("words", "line"), LINES, ids=[words for words, _ in LINES])
def test_what_is_wrong_with_a_command_is_one_line(
    run: Callable[..., tuple[int, str]], words: str, line: str
) -> None:
    code, said = run(*words.split())
    assert code == 2
    assert said.startswith("grader: ")
    assert said.endswith("\n")
    assert said.count("\n") == 1, said
    assert line in said


def test_a_command_without_words_shows_the_help(run: Callable[..., tuple[int, str]]) -> None:
    assert run() == (0, "")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("u"), 2, "u"),
        (GraderFault("f"), 3, "f"),
        (
            OSError(28, "No space left on device", "x/y"),
            2,
            "x/y: No space left on device; make room or give access",
        ),
        (OSError(5, "Input/output error"), 3, "this is a bug in the grader"),
        (KeyError("k"), 3, "this is a bug in the grader"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_end_of_a_command_has_its_code_and_a_bug_its_traceback(
    error: Exception, code: int, line: str
) -> None:
    found = complaint(error)
    assert (found.code, found.line[: len(line)]) == (code, line)
    assert ("Error" in found.traceback) == line.startswith("this is a bug")


COMPLETE = """
import os, sys
sys.argv = ["grader"]
from grader.cli.main import main
try:
    main()
finally:
    sys.stdout.flush()
    heavy = {"torch", "numpy", "pandas", "sklearn", "papermill", "nbformat", "matplotlib", "ray", "jinja2", "jupytext"}
    loaded = sorted(heavy & sys.modules.keys())
    sys.stderr.write(f"loaded {loaded}")
"""
TASKS = [task.id for task in discover()]
COMPLETED = [
    ("grader gr", ["grade", "gradescope"]),
    ("grader grade ", TASKS),
    ("grader prepare noisy", ["noisy_labels"]),
    ("grader build crowd_hpo im", ["image_al"]),
    ("grader check n.ipynb --task m", ["multi_annotator_al"]),
    ("grader results r --verdict ", [verdict.value for verdict in Verdict]),
    ("grader redteam noisy_labels --attack wir", None),
    ("grader prepare learning_to_defer --size ", ["default", "large"]),
    ("grader grade noisy_labels p --out r --engine r", ["ray"]),
    ("grader export r --format m", ["moodle"]),
    ("grader gradescope nothing --size ", ["default"]),
    ("grader check note", []),
]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(("line", "expected"), COMPLETED, ids=[line for line, _ in COMPLETED])
def test_a_shell_gets_completions_and_nothing_heavy_is_imported(
    shell: str, line: str, expected: list[str] | None
) -> None:
    words = line.split(" ")
    asked = (
        {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        if shell == "bash"
        else {"_TYPER_COMPLETE_ARGS": line}
    )
    settings = {
        **os.environ,
        **asked,
        "_GRADER_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        [sys.executable, "-c", COMPLETE], env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "loaded []"
    if shell == "zsh":
        found = re.findall(r'"([^"]+)"(?::"[^"]*")?', done.stdout)
        assert found or done.stdout.strip() == "_files", "the shell's own files"
    else:
        found = [given.partition("\t")[0] for given in done.stdout.split("\n") if given]
    if expected is None:
        assert found[0] == "wire"
        assert len(found) > 3
        assert all(name.startswith("wire-") for name in found[1:])
    else:
        assert found == expected


def test_bash_itself_completes_with_the_script_that_is_shown() -> None:
    script = (
        'eval "$(grader --show-completion bash)"\n'
        'COMP_WORDS=(grader prepare crowd) COMP_CWORD=2\n_grader_completion grader\necho "${COMPREPLY[*]}"\ncomplete -p grader\n'
    )
    settings = {
        **os.environ,
        "PATH": PATH,
        "PYTHONPATH": str(ROOT),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=settings, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["crowd_hpo", "complete -o default -F _grader_completion grader"]


SWALLOWED = """
import signal, sys, time, weakref
from grader.cli import main, output

class Thing:
    pass

def interrupted(_):
    signal.raise_signal(signal.SIGINT)
    sum(range(100_000))  # the handler runs in here, where nothing can be raised

with main._stopping():
    thing = Thing()
    reference = weakref.ref(thing, interrupted)
    try:
        del thing
        time.sleep(20)
        print("went on")
    except KeyboardInterrupt:
        print("stopped")
"""


def test_ctrl_c_is_not_lost_where_python_swallows_it() -> None:
    """An exception in a callback of the garbage collector is ignored, and so would be the only Ctrl-C."""
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("stopped\n", "grader: stopping\n")
