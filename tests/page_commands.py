"""The commands that pages show, and the output below each; some are only looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(page for pattern in ("*.md", "docs/*.md", "tasks/*/README.md") for page in ROOT.glob(pattern))
CONTEST = "tests/contest/test_contest_commands.py plays a contest of the toy task"
# Shown, and only looked at: what each would do is said beside it.
NOT_RUN = {
    "make demo": "continuous integration runs it",
    "make test": "runs these tests",
    "grader --install-completion": "writes to the home folder; tests/cli/test_terminal.py completes with its script",
    "grader redteam noisy_labels": "takes hours; tests/redteam/test_arena.py calls it for a smaller task",
    "python3 -m venv .venv": "sets up what runs these tests",
    ". .venv/bin/activate": "sets up what runs these tests",
    'pip install -c constraints.txt -e ".[grade]"': "sets up what runs these tests",
    "grader build --repo-url https://github.com/OWNER/REPO": "would write into this clone; tests/notebooks/test_colab_badge.py calls it for a copy",
    "grader new-task birds --from published.ipynb": "needs a published notebook; tests/task/test_published.py makes some up",
    "grader check my_notebook.ipynb --repeats 3": "three times the check above it",
    "grader check my_notebook.ipynb --watch": "goes on until Ctrl-C; tests/cli/test_check.py watches the toy task",
    "grader final results --secret-file final_secret": "tests/cli/test_final.py runs it with the toy task",
    "grader prepare noisy_labels --source torchvision:FashionMNIST": "needs a download",
    "grader prepare learning_to_defer --size large": "needs a download",
    'grader contest new our_contest --task noisy_labels --title "Our contest" --zone Europe/Warsaw': CONTEST,
    "grader contest check our_contest": CONTEST,
    "grader contest codes our_contest --roster roster.csv --out codes.csv": CONTEST,
    "grader contest check our_contest --dry-run --teams 200": CONTEST,
    "grader contest worker our_contest --jobs 2": CONTEST,
    "grader contest queue our_contest": CONTEST,
    'grader contest queue our_contest --force 17 --because "the power failed"': CONTEST,
    'grader contest extend our_contest "Ada Lovelace" --until 2026-11-30T14:30 --because "was ill"': CONTEST,
    'grader contest disqualify our_contest 17 --because "a copy of submission 9"': CONTEST,
    'grader contest unbind our_contest "Ada Lovelace" --because "the school gave her a new account"': CONTEST,
    "grader contest replay our_contest 17": CONTEST,
    "grader contest grades our_contest": CONTEST,
    "grader contest close our_contest --out our_contest.zip": CONTEST,
    "grader contest verify our_contest.zip": CONTEST,
    "grader contest verify our_contest.zip --receipt receipt.json": CONTEST,
    'grader contest export our_contest "Ada Lovelace" --out ada.zip': CONTEST,
    'grader contest erase our_contest "Ada Lovelace" --yes': CONTEST,
    "grader contest backup our_contest backup_noon": CONTEST,
    "grader grade learning_to_defer submissions --size large --out results_large": "needs a download and a GPU",
}


@dataclass(frozen=True)
class Command:
    """A line after `$` in a console block, and the output that is shown below it."""

    page: Path
    text: str
    shown: tuple[str, ...]


def commands_of(page: Path) -> list[Command]:
    commands: list[Command] = []
    for block in re.findall(
        r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append(Command(page, line[2:], ()))
            else:
                last = commands.pop()
                commands.append(Command(page, last.text, (*last.shown, line)))
    return commands


COMMANDS = [command for page in PAGES for command in commands_of(page)]
