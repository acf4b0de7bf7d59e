"""A contest in German: no page that a student sees has an English text of ours, whatever happened to the submission."""

from __future__ import annotations

import json
import re
import shutil
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from contests import RULES
from german_pages import english_in
from recorded import QuickEngine
from sites import TASK, SiteClient, SmallSite, small_site

from grader.contest.grading import GradingChoices, prepare_grading
from grader.contest.replays import ReplayEvidence, ask_replay, record_replay
from grader.contest.worker import ContestWorker, WorkerSettings
from grader.errors import Verdict
from grader.notebooks.rebuild import rebuild
from grader.serve.access import ROUTES, Reach
from grader.serve.publish import publish_tasks
from grader.task.build import statement, write
from grader.task.spec import read_task
from grader.task.starter import load_starter
from grader.task.translation import mark_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.grading.parsed import ParsedSubmission
    from grader.grading.plan import RunContext, Watcher
    from grader.task.spec import Task

STATEMENT = "# Spielzeug: falsche Etiketten\n\nEin lineares Modell lernt von Etiketten.\n\n**Aufgabe.** Fülle `your_weights` aus."
STORY = "Du entscheidest, wie viel jedes Beispiel zählt."
MESSAGES = {
    Verdict.SLOT_ERROR: "your_weights raised KeyError: 'x' (in call 3)",
    Verdict.INVALID_OUTPUT: "your_weights returned a set; return arrays, numbers, texts, bytes, lists, tuples or dicts",
    Verdict.TIME_LIMIT: "the run was stopped after 60 s; your code had used 59.0 s of them and was still busy in call 2",
    Verdict.MEMORY_LIMIT: "your code needed more than the 1024 MB of memory it may use",
    Verdict.OUTPUT_LIMIT: "your code printed more than the 256 KB it may print",
    Verdict.SLOT_CRASHED: "your code ended its process with exit code 3",
    Verdict.GRADER_ERROR: "the disk is full",
}


class TellingEngine(QuickEngine):
    """A quick engine whose results end as the first line of the program says, with a message of the grader's."""

    def grade(
        self, context: RunContext, submissions: Sequence[ParsedSubmission], runs: Path, watcher: Watcher
    ) -> Generator[tuple[int, Result]]:
        for index, result in super().grade(context, submissions, runs, watcher):
            verdict = next((known for known in MESSAGES if f"# {known}\n" in submissions[index].slot), None)
            if verdict is None:
                yield index, replace(result, changed_cells=["Loading (cell 9)"], slot_calls=3)
            else:
                points = None if verdict is Verdict.GRADER_ERROR else 0
                yield index, replace(result, verdict=verdict, message=MESSAGES[verdict], points=points)


@dataclass(frozen=True)
class GermanContest:
    """A site in German on which somebody handed in something for each verdict: the numbers of the attempts by it."""

    site: SmallSite
    attempts: dict[str, int]

    def browser(self, who: str = "stranger") -> SiteClient:
        """Return a browser that asks for German."""
        return self.site.client(who, **{"Accept-Language": "de-DE,de;q=0.9"})


@pytest.fixture(scope="module")
def german_task(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> Task:
    """The toy task with a German statement."""
    folder = tmp_path_factory.mktemp("tasks") / "tasks" / TASK
    shutil.copytree(toy_task.folder, folder)
    task = read_task(folder)
    english = statement(task)
    texts = [STATEMENT, *(f"## Teil {number}" for number in range(2, len(english) + 1))]
    parts = [f"<!-- story: {mark_of(task.spec.story)} -->\n{STORY}\n"]
    parts += [
        f"<!-- cell {number}: {mark_of(text)} -->\n{translation}\n"
        for number, (text, translation) in enumerate(zip(english, texts, strict=True), 1)
    ]
    (folder / "notebook.de.md").write_text("\n".join(parts), encoding="utf-8")
    write(task)
    return task


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory, german_task: Task) -> GermanContest:
    rules = RULES.replace("[cooldown]", "[attempts]\nscored = 20\nfailing = 20\n\n[cooldown]")
    site = small_site(tmp_path_factory.mktemp("served") / "contest", german_task, rules=rules)
    program = "# {}\ndef your_weights(targets, losses):\n    return losses\n"
    slots = {str(verdict): program.format(verdict) for verdict in MESSAGES}
    slots |= {"scored": program.format(0.7), "slot_missing": "losses = 3"}
    starter = load_starter(german_task, "de")
    files = {name: json.dumps(rebuild(starter, slot)).encode() for name, slot in slots.items()}
    files["invalid_notebook"] = b"%PDF"
    tasks = prepare_grading(site.small.contest, GradingChoices(device="cpu", repeats=2))
    worker = ContestWorker(site.small.store, tasks, TellingEngine(), WorkerSettings(4, lambda _: None))
    attempts = {}
    for name, content in files.items():
        attempts[name] = site.small.hand_in(site.small.ada, content).number
        worker.run(threading.Event(), until_idle=True)  # before the next one would replace it
    attempts["waiting"] = site.small.hand_in(site.small.ada, files["scored"] + b" ").number
    return GermanContest(site, attempts)


