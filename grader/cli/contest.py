"""The commands behind `grader contest`."""

from __future__ import annotations

import csv
import io
import tempfile
import threading
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from grader.cli import output
from grader.cli.errors import INTERRUPTED
from grader.cli.interrupts import interrupt_at_end_of_input
from grader.cli.settings import check_machine, engine_for, local_engine, program_cards
from grader.contest import desk, queue, timetable
from grader.contest.archive import close_contest
from grader.contest.backup import back_up
from grader.contest.counted import choose_what_counts
from grader.contest.events import head
from grader.contest.folder import open_contest, open_folder, start_contest
from grader.contest.grading import GradingChoices, prepare_grading, task_of_contest
from grader.contest.identities import release_identities
from grader.contest.moments import read_clocks
from grader.contest.people import (
    NewParticipant,
    Participant,
    enrol,
    has_code,
    join_teams,
    make_team,
    members,
    new_code,
    participants,
    role_named,
    teams_called,
)
from grader.contest.privacy import erase_person, export_person
from grader.contest.rehearse import findings_of, forecast, rehearse
from grader.contest.spec import DEFAULT_GROUP
from grader.contest.verify import verify_archive
from grader.contest.views import queue_view
from grader.contest.worker import ContestWorker, WorkerSettings
from grader.errors import UsageError, instead
from grader.files import write_private
from grader.gradebook.result import neutralise
from grader.serve import sessions
from grader.serve.provider_check import check_providers
from grader.submissions.roster import Roster
from grader.task.spec import load_task
from grader.text import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.cli import contest_commands as commands
    from grader.contest.folder import ContestFolder
    from grader.contest.store import Store
    from grader.findings import Finding
    from grader.grading.engine import Engine
    from grader.task.spec import Task

_TEAMS = 100  # to forecast for, where nobody is enrolled
_OPENS = timedelta(hours=9)  # of a new contest, tomorrow
_LASTS = timedelta(hours=5)
_RULES = """title = {title}
zone = {zone}
{tasks}
[[windows]]  # times without an offset are in the zone of each group, or else in that above
opens = {opens}
closes = {closes}

[attempts]
scored = 50
counts = "best"  # or latest, or chosen

[cooldown]
minutes = 1
burst = 3
"""


def new(options: commands.ContestNewOptions) -> None:
    """Start a contest with rules that work."""
    now = read_clocks().wall.replace(tzinfo=None)
    opens = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) + _OPENS
    tasks = "".join(f"\n[[tasks]]\nname = {_toml(_task_name(name))}\n" for name in options.tasks)
    rules = _RULES.format(
        title=_toml(options.title),
        zone=_toml(options.zone),
        tasks=tasks,
        opens=opens.isoformat(),
        closes=(opens + _LASTS).isoformat(),
    )
    contest = start_contest(options.folder, rules)
    output.say(f"{contest.store.spec_file}: edit the rules, then: grader contest check {options.folder}")


def _task_name(name: str) -> str:
    """Return how contest.toml, which lies elsewhere, names a task. Raises UsageError where there is none."""
    task = load_task(name)
    return str(task.folder) if "/" in name or (Path("tasks") / name).is_dir() else name


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def check(options: commands.ContestCheckOptions) -> None:
    """Show the timetable, and what in the rules or in a rehearsal is wrong; exit code 1 where something is."""
    contest = open_contest(options.folder)
    with contest.store.reading() as transaction:
        people = participants(transaction)
    groups = [person.group for person in people]
    rows = timetable.timetable(contest.spec, groups)
    findings = timetable.check_timetable(contest.spec, groups, read_clocks().wall)
    findings += check_providers(contest.spec, contest.store.folder)
    teams = options.teams or len({person.team for person in people if person.role == "student"}) or _TEAMS
    needs = None
    if options.dry_run:
        programs = program_cards(_tasks_of(contest), allow_gpu=options.allow_gpu)
        with (
            tempfile.TemporaryDirectory(prefix="grader-rehearsal-") as folder,
            closing(local_engine(programs=programs)) as engine,
        ):
            choices = GradingChoices(options.device, options.walls)
            attempts = rehearse(
                contest, Path(folder), lambda trial: _worker_for(trial, choices, engine, options.jobs)
            )
        findings += findings_of(attempts)
        needs = forecast(contest.spec, attempts, teams=teams, jobs=options.jobs)
    if options.as_json:
        output.print_json(
            {
                "timetable": [asdict(row) | {"opens": row.opens.isoformat(), "closes": row.closes.isoformat()} for row in rows],
                "findings": [asdict(finding) for finding in findings],
                "forecast": needs and asdict(needs),
            }
        )  # fmt: skip
    else:
        for row in rows:
            opens, closes = f"{row.opens:%a %Y-%m-%d %H:%M}", f"{row.closes:%a %Y-%m-%d %H:%M %Z}"
            output.say(f"{row.task}  {row.group or 'everybody'}  {opens} to {closes}")
        output.show_findings(findings)
        if needs:
            output.say(
                f"forecast for {count(teams, 'team')}: {needs.attempts} attempts, {needs.disk_gb:.1f} GB, "
                f"{needs.hours:.1f} hours of grading with --jobs {options.jobs}"
            )
    _exit_unless_well(findings)


