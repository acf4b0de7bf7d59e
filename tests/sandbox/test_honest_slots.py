"""What runs in a notebook at home runs graded with the same answer, or is refused at once with a sentence that says why.

The first line of each file of `tests/honest` is what to expect: `same`, or a verdict. `says:` is part of the sentence
or of the traceback, `quick:` part of what `grader check --quick` says beforehand (see `tests/lint/test_honest_slots_at_once.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from at_home import ENTRY, IMPORTS, arguments
from honest_slots import SLOTS, TESTS, expected_of
from sandbox_client import Outcome, converse
from sandbox_fixtures import go_without_walls

from grader.notebooks.refused import refusal_hint
from grader.sandbox import SlotSource, open_sandbox
from grader.task.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grader.sandbox import Sandbox

pytestmark = pytest.mark.slow

SECONDS = 20.0  # a hang is longer; loading a library under load is not


@pytest.fixture(scope="module", params=["namespaces", "landlock", "plain"])
def roomy(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    if request.param == "landlock":
        go_without_walls("landlock")
    opened = open_sandbox(Limits(), imports=IMPORTS, walls=request.param)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def home() -> dict[str, list[float] | str]:
    same = [
        path for path in SLOTS if expected_of(path).ending == "same" and not expected_of(path).slow_at_home
    ]
    done = subprocess.run(
        [sys.executable, TESTS / "at_home.py", *same],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return dict(json.loads(line) for line in done.stdout.split("\n") if line)


def play(sandbox: Sandbox, slot: str) -> Outcome:
    running = sandbox.start_slot(SlotSource(IMPORTS, slot, (ENTRY,), 1))
    try:
        running.socket.settimeout(SECONDS)
        return converse(running, 1, ENTRY, arguments())
    finally:
        running.close()


@pytest.mark.parametrize("path", SLOTS, ids=lambda path: path.stem)
def test_an_honest_slot_is_graded_as_it_runs_at_home_or_refused_with_the_reason(
    path: Path, roomy: Sandbox, home: dict[str, list[float] | str]
) -> None:
    expected = expected_of(path)
    if expected.needs_confinement and roomy.name == "plain process":
        pytest.skip("nothing limits it where nothing confines it")
    outcome = play(roomy, path.read_text(encoding="utf-8"))
    if expected.ending == "same":
        answer = np.asarray(outcome.answer)
        if not expected.slow_at_home:
            assert isinstance(home[path.stem], list), f"at home: {home[path.stem]}"
            assert answer == pytest.approx(home[path.stem])
    else:
        assert outcome.verdict == expected.ending, outcome
        hint = refusal_hint(outcome.message, IMPORTS, path.read_text(encoding="utf-8"))
        assert expected.says in f"{outcome.message}{hint}\n{outcome.traceback}", (outcome, hint)