def test_no_page_of_a_student_has_an_english_text(german: GermanContest) -> None:
    ada = german.browser("student")
    number = german.attempts["scored"]
    ada.fill(f"/attempt/{number}/appeal", text="Ich will mehr.")
    with german.site.small.store.writing() as transaction:
        ask_replay(transaction, number, author=german.site.people["admin"].id, reason="Einspruch")
        evidence = ReplayEvidence(2, ("repeat 1: model",), ("aa", "bb"), (41, 40))
        record_replay(transaction, number, evidence, board=german.site.small.contest.spec.leaderboard)
    seen: dict[str, list[str]] = {}
    for route in (route for route in ROUTES if route.method == "GET" and route.reaches[2] is not Reach.NONE):
        for attempt in german.attempts.values() if "{number" in route.path else [0]:
            path = re.sub(r"\{number:int\}", str(attempt), route.path)
            path = path.replace("{task}", TASK).replace("{name}", "nothing").replace("{language}", "de")
            for browser in (ada, german.browser()):
                answer = browser.get(path)
                if answer.headers.get("content-type", "").startswith("text/html"):
                    seen[f"{path} {answer.status_code}"] = english_in(answer.text)
    assert {path: texts for path, texts in seen.items() if texts} == {}
    assert f"/attempt/{german.attempts['time_limit']}/feedback 200" in seen
    assert f"/attempt/{german.attempts['slot_missing']} 200" in seen
    assert {"/tasks 200", "/board 200", "/questions 200", "/sign-in 200", f"/task/{TASK} 200"} <= set(seen)


def test_verdicts_and_their_hints_are_german(german: GermanContest) -> None:
    ada = german.browser("student")
    page = ada.get(f"/attempt/{german.attempts['slot_error']}").text
    assert "Dein Code hat eine Ausnahme ausgelöst." in page
    assert "your_weights löste eine Ausnahme aus: KeyError: &#39;x&#39; (in Aufruf 3)" in page
    feedback = ada.get(f"/attempt/{german.attempts['slot_error']}/feedback").text
    assert '<html lang="de">' in feedback
    assert "Spielzeug: falsche Etiketten" in feedback
    assert "Was du als Nächstes tun kannst" in feedback
    assert "Die Datei ist kein JSON" in ada.get(f"/attempt/{german.attempts['invalid_notebook']}").text
    ada.get("/language/en")
    assert "What to do next" in ada.get(f"/attempt/{german.attempts['slot_error']}/feedback").text


def test_the_statement_is_german_where_there_is_one_and_marked_as_english_where_not(
    german: GermanContest, german_task: Task, toy_task: Task
) -> None:
    page = german.browser("student").get(f"/task/{TASK}").text
    assert "<h1>Spielzeug: falsche Etiketten</h1>" in page
    assert f"<p>{STORY}</p>" in page
    assert '<div class="statement" lang="de"><p>Ein lineares Modell' in page
    assert "toy_task.de.ipynb" in page
    english = german.site.client("student").get(f"/task/{TASK}").text
    assert german_task.spec.title in english
    assert '<div class="statement" lang="en">' in english
    (german_task.folder / "notebook.de.md").rename(german_task.folder / "kept.md")
    publish_tasks(german.site.small.contest)
    (german_task.folder / "kept.md").rename(german_task.folder / "notebook.de.md")
    alone = small_site(german.site.small.store.folder.parent / "english", toy_task)
    page = alone.client("student", **{"Accept-Language": "de"}).get(f"/task/{TASK}").text
    assert f'<h1 lang="en">{toy_task.spec.title}</h1>' in page
    assert '<div class="statement" lang="en">' in page


WRONG_FORMS = [
    ("/attempt/1/appeal", {"text": " "}, "Der Text ist leer; schreib einen Satz."),
    ("/questions", {"text": "x" * 4001}, "Der Text hat mehr als 4000 Zeichen; kürze ihn."),
    (
        "/questions",
        {"text": "x", "token": "y"},
        "Die Seite war zu alt; lade sie neu und mach es noch einmal.",
    ),
    ("/questions", {"text": "x" * 70_000}, "Das Formular ist zu groß; kürze den Text."),
    ("/organise/announce", {"text": "x"}, "Diese Seite ist nicht für dich."),
    ("/nowhere", {}, "Hier ist nichts."),
]


@pytest.mark.parametrize(
    ("path", "fields", "expected"), WRONG_FORMS, ids=[path for path, _, _ in WRONG_FORMS]
)
def test_what_a_form_is_refused_for_is_german(
    path: str, fields: dict[str, str], expected: str, tmp_path: Path, toy_task: Task
) -> None:
    site = small_site(tmp_path / "contest", toy_task)
    site.small.hand_in(site.small.ada)
    ada = site.client("student", **{"Accept-Language": "de"})
    page = ada.fill(path, **fields).text
    assert expected in page
    assert english_in(page) == []


def test_files_that_are_not_taken_are_refused_in_german(tmp_path: Path, toy_task: Task) -> None:
    site = small_site(tmp_path / "contest", toy_task)
    ada = site.client("student", **{"Accept-Language": "de"})
    assert "Die Datei ist leer." in ada.hand_in(b"", key="one").text
    answer = ada.put(f"/submit/{TASK}", content=b"{}", headers={"Authorization": "Bearer wrong"})
    assert answer.json()["message"].startswith("Das Token fehlt, wurde widerrufen")
    cell = ada.fill(f"/task/{TASK}/token").text
    assert '"Accept-Language": "de"' in cell
    assert 'print("NICHT abgegeben:", json.load(error)["message"])' in cell
    site.small.clocks.pass_seconds(-2 * 3600)
    token = {"Authorization": f"Bearer {site.token('student')}"}
    answer = ada.put(f"/submit/{TASK}", content=b"{}", headers=token)
    assert answer.json()["message"].startswith("Die Aufgabe öffnet 2026-11-30T09:00")
