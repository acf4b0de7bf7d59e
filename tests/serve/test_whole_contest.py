"""A whole contest from before its opening to the archive: rush, question, appeal, rejudge, freeze, close, final round, verify."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from contests import RULES
from recorded import QuickEngine
from sites import TASK, SmallSite, small_site

from grader.contest.archive import close_contest
from grader.contest.counted import choose_what_counts
from grader.contest.grading import GradingChoices, prepare_grading
from grader.contest.worker import ContestWorker, WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    import pytest
    from conftest import Run, Submit

    from grader.gradebook.result import Result
    from grader.grading.parsed import ParsedSubmission
    from grader.grading.plan import RunContext, Watcher
    from grader.task.spec import Task

HOUR = 3600
FROZEN = RULES + "\n[leaderboard]\nfreeze = 2026-11-30T12:00:00\n"
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


class DigestingEngine(QuickEngine):
    """A quick engine whose results name the file that they are of."""

    def grade(
        self, context: RunContext, submissions: Sequence[ParsedSubmission], runs: Path, watcher: Watcher
    ) -> Generator[tuple[int, Result]]:
        for index, result in super().grade(context, submissions, runs, watcher):
            yield index, replace(result, submission_sha256=submissions[index].sha256)


def program(accuracy: float) -> str:
    """Return a program of which the quick engine says that it has this balanced accuracy."""
    return f"# {accuracy}\ndef your_weights(targets, losses):\n    return losses * {accuracy}\n"


def grade_all(site: SmallSite) -> None:
    """Let a worker grade everything that waits."""
    tasks = prepare_grading(site.small.contest, GradingChoices(device="cpu", repeats=2))
    worker = ContestWorker(site.small.store, tasks, DigestingEngine(), WorkerSettings(4, lambda _: None))
    worker.run(threading.Event(), until_idle=True)


def board(site: SmallSite) -> list[str]:
    """Return the names on the leaderboard as it is made anew, with their points, the best first."""
    for page in (site.small.store.folder / "pages").glob("*"):
        page.unlink()
    text = site.client("viewer").get("/board").text
    return [f"{name} {points}" for name, points in re.findall(r'class="name">([^<]+)<.*?class="right points">([^<]+)<', text)]  # fmt: skip


def put(site: SmallSite, who: str, content: bytes, key: str) -> int:
    """Hand in as a program does; return the status."""
    headers = {"Authorization": f"Bearer {site.token(who)}", "Idempotency-Key": key}
    return site.client().put(f"/submit/{TASK}", content=content, headers=headers).status_code


def test_a_whole_contest(
    run: Run, submit: Submit, tmp_path: Path, toy_task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.grading.engine.LocalEngine", lambda *_, **__: DigestingEngine())
    site = small_site(tmp_path / "contest", toy_task, rules=FROZEN)
    ada, bob, admin, small = (*map(site.client, ("student", "bob", "admin")), site.small)
    weak, good, best = (submit(program(value)).read_bytes() for value in (0.6, 0.7, 0.75))
    small.clocks.pass_seconds(-1.5 * HOUR)  # 08:30
    assert put(site, "student", weak, "early") == 403
    small.clocks.pass_seconds(HOUR)  # 09:30: open, and a rush of everybody at once
    with ThreadPoolExecutor(8) as pool:
        uploads = [(who, f"{who}-{number}") for who in ("student", "bob") for number in range(8)]
        statuses = pool.map(lambda upload: put(site, upload[0], weak if upload[0] == "bob" else good, upload[1]), uploads)  # fmt: skip
        assert set(statuses) == {201}
    assert bob.hand_in(b"no notebook").status_code == 303
    grade_all(site)
    first = board(site)
    assert first[0].startswith("Ada ")
    assert first[1] == "Bob 0"
    # A question, answered; an appeal, which a rejudge decides.
    bob.fill("/questions", text="What is a notebook?", task=TASK)
    admin.fill("/organise/answer", question="1", text="A file of Jupyter.", public="yes")
    assert "A file of Jupyter." in ada.get("/questions").text
    ada.fill(f"/attempt/{last(site, 'student')}/appeal", text="I should have more")
    admin.fill("/organise/rejudge", action="start", task=TASK, reason="an appeal")
    grade_all(site)
    admin.fill("/organise/rejudge", action="apply")
    admin.fill("/organise/answer", question="2", text="It is as it was.", public="")
    assert board(site) == first
    # 12:30: the leaderboard is frozen, and Bob overtakes unseen.
    small.clocks.pass_seconds(3 * HOUR)
    assert bob.hand_in(best).status_code == 303
    grade_all(site)
    assert board(site) == first
    # 14:30: the end. The final round has hidden data of its own.
    small.clocks.pass_seconds(2 * HOUR)
    assert put(site, "student", best, "late") == 403
    archive, receipt = tmp_path / "contest.zip", tmp_path / "receipt.json"
    receipt.write_bytes(site.client("bob").get(f"/attempt/{last(site, 'bob')}/receipt").content)
    close_contest(small.contest, {TASK: toy_task}, archive)
    choose_what_counts(small.contest)
    assert board(site)[0].startswith("Bob ")
    (tmp_path / "secret").write_text(SECRET)
    results = small.store.folder / "grading" / TASK
    code, printed, _ = run("final", results, "--secret-file", tmp_path / "secret", "--task-folder", toy_task.folder, "--json")  # fmt: skip
    assert code == 0
    places = {place["student"]: place["rank"] for place in json.loads(printed)["places"]}
    assert places == {small.bob.team: 1, small.ada.team: 2}
    code, text, _ = run("contest", "verify", archive, "--receipt", receipt)
    assert code == 0, text


def last(site: SmallSite, who: str) -> int:
    """Return the number of somebody's latest attempt."""
    with site.small.store.reading() as transaction:
        query = "SELECT MAX(number) FROM submissions WHERE person = ?"
        return int(transaction.connection.execute(query, (site.people[who].id,)).fetchone()[0])
