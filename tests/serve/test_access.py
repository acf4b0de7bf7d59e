"""Who sees what, cell by cell: every route, for everybody, for one's own things and for another team's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from contests import result
from sites import TASK, SiteClient, SmallSite, small_site

from grader.contest import queue
from grader.contest.people import NewParticipant, enrol, make_team, participant
from grader.files import write_atomic
from grader.serve.access import ROUTES

if TYPE_CHECKING:
    import httpx2 as httpx

    from grader.task.spec import Task

WHO = ("stranger", "viewer", "student", "staff", "admin")
# The answer to stranger, viewer, student, staff and admin: yes, no (403), missing (404), to the sign-in (303).
# Where a route is about a submission, the second line is about that of another team than the student's.
EXPECTED: dict[str, str | tuple[str, str]] = {
    "home": "in yes yes yes yes",
    "sign_in_page": "yes yes yes yes yes",
    "sign_in": "no no no no no",  # with a wrong code
    "oidc_start": "missing missing missing missing missing",  # without [oidc]
    "oidc_back": "missing missing missing missing missing",
    "lti_login": "missing missing missing missing missing",  # without [[lti]]
    "lti_login_form": "missing missing missing missing missing",
    "lti_launch": "missing missing missing missing missing",
    "lti_keys": "missing missing missing missing missing",
    "language": "yes yes yes yes yes",
    "static": "yes yes yes yes yes",
    "proof": "yes yes yes yes yes",
    "submit": "token token token token token",
    "sign_out": "no yes yes yes yes",
    "tasks": "in yes yes yes yes",
    "board": "in yes yes yes yes",
    "task": "in yes yes yes yes",
    "task_file": "in yes yes yes yes",
    "attempts": "in no yes yes yes",
    "hand_in": "no no yes yes yes",
    "new_token": "no no yes yes yes",
    "revoke_tokens": "no no yes yes yes",
    "attempt": ("in no yes yes yes", "in no missing yes yes"),
    "attempt_file": ("in no yes yes yes", "in no missing yes yes"),
    "receipt": ("in no yes yes yes", "in no missing yes yes"),
    "feedback": ("in no yes yes yes", "in no missing yes yes"),
    "choose": ("no no yes missing missing", "no no missing missing missing"),
    "appeal": ("no no yes missing missing", "no no missing missing missing"),
    "questions": "in no yes yes yes",
    "ask": "no no yes yes yes",
    "queue": "in no no yes yes",
    "decide": ("no no no yes yes", "no no no yes yes"),
    "disqualify": ("no no no no yes", "no no no no yes"),
    "progress": "in no no yes yes",
    "people": "in no no yes yes",
    "extend": "no no no yes yes",
    "new_code": "no no no no yes",
    "rejudge_page": "in no no yes yes",
    "rejudge": "no no no no yes",
    "answer": "no no no yes yes",
    "announce": "no no no yes yes",
}
FORMS = {
    "sign_in": {"code": "AAAA-AAAA-AAAA"},
    "appeal": {"text": "look again"},
    "ask": {"text": "why?"},
    "decide": {"decision": "requeue", "reason": "to see"},
    "disqualify": {"disqualified": "yes", "reason": "copied"},
    "extend": {"until": "2026-11-30T15:00", "reason": "a power cut"},
    "rejudge": {"action": "discard"},
    "answer": {"question": "1", "text": "because"},
    "announce": {"text": "hello"},
}
CELLS = [
    (route.name, who, number, expected)
    for route in ROUTES
    for number, row in enumerate([EXPECTED[route.name]] if isinstance(EXPECTED[route.name], str) else EXPECTED[route.name], 1)
    for who, expected in zip(WHO, str(row).split(), strict=True)
]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> SmallSite:
    """A contest in which submission 1 is the student's, 2 is another team's, and question 1 is asked."""
    site = small_site(tmp_path_factory.mktemp("served") / "contest", toy_task)
    with site.small.store.writing() as transaction:
        (cleo,) = enrol(transaction, [NewParticipant("Cleo", "6")])
        make_team(transaction, "Owls", [site.small.ada, cleo])
        site.people.update(
            mate=participant(transaction, cleo.id), student=participant(transaction, site.small.ada.id)
        )
    site.small.hand_in(site.small.ada)
    site.small.hand_in(site.small.bob)
    for number in (1, 2):
        with site.small.store.writing() as transaction:
            queue.admit(transaction, number)
            (lease,) = queue.take(transaction, "worker", tasks=[TASK], most=1)
            queue.record_result(transaction, lease, result())
        write_atomic(site.small.store.feedback(number), b"Bob" if number == 2 else b"Ada")
    site.client("bob").fill("/questions", text="what is a slot?")
    return site


def ask(site: SmallSite, client: SiteClient, name: str, number: int) -> httpx.Response:
    """Send the request of a route."""
    (route,) = (route for route in ROUTES if route.name == name)
    parts = {"task": TASK, "name": "site.css", "language": "de", "number:int": str(number)}
    parts |= {"name": "toy_task.ipynb"} if name == "task_file" else {}
    path = re.sub(r"\{([^}]+)\}", lambda match: parts[match[1]], route.path)
    if name == "hand_in":
        return client.hand_in(b"{}", key="always the same")
    if route.method == "PUT":
        return client.put(path, content=b"{}")
    if route.method == "GET":
        return client.get(path)
    bob = site.people["bob"]
    return client.fill(path, **{"person": bob.id, "team": bob.team, **FORMS.get(name, {})})


# What is about submission 1, which is Ada's, to Cleo, who is in Ada's team: the same as to Ada. Whatever is not named
# here is about a person or about everybody, and is to Cleo what it is to any student.
TEAM_MATE = {name: "yes" for name, row in EXPECTED.items() if isinstance(row, tuple)} | {
    "decide": "no",
    "disqualify": "no",
}


@pytest.mark.parametrize("name", TEAM_MATE)
def test_a_team_mate_sees_and_does_what_the_sender_may(site: SmallSite, name: str) -> None:
    answer = ask(site, site.client("mate"), name, 1)
    assert ("no" if answer.status_code == 403 else "yes") == TEAM_MATE[name]
    assert answer.status_code == 403 or answer.status_code < 400


@pytest.mark.parametrize("name", [name for name, row in EXPECTED.items() if isinstance(row, tuple)])
def test_a_team_mate_sees_nothing_of_another_team(site: SmallSite, name: str) -> None:
    answer = ask(site, site.client("mate"), name, 2)
    assert answer.status_code == (404 if TEAM_MATE[name] == "yes" else 403)


def test_questions_and_tokens_are_each_ones_own_in_a_team(site: SmallSite) -> None:
    site.client("student").fill("/questions", text="something private")
    assert "something private" not in site.client("mate").get("/questions").text
    token = site.token("student")
    site.client("mate").fill("/tokens/revoke")
    headers = {"Authorization": f"Bearer {token}"}
    assert site.client().put(f"/submit/{TASK}", content=b"{}", headers=headers).status_code == 201


def test_pages_name_the_team_and_who_of_it_handed_in(site: SmallSite) -> None:
    cleo = site.client("mate")
    assert "Team Owls: Ada, Cleo" in cleo.get("/tasks").text
    assert '<span class="soft">Ada</span></td>' in cleo.get(f"/task/{TASK}").text
    assert '<span class="soft">Ada</span></td>' in cleo.get(f"/task/{TASK}/attempts").text
    assert "handed in by Ada" in cleo.get("/attempt/1").text
    assert "handed in by" not in site.client("student").get("/attempt/1").text
    assert "Owls</th>" in cleo.get("/board").text
    assert "Team " not in site.client("bob").get("/tasks").text


def test_the_table_has_every_route() -> None:
    assert set(EXPECTED) == {route.name for route in ROUTES}


@pytest.mark.parametrize(
    ("name", "who", "number", "expected"),
    CELLS,
    ids=[f"{name}-{who}-{number}" for name, who, number, _ in CELLS],
)
def test_who_sees_what(site: SmallSite, name: str, who: str, number: int, expected: str) -> None:
    answer = ask(site, site.client(who), name, number)
    kind = {403: "no", 404: "missing", 401: "token"}.get(answer.status_code)
    if kind is None and answer.is_redirect:
        kind = "in" if answer.headers["location"] == "/sign-in" and name != "sign_out" else "yes"
    assert (kind or "yes") == expected
    if (kind or "yes") == "yes":
        assert answer.status_code < 400
    else:
        assert "Bob" not in answer.text