def codes(options: commands.ContestCodesOptions) -> None:
    """Enrol people and show a code for each, once."""
    contest = open_folder(options.folder)
    if options.roster:
        people = Roster.read(options.roster, output.warn).people
        wanted = [
            NewParticipant(
                person.name, person.id or person.email or person.name, person.email, person.section, person.team,
                role_named(options.role),
            )
            for person in people
        ]  # fmt: skip
        with contest.store.writing() as transaction:
            enrolled = enrol(transaction, wanted)
            join_teams(
                transaction, [(person, new.team) for person, new in zip(enrolled, wanted, strict=True)]
            )
    rows = []
    for person in _chosen(contest.store, options.person):
        with contest.store.writing() as transaction:
            if options.again or not has_code(transaction, person.id):
                rows.append((person, new_code(transaction, person.id)))
        if options.again:
            _end_sessions(contest.store, person)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["name", "group", "code"])
    writer.writerows([neutralise(person.name), neutralise(person.group), code] for person, code in rows)
    _hand_out(text.getvalue(), len(rows), options.out)


def _hand_out(codes: str, number: int, path: Path | None) -> None:
    """Write codes to a file, or else to the terminal: also where the file fails, because nobody can show them again."""
    problem = None
    if path:
        try:
            write_private(path, codes.encode())
        except UsageError as error:
            problem = error
        else:
            output.say(f"{count(number, 'code')} in {path}; print it, cut it up, and delete it")
            return
    for line in codes.splitlines():
        output.say(line)
    if problem:
        raise problem


def _end_sessions(store: Store, person: Participant) -> None:
    """End the sessions of somebody whose code, or account at a provider, no longer counts."""
    if (store.folder / sessions.FILE).is_file():
        sessions.Sessions(store.folder, store.clocks().wall.timestamp).end_all(person.id)


def team(options: commands.ContestTeamOptions) -> None:
    """Put people into a team."""
    store = open_folder(options.folder).store
    people = _chosen(store, options.people)
    with store.writing() as transaction:
        make_team(transaction, options.name, people)
    output.say(f"{options.name}: {', '.join(person.name or person.id for person in people)}")


def worker(options: commands.ContestWorkerOptions) -> None:
    """Grade what is handed in."""
    if options.attached:
        interrupt_at_end_of_input()
    contest = open_folder(options.folder)
    choices = GradingChoices(options.device, options.walls, options.repeats)
    engine, jobs = engine_for(options, _tasks_of(contest))
    with closing(engine):
        working = _worker_for(contest, choices, engine, jobs, local=options.engine == "local")
        try:
            working.run(threading.Event(), until_idle=options.until_idle)
        except KeyboardInterrupt:
            output.complain("stopped; what was running waits for the next worker")
            raise typer.Exit(INTERRUPTED) from None


def _tasks_of(contest: ContestFolder) -> list[Task]:
    return [task_of_contest(contest, named) for named in contest.spec.tasks]


def _worker_for(
    contest: ContestFolder, choices: GradingChoices, engine: Engine, jobs: int, *, local: bool = True
) -> ContestWorker:
    """Return a worker of a contest. Raises UsageError where this machine should grade and cannot grade one of its tasks."""
    tasks = prepare_grading(contest, choices)
    for graded in tasks.values() if local else ():
        check_machine(graded.settings, graded.task)
    return ContestWorker(contest.store, tasks, engine, WorkerSettings(jobs, output.warn))


def show_queue(options: commands.ContestQueueOptions) -> None:
    """Apply decisions about submissions, and show the queue."""
    store = open_folder(options.folder).store
    decisions = {
        queue.force: options.force,
        queue.requeue: options.requeue,
        queue.hold: options.hold,
        queue.release: options.release,
        queue.cancel: options.cancel,
    }
    if any(decisions.values()) and not (options.because or "").strip():
        raise UsageError("give the reason with --because")
    with store.writing() as transaction:
        for decide, numbers in decisions.items():
            for number in numbers or []:
                decide(transaction, number, options.because or "")
    with store.reading() as transaction:
        rows, last = queue_view(transaction), head(transaction.connection)
    if options.as_json:
        output.print_json([asdict(row) for row in rows])
        return
    for row in rows:
        seconds = row.place.seconds if row.place else None
        wait = f", in {seconds:.0f} s" if seconds is not None else ""
        output.say(f"{row.number}  {row.state}{wait}  {row.task}  {row.name}")
    if not rows:
        output.say("nothing runs, waits or is held")
    output.say(f"head of the events: {last}")


