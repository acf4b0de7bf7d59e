"""The attacks that are for one kind of task, against a small task of that kind: players that cheat, and one for each verdict."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest
from attacks import HOSTILE
from ponds import few_ponds
from recorded import Quiet
from turns import is_in_turn

from grader.errors import Verdict
from grader.gradebook.run_settings import RunSettings
from grader.redteam.arena import SEEDS, Arena, context_for, open_arena
from grader.redteam.corpus import handed_in, read_attack, read_corpus
from grader.task.evaluation import prepare_repeats
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grader.grading.engine import LocalEngine
    from grader.task.spec import Task

PLAYERS = sorted((HOSTILE / "interactive").glob("*.py"))
LEAST_PLAYERS = 10
LOOP_SECONDS = 5.0


@pytest.fixture(scope="module")
def pond_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return few_ponds(tmp_path_factory.mktemp("ponds"))


@pytest.fixture(scope="module")
def arena(pond_task: Task, tmp_path_factory: pytest.TempPathFactory, engine: LocalEngine) -> Iterator[Arena]:
    out = tmp_path_factory.mktemp("players")
    repeats = prepare_repeats(
        pond_task, b"seeds of the test suite", out / "e", repeats=SEEDS, source="embedded"
    )
    context = context_for(pond_task, RunSettings("cpu", 60, "any"), repeats)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grader.redteam.arena.LocalEngine", lambda: contextlib.nullcontext(engine))
        for module in ("arena", "host_snapshot"):
            patch.setattr(f"grader.redteam.{module}.libraries", dict)
        with open_arena(context, out, watcher=Quiet()) as opened:
            yield opened
            assert opened.honest_difference() == ""


def faced(number: int, path: Path) -> object:
    marks = [] if is_in_turn(number, turn=os.environ["TURN"]) else [pytest.mark.nightly]
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.slow
@pytest.mark.xdist_group("attacks of players")
@pytest.mark.parametrize("path", [faced(number, path) for number, path in enumerate(PLAYERS)])
def test_the_judge_shrugs_off(path: Path, arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = read_attack(path)
    if Verdict.TIME_LIMIT.value in attack.endings:
        monkeypatch.setattr(arena, "_wall_seconds", LOOP_SECONDS)
    outcome = arena.face(attack)
    if not outcome.held:  # a machine that does something else as well; a hole is there the second time, too
        outcome = arena.face(attack)
    assert outcome.problems == []


def test_the_players_are_for_interactive_tasks_alone_and_have_every_verdict() -> None:
    assert len(PLAYERS) >= LEAST_PLAYERS
    common = {attack.name for attack in read_corpus(HOSTILE)}
    playing = read_corpus(HOSTILE, kind="interactive")
    own = {attack.name: attack for attack in playing if attack.name not in common}
    assert len(own) == len(PLAYERS)
    assert len(playing) == len(common) + len(own)
    endings = {ending.partition("=")[0] for attack in own.values() for ending in attack.endings}
    assert endings == {verdict.value for verdict in Verdict} - {"grader_error", "invalid_file"}


@pytest.mark.parametrize("path", PLAYERS, ids=lambda path: path.stem)
def test_a_player_of_the_corpus_can_be_handed_in(path: Path, pond_task: Task) -> None:
    attack = read_attack(path)
    assert handed_in(attack, load_starter(pond_task), {})
    assert len(attack.text.splitlines()) <= 60
