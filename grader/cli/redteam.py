"""The command redteam: every hostile submission of the corpus against a task."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from grader.cli import output, progress
from grader.cli.errors import INTERRUPTED
from grader.cli.settings import check_machine, hidden_data, made
from grader.gradebook.run_settings import RunSettings
from grader.redteam.arena import SEEDS, TRAINED_TWINS, context_for, open_arena
from grader.redteam.corpus import corpus_folder, handed_in, read_corpus
from grader.redteam.file_arena import HONEST, attacks_on, face_files
from grader.task.spec import load_task

if TYPE_CHECKING:
    from grader.cli.author_options import RedteamOptions
    from grader.redteam.arena import AttackOutcome
    from grader.task.spec import Task


def _face_files(task: Task, options: RedteamOptions) -> None:
    """Face a task of files with the hostile files that are made for it."""
    settings = RunSettings(wall_seconds=task.spec.limits.wall_seconds, repeats=1)
    (repeat,) = hidden_data(task, made(options.out), settings)
    with tempfile.TemporaryDirectory(prefix="grader-redteam-") as scratch:
        attacks = attacks_on(task, repeat, Path(scratch) / "reference")
    if options.names:
        attacks = [attack for attack in attacks if attack.attack in {HONEST, *options.names}]
    with progress.watcher(len(attacks), quiet=True) as watcher:
        outcomes = face_files(task, repeat, attacks, settings, out=options.out, watcher=watcher)
    if options.as_json:
        output.print_json([outcome.as_json() for outcome in outcomes])
    else:
        output.show_attacks(outcomes, outcomes[0].merit or 0.0)
    if not all(outcome.held for outcome in outcomes):
        raise typer.Exit(1)


def redteam(options: RedteamOptions) -> None:
    """Attack a task with every hostile submission; exit code 1 where one of them does not hold."""
    task = load_task(options.task_name)
    if not task.spec.runs_code:
        _face_files(task, options)
        return
    attacks = read_corpus(options.corpus or corpus_folder(), options.names, task.spec.kind)
    settings = RunSettings(wall_seconds=task.spec.limits.wall_seconds, walls=options.walls, repeats=SEEDS)
    check_machine(settings, task)
    context = context_for(task, settings, hidden_data(task, made(options.out), settings))
    for attack in attacks:
        handed_in(attack, context.starter, {})  # one that cannot be built is known before an hour has gone
    outcomes: list[AttackOutcome] = []
    faced = 0

    def note(outcome: AttackOutcome) -> None:
        nonlocal faced
        faced += 1
        if not options.as_json:
            output.note_attack(faced, len(attacks), outcome)

    try:
        with (
            progress.watcher(1, quiet=True) as watch,
            open_arena(
                context,
                options.out,
                watcher=watch,
                wall_seconds=options.time_limit,
                trained_twins=TRAINED_TWINS if options.window > 1 else len(attacks),
            ) as arena,
        ):
            for begin in range(0, len(attacks), options.window):
                outcomes += arena.face_window(attacks[begin : begin + options.window], note)
            changed = arena.changed_libraries()
    except KeyboardInterrupt:
        output.complain(f"stopped after {faced} of {len(attacks)} attacks")
        raise typer.Exit(INTERRUPTED) from None
    if options.as_json:
        output.print_json([outcome.as_json() for outcome in outcomes])
    else:
        output.show_attacks(outcomes, arena.honest.band)
    for difference in changed:
        output.complain(f"the installed libraries have changed: {difference}")
    if changed or not all(outcome.held for outcome in outcomes):
        raise typer.Exit(1)