def extend(options: commands.ContestExtendOptions) -> None:
    """Move somebody's last deadline."""
    if options.withdraw == (options.until is not None):
        raise UsageError("give either --until or --withdraw")
    contest = open_folder(options.folder)
    if options.task:
        contest.spec.task(options.task)
    team, whom, group = _extended(contest.store, options.person)
    until = contest.spec.moment(options.until, group) if options.until else None
    with contest.store.writing() as transaction:
        desk.extend(transaction, team, until, task=options.task, author="", reason=options.because)
    if until is None:
        output.say(f"{whom}: no extension")
        return
    output.say(f"{whom}: until {until.astimezone(contest.spec.zone_of(group)):%Y-%m-%d %H:%M %z}")


def _extended(store: Store, name: str | None) -> tuple[str, str, str]:
    """Return the team that is meant, what to call it, and the group of its first member; "" is everybody. Raises UsageError."""
    if name is None:
        return "", "everybody", DEFAULT_GROUP
    with store.reading() as transaction:
        teams = teams_called(transaction, name)
        known = members(transaction, teams[0]) if teams else []
        others = [
            person
            for person in participants(transaction)
            if person.team not in teams and name in (person.id, person.name, person.roster_id)
        ]
    if known and (others or len(teams) > 1):
        raise UsageError(f"a team and somebody of another one are called {name!r}; give an id")
    if known:
        return teams[0], name, known[0].group
    (person,) = _chosen(store, [name])
    return person.team, person.name or person.id, person.group


def disqualify(options: commands.ContestDisqualifyOptions) -> None:
    """Let a submission count nothing, or count again."""
    with open_folder(options.folder).store.writing() as transaction:
        desk.disqualify(
            transaction, options.number, disqualified=not options.withdraw, author="", reason=options.because
        )
    output.say(f"submission {options.number} {'counts again' if options.withdraw else 'counts 0 points'}")


def unbind(options: commands.ContestUnbindOptions) -> None:
    """Release somebody from the account that signed in as them first, and end what it began."""
    store = open_folder(options.folder).store
    (person,) = _chosen(store, [options.person])
    with store.writing() as transaction:
        number = release_identities(transaction, person, author="", reason=options.because)
    _end_sessions(store, person)
    output.say(
        f"{person.name or person.id}: {count(number, 'account')} released; the next one to fit is bound"
    )


def close(options: commands.ContestCloseOptions) -> None:
    """End a contest and archive it."""
    contest = open_contest(options.folder)
    tasks = {task.id: task_of_contest(contest, task) for task in contest.spec.tasks}
    closed = close_contest(contest, tasks, options.out, early=options.early)
    if options.as_json:
        output.print_json(asdict(closed) | {"archive": str(options.out)})
    else:
        output.say(
            f"{options.out}: {count(closed.submissions, 'submission')}, head of the events {closed.head}"
        )
        output.say(f"key of the secrets, shown only now: {closed.key}")
        output.say(f"next: grader contest verify {options.out}")
    choose_what_counts(contest)  # may fail, and must not cost the key


def verify(options: commands.ContestVerifyOptions) -> None:
    """Verify an archive; exit code 1 where something is wrong."""
    findings = verify_archive(options.archive, options.receipt)
    if options.as_json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        output.show_findings(findings)
    _exit_unless_well(findings)


def backup(options: commands.ContestBackupOptions) -> None:
    """Copy a contest's folder while it runs."""
    number = back_up(open_folder(options.folder).store, options.target)
    output.say(f"{options.target}: {count(number, 'submission')}; to restore, copy this folder back")


def export(options: commands.ContestExportOptions) -> None:
    """Write what is kept of one person."""
    store = open_folder(options.folder).store
    (person,) = _chosen(store, [options.person])
    number = export_person(store, person.id, options.out)
    output.say(f"{options.out}: {person.name or person.id}, {count(number, 'file')}")


def erase(options: commands.ContestEraseOptions) -> None:
    """Erase one person."""
    store = open_folder(options.folder).store
    (person,) = _chosen(store, [options.person])
    if not options.yes:
        output.say(f"would erase {person.name or person.id} ({person.id}); repeat with --yes")
        return
    number = erase_person(store, person.id)
    output.say(f"erased {person.id}: name, address, code, texts and {count(number, 'file')}")
    output.say("backups and archives of before still have this person; delete those that you need not keep")


def _chosen(store: Store, names: Sequence[str] | None) -> list[Participant]:
    """Return those who are meant, each by id, name or roster id; all, if nobody is named. Raises UsageError."""
    with store.reading() as transaction:
        people = [person for person in participants(transaction) if not person.erased]
    if not names:
        return people
    chosen = []
    for name in names:
        fitting = [person for person in people if name in (person.id, person.name, person.roster_id)]
        if len(fitting) != 1:
            keys = [person.name or person.id for person in people]
            problem = (
                f"{len(fitting)} people are called {name!r}; give the id"
                if fitting
                else f"nobody is called {name!r}; {instead(name, keys)}"
            )
            raise UsageError(problem)
        chosen += fitting
    return chosen


def _exit_unless_well(findings: Sequence[Finding]) -> None:
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
