"""A contest day as its people see it: coarse points, a question, an extension, a rejudge, the freeze and the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from contests import RULES, result
from sites import TASK, SmallSite, small_site

from grader.contest import queue
from grader.contest.events import EventKind, Happening, all_events, broken_link
from grader.contest.people import make_team
from grader.contest.rejudge import proposals
from grader.contest.replays import ReplayEvidence, asked_replays, record_replay
from grader.contest.spec import BoardRules

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

HOUR = 3600
COARSE = RULES + "\n[leaderboard]\nfreeze = 2026-11-30T12:00:00\nround_to = 10\n"


def grade(site: SmallSite, points: int) -> None:
    with site.small.store.writing() as transaction:
        for lease in queue.received(transaction):
            queue.admit(transaction, lease.number)
        (lease,) = queue.take(transaction, "worker", tasks=[TASK], most=1)
        queue.record_result(transaction, lease, result(points=points))


def ranks(site: SmallSite, who: str) -> dict[str, str]:
    """Return the total of each team on the leaderboard, made anew."""
    for page in (site.small.store.folder / "pages").glob("*"):
        page.unlink()
    rows = re.findall(
        r'class="name">([^<]+)<.*?class="right points">([^<]+)<', site.client(who).get("/board").text
    )
    return dict(rows)


def test_a_contest_day(tmp_path: Path, toy_task: Task) -> None:
    site = small_site(tmp_path / "contest", toy_task, rules=COARSE)
    ada, bob, admin = site.client("student"), site.client("bob"), site.client("admin")
    # 10:00: an attempt, whose points are as coarse for Ada as on the leaderboard.
    assert ada.hand_in(b"first").headers["location"] == "/attempt/1"
    assert "0 before it" in ada.get("/attempt/1").text
    grade(site, 57)
    assert "<strong>50</strong> of 100 points" in ada.get("/attempt/1").text
    assert (
        "57" not in ada.get(f"/task/{TASK}").text.partition('id="statement"')[0].partition('id="attempts"')[2]
    )
    assert "<strong>57</strong> of 100 points" in admin.get("/attempt/1").text
    assert ranks(site, "bob") == {"Ada": "50", "Bob": "0"}
    # A question of Bob's is his until it is answered for everybody.
    bob.fill("/questions", text="How many labels are wrong?", task=TASK)
    assert "How many labels" not in ada.get("/questions").text
    admin.fill("/organise/answer", question="1", text="Look at the picture.", public="yes")
    assert "Look at the picture." in ada.get("/questions").text
    # A rejudge changes nothing until it is applied.
    admin.fill("/organise/rejudge", action="start", task=TASK, reason="the scorer was wrong")
    grade(site, 71)
    page = admin.get("/organise/rejudge").text
    assert re.search(r"57</td><td>scored <strong>71</strong>", page)
    assert "<strong>50</strong> of 100 points" in ada.get("/attempt/1").text
    admin.fill("/organise/rejudge", action="apply")
    with site.small.store.reading() as transaction:
        assert proposals(transaction) == []
    assert ranks(site, "bob") == {"Ada": "70", "Bob": "0"}
    # 12:30: the leaderboard is frozen, own points are not.
    site.small.clocks.pass_seconds(2.5 * HOUR)
    bob.hand_in(b"second")
    grade(site, 93)
    assert "<strong>90</strong> of 100 points" in bob.get("/attempt/2").text
    assert ranks(site, "student") == {"Ada": "70", "Bob": "0"}
    assert "Frozen since 2026-11-30 12:00 UTC" in ada.get("/board").text
    # 14:10: it is closed, but for Bob, who got half an hour more.
    site.small.clocks.pass_seconds(HOUR * 10 / 6)
    admin = site.client("admin")  # signs in anew, after hours without a click
    admin.fill(
        "/organise/extend", team=site.people["bob"].team, until="2026-11-30T14:30", reason="a power cut"
    )
    ada = site.client("student")
    assert "The task is closed" in ada.hand_in(b"late").text
    assert bob.hand_in(b"in time").headers["location"] == "/attempt/3"
    admin.fill("/organise/attempt/3", decision="cancel", reason="the same as before")
    # The end: everything is shown.
    with site.small.store.writing() as transaction:
        transaction.record(Happening(EventKind.CLOSED))
        assert broken_link(all_events(transaction.connection)) is None
    assert ranks(site, "student")["Bob"] in ("90", "93")
    assert bob.hand_in(b"too late").status_code == 403


def test_an_appeal_with_its_evidence_as_both_sides_see_it(tmp_path: Path, toy_task: Task) -> None:
    site = small_site(tmp_path / "contest", toy_task, rules=COARSE)
    ada, staff = site.client("student"), site.client("staff")
    ada.hand_in(b"first")
    grade(site, 57)
    assert "as evidence" not in ada.get("/attempt/1").text
    assert "as evidence" in staff.get("/attempt/1").text
    ada.fill("/attempt/1/appeal", text="I should have more")
    assert "give a reason" in staff.fill("/organise/attempt/1", decision="replay", reason=" ").text
    assert staff.fill("/organise/attempt/1", decision="replay", reason="an appeal").status_code == 303
    assert "once more when nothing waits" in ada.get("/attempt/1").text
    evidence = ReplayEvidence(2, (), ("ab12", "ab12"), (57, 57))
    with site.small.store.writing() as transaction:
        assert asked_replays(transaction) == [(1, TASK)]
        record_replay(transaction, 1, evidence, board=BoardRules(round_to=10))
        record_replay(
            transaction,
            1,
            ReplayEvidence(2, ("repeat 0: <b>",), ("ab12", "cd34"), (57, 61)),
            board=BoardRules(round_to=10),
        )
        record_replay(transaction, 1, ReplayEvidence(problem="not kept"), board=BoardRules(round_to=10))
        record_replay(transaction, 1, ReplayEvidence(points=(0, 0)), board=BoardRules(round_to=10))
    page = ada.get("/attempt/1").text
    assert "The same bit for bit</strong>: repeats compared: 2. Points then and now: 50." in page
    assert "repeat 0: &lt;b&gt;. Points then and now: 50, 60." in page
    assert "SHA-256 cd34" in page
    assert "It ended in the same way, without predictions</strong>. Points then and now: 0." in page
    assert "It could not be run once more" in page
    assert "not kept" not in page
    assert "not kept" in staff.get("/attempt/1").text
    assert "and so are the points: 50 of 100." in ada.get("/questions").text


def test_a_team_that_everybody_left_needs_no_help(tmp_path: Path, toy_task: Task) -> None:
    site = small_site(tmp_path / "contest", toy_task)
    with site.small.store.writing() as transaction:
        make_team(transaction, "Owls", [site.people["student"], site.people["bob"]])
    stuck = re.findall(r"<li>([^:<]+):", site.client("staff").get("/organise/progress").text)
    assert stuck == ["Owls"]
