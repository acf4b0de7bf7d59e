"""Break one line of the program at a time, and see that a test of `make test` fails.

    python benchmarks/mutations.py
    python benchmarks/mutations.py ray scoring

Each mutation is made in a copy of this clone, and the tests that are named beside it run there. They are those that stay in
`make test` beside a longer one that runs at night, or that became cheaper. A mutation that no test notices is an exit code of 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("grader", "tests", "tasks", "starter_notebooks", "solutions", "examples", "docs", "benchmarks")


@dataclass(frozen=True)
class Mutation:
    """A text of a file that occurs once, what it becomes, and the words that choose the tests which must notice."""

    path: str
    before: str
    after: str
    tests: tuple[str, ...]


MUTATIONS = {
    "boundary": Mutation(
        "grader/sandbox/inside/wire.py",
        "    if payload_bytes > caps.payload_bytes:\n        raise WireError",
        "    if payload_bytes > 2 * caps.payload_bytes:\n        raise WireError",
        ("tests/sandbox/test_wire.py",),
    ),
    "walls": Mutation(
        "grader/sandbox/inside/server.py",
        "problem = self.missing_walls() if report == READY else",
        'problem = "" if report == READY else',
        ("tests/sandbox/test_forks.py", "-k", "walls_do_not_stand"),
    ),
    "forks": Mutation(
        "grader/sandbox/session.py",
        "            if not self._process.forked:\n",
        "            if True:\n",
        ("tests/sandbox/test_confinement.py", "-k", "nobody_used"),
    ),
    "scoring": Mutation(
        "grader/task/scoring.py",
        "min(max(share, 0.0), 1.0)",
        "max(share, 0.0)",
        ("tests/task/test_scoring.py",),
    ),
    "gradebook": Mutation(
        "grader/gradebook/gradebook.py",
        '"results.id DESC LIMIT 1"',
        '"results.id LIMIT 1"',
        ("tests/gradebook", "tests/grading/test_batch.py", "-m", "not slow"),
    ),
    "rebuild": Mutation(
        "grader/notebooks/rebuild.py",
        '            cell["outputs"] = []\n',
        "            pass\n",
        ("tests/notebooks/test_rebuild.py",),
    ),
    "rules": Mutation(
        "grader/task/rules.py",
        'if is_code(cell) and text.startswith("%%"):',
        'if not is_code(cell) and text.startswith("%%"):',
        ("tests/task/test_rules.py",),
    ),
    "first_call": Mutation(
        "grader/trainer/first_call.py",
        "        self._end = time.monotonic() + seconds\n",
        "        self._end = time.monotonic() + 100 * seconds\n",
        ("tests/fuzz/test_fuzz_trainer.py", "-k", "drips"),
    ),
    "verify": Mutation(
        "grader/redteam/verify.py",
        "result.metrics.per_model == honest.baseline.per_model",
        "result.metrics.per_model.keys() == honest.baseline.per_model.keys()",
        ("tests/redteam/test_verify.py",),
    ),
    "corpus": Mutation(
        "grader/redteam/window.py",
        "        if alone := arena.honest_difference():\n",
        "        if (alone := arena.honest_difference()) and not blamed:\n",
        ("tests/redteam/test_window.py",),
    ),
    "twins": Mutation(
        "grader/redteam/arena.py",
        "        return json.dumps(rebuilt).encode() == self._baseline",
        "        return bool(rebuilt)",
        ("tests/redteam/test_arena.py", "-k", "rebuilt_into or graded_otherwise"),
    ),
    "renewal": Mutation(
        "grader/redteam/arena.py",
        "                path.write_bytes(self._files[path])\n",
        "                pass\n",
        ("tests/redteam/test_arena.py", "-k", "graded_otherwise"),
    ),
    "saves": Mutation(
        "grader/notebooks/reading.py",
        'raw if isinstance(raw, str) else "".join(raw)',
        'raw + "\\n" if isinstance(raw, str) else "".join(raw)',
        ("tests/notebooks/test_saved_as.py", "-k", "a_save_of"),
    ),
    "nesting": Mutation(
        "grader/submissions/yaml_table.py",
        "            if depth > MAX_DEPTH:\n",
        "            if depth > 10_000 * MAX_DEPTH:\n",
        ("tests/submissions/test_platforms.py",),
    ),
    "planted": Mutation(
        "grader/submissions/platforms.py",
        "        folders = {parts[depth] for parts in paths if len(parts) > depth + 1}\n",
        "        folders = {parts[depth] for parts in paths}\n",
        ("tests/submissions/test_platforms.py",),
    ),
    "look-alikes": Mutation(
        "grader/submissions/identify.py",
        "    return sorted(numbers, key=lambda number: _clean(texts[number]) != texts[number])",
        "    return list(numbers)",
        ("tests/submissions/test_confusable.py",),
    ),
    "host": Mutation(
        "grader/redteam/host_snapshot.py",
        "    for path in sorted(before.keys() | after.keys()):",
        "    for path in sorted(after.keys()):",
        ("tests/redteam/test_host_snapshot.py",),
    ),
    "bands": Mutation(
        "grader/task/spec.py",
        "        for source in (notebook_source(self.folder), data_source(self.folder)):\n"
        "            digest.update(source.encode())\n        return digest.hexdigest()",
        "        return digest.hexdigest()",
        ("tests/tasks/test_contract.py", "-k", "conditions"),
    ),
    "ray": Mutation(
        "grader/grading/ray/engine.py",
        "  # the actor, its node, or what it answered is gone\n            self._replace(call)\n",
        "\n            self._refuse(call, None)\n",
        ("tests/grading/test_ray.py", "-k", "worker_that_ends"),
    ),
    "docs": Mutation(
        "grader/cli/output.py",
        "changed: protected cells that were changed;",
        "changed: cells that were changed;",
        ("tests/test_page_commands.py", "-k", "do_what_it_shows and rosters"),
    ),
}


def copy_clone(folder: Path) -> None:
    """Copy what tests need of this clone."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, folder)


def is_noticed(mutation: Mutation, clone: Path) -> bool:
    """Break the line in `clone`, run the tests there, and mend it; return whether one failed.

    Raises SystemExit where the line is not there, or no test ran.
    """
    path = clone / mutation.path
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.before) != 1:
        raise SystemExit(f"{mutation.path} has not exactly one place that reads: {mutation.before}")
    path.write_text(text.replace(mutation.before, mutation.after), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutation.tests]
    environment = {**os.environ, "PYTHONPATH": str(clone), "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, cwd=clone, env=environment, capture_output=True, text=True, check=False
        )
    finally:
        path.write_text(text, encoding="utf-8")
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stdout + done.stderr)
    print(
        "\n".join(line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))),
        flush=True,
    )
    return done.returncode == 1


def main() -> None:
    """Try the mutations that are named, all by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MUTATIONS))
    survived = []
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        clone.mkdir()
        copy_clone(clone)
        for name in parser.parse_args().names or MUTATIONS:
            noticed = is_noticed(MUTATIONS[name], clone)
            print(f"{name}: {'noticed' if noticed else 'SURVIVED'}", flush=True)
            survived += [] if noticed else [name]
    sys.exit(bool(survived))


if __name__ == "__main__":
    main()
