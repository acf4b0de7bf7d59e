"""Run what proves more than `make test` and takes longer, part by part: `python tests/nightly.py PART`, or `make nightly`.

A part is a list of steps. Steps that were passed on this commit are not run again, so a part that was stopped, by hand or
because its hour was over, goes on where it was. No part takes longer than an hour. Continuous integration runs none of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
DONE = ROOT / ".nightly"  # ignored by git: one file a commit, the steps that were passed on it
PART_SECONDS = 3600.0
FUZZ_ROUNDS = 12
FUZZED = ("tests/fuzz", "tests/serve/test_raw_requests.py")
PYTEST = (sys.executable, "-m", "pytest", "-q")
CLASSES = (
    *("reading", "forging", "wire", "stopping", "flooding"),
    *("network", "privilege", "smuggling", "program", "notebook"),
)
CONTRACTS = ("tests/tasks/test_contract.py", "tests/export/test_student_zip.py")
TASKS = (
    "noisy_labels",
    "learning_to_defer",
    "image_al",
    "multi_annotator_al",
    "crowd_hpo",
    "advice_bandit",
    "seal_weights",
    "town_letters",
)


@dataclass(frozen=True)
class Step:
    """A command that passes with exit code 0, and what it needs in its environment."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def pytest_step(name: str, *words: str, **environment: str) -> Step:
    """Return a step that runs tests."""
    return Step(name, (*PYTEST, *words), environment)


def redteam_step(task: str, kind: str) -> Step:
    """Return a step that attacks a task with a class of attacks, with an honest run after every one."""
    out = str(DONE / "redteam" / f"{task}-{kind}")
    words = ("-m", "grader", "redteam", task, "--attack", kind, "--window", "1", "--out", out)
    return Step(f"{task}: {kind}", (sys.executable, *words))


PARTS: dict[str, list[Step]] = {
    "ray": [pytest_step("two nodes", "-m", "nightly", "tests/grading")],
    "browser": [pytest_step("pages at three sizes", "-m", "nightly", "tests/report", REQUIRE_BROWSER="1")],
    "corpus": [
        pytest_step(
            "small tasks",
            "tests/redteam/test_corpus.py",
            "tests/redteam/test_corpus_of_kinds.py",
            "tests/redteam/test_program_corpus.py",
            "-m",
            "slow or nightly",
            TURN="all",
        ),
        *(redteam_step(task, kind) for task in TASKS for kind in CLASSES),
    ],
    "fuzz": [
        pytest_step(f"round {number}", "-x", "--hypothesis-profile=hour", *FUZZED)
        for number in range(1, FUZZ_ROUNDS + 1)
    ],
    "bands": [
        pytest_step(task, "tests/tasks/test_contract.py", "-k", f"met_again and {task}", TURN="all")
        for task in TASKS
    ],
    "tasks": [
        pytest_step("saved notebooks", "tests/notebooks", "-m", "nightly"),
        *(
            pytest_step(task, *CONTRACTS, "-m", "slow", "-k", f"{task} and not met_again", TURN="all")
            for task in TASKS
        ),
    ],
    "places": [
        pytest_step(
            "states and a container",
            "-m",
            "nightly",
            "tests/cli/test_where_it_runs.py",
            REQUIRE_CONTAINER="1",
        ),
        *(
            pytest_step(
                f"corpus {where}",
                "-m",
                "nightly",
                "tests/redteam/test_corpus_elsewhere.py",
                "-k",
                where,
                REQUIRE_CONTAINER="1",
            )
            for where in ("state", "container")
        ),
        pytest_step("image", "-m", "nightly", "tests/test_image.py", REQUIRE_CONTAINER="1"),
    ],
    "contest": [pytest_step("site and worker that are killed", "-s", "-m", "nightly", "tests/serve")],
    "docs": [pytest_step("pages on all images", "-m", "nightly", "tests/test_page_commands.py")],
}


def run_part(
    steps: Sequence[Step],
    record: Path,
    *,
    run: Callable[[Step, float], int],
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Run the steps that `record` does not name, add those that pass, and return what came of them in one line.

    The line begins with "complete", "failed" or "to be continued". `run` gets a step and the seconds that are left.
    """
    passed: list[str] = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else []
    record.parent.mkdir(parents=True, exist_ok=True)
    end = clock() + PART_SECONDS
    for step in (step for step in steps if step.name not in passed):
        left = end - clock()
        if left <= 0:
            return f"to be continued: {len(passed)} of {len(steps)} steps are done; run the same again"
        try:
            code = run(step, left)
        except subprocess.TimeoutExpired:
            return f"to be continued: {step.name} was stopped when the hour was over; run the same again"
        if code:
            return f"failed: {step.name} ended with exit code {code}"
        passed.append(step.name)
        record.write_text(json.dumps(passed), encoding="utf-8")
    return f"complete: {len(steps)} of {len(steps)} steps passed"


def commit() -> str:
    """Return the commit of this clone, with a mark of the time where files differ from it: nothing is skipped then."""
    git = ("git", "-C", str(ROOT))
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    changed = subprocess.run(
        [*git, "status", "--porcelain"], capture_output=True, text=True, check=True
    ).stdout
    return head.strip() + (f"-changed-{int(time.time())}" if changed else "")


def run_step(step: Step, seconds: float) -> int:
    """Run a step and return its exit code; its output is shown.

    Raises TimeoutExpired where it takes more than `seconds`.
    """
    print(f"== {step.name}: {' '.join(step.command)}", flush=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **step.environment}
    done = subprocess.run(step.command, cwd=ROOT, env=environment, timeout=seconds, check=False)
    return done.returncode


def main() -> None:
    """Run the parts that are named, all by default; the exit code is 1 where one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    state, lines = DONE / commit(), {}
    for name in parser.parse_args().parts or PARTS:
        lines[name] = run_part(PARTS[name], state / f"{name}.json", run=run_step)
        print(f"{name}: {lines[name]}", flush=True)
    print("\n".join(f"{name}: {line}" for name, line in lines.items()))
    sys.exit(any(line.startswith("failed") for line in lines.values()))


if __name__ == "__main__":
    main()
