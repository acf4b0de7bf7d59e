"""Come from a learning platform by LTI 1.3, every way in which a launch may lie, and points that go back."""

from __future__ import annotations

import json
import stat
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from contests import RULES, result
from platforms import PLATFORM, begin, come, platform, refusals
from provider import CLIENT, LTI, MEMBERSHIP, SCORE_SCOPE, Provider, provider_on_a_port
from sites import TASK, SmallSite, small_site

from grader.contest import queue
from grader.contest.backup import back_up
from grader.contest.events import EventKind, Happening
from grader.contest.grade_lines import grade_lines
from grader.contest.people import make_team, participants
from grader.contest.privacy import erase_person, export_person
from grader.contest.spec import parse_spec
from grader.errors import UsageError
from grader.serve.grade_sender import GradeSender, SentGrades, graded_platforms, sending_grades
from grader.serve.lti_launch import launch_of
from grader.serve.settings import ServeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run

    from grader.task.spec import Task

AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> Iterator[tuple[SmallSite, Provider]]:
    with platform(tmp_path_factory.mktemp("lti") / "contest", toy_task) as both:
        yield both


@pytest.fixture
def site(shared: tuple[SmallSite, Provider]) -> SmallSite:
    return shared[0]


@pytest.fixture
def provider(shared: tuple[SmallSite, Provider]) -> Provider:
    """The platform as it should be."""
    provider = shared[1]
    usual = Provider(provider.address, provider.now, tool_keys=provider.tool_keys)
    vars(provider).update(vars(usual))
    return provider


def grade(site: SmallSite, points: int) -> None:
    with site.small.store.writing() as transaction:
        for lease in queue.received(transaction):
            queue.admit(transaction, lease.number)
        (lease,) = queue.take(transaction, "worker", tasks=[TASK], most=1)
        queue.record_result(transaction, lease, result(points=points))


def test_who_comes_from_the_platform_is_signed_in_and_led_to_the_task(
    site: SmallSite, provider: Provider
) -> None:
    client = site.client()
    assert come(client, provider).headers["location"] == f"/task/{TASK}"
    assert '<span class="soft">Ada</span>' in client.get(f"/task/{TASK}").text  # as the class list calls her


def test_who_came_before_is_let_in_with_another_address(site: SmallSite, provider: Provider) -> None:
    come(site.client(), provider)
    client = site.client()
    assert come(client, provider, email="bob@example.org").status_code == 303
    assert '<span class="soft">Ada</span>' in client.get(f"/task/{TASK}").text


def test_a_platform_may_begin_by_a_form_and_the_launch_may_be_to_all_tasks(
    site: SmallSite, provider: Provider
) -> None:
    client = site.client()
    fields = {"iss": provider.address, "login_hint": "7", "lti_message_hint": "a & b", "client_id": CLIENT, "lti_deployment_id": "d2"}  # fmt: skip
    start = client.post("/lti/login", data=fields, headers={"Origin": provider.address})
    form = provider.launch(start.headers["location"], **{LTI + "target_link_uri": "https://here.example/"})
    assert client.post("/lti/launch", data=form).headers["location"] == "/"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"iss": "https://evil.example"}, "wrong issuer"),
        ({"iss": ""}, "wrong issuer"),
        ({"client_id": "another tool"}, "wrong issuer"),
        ({"lti_deployment_id": "d3"}, "unknown deployment"),
    ],
    ids=str,
)
def test_an_unknown_platform_begins_nothing(
    site: SmallSite, provider: Provider, fields: dict[str, str], reason: str
) -> None:
    assert begin(site.client(), provider, **fields).status_code == 403
    assert refusals(site)[-1] == reason


NEW = {"sub": "an account that was never here"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "issuer of the other platform": ({"iss": "https://other.example"}, "wrong issuer"),
    "another audience": ({"aud": "another tool"}, "wrong audience"),
    "two audiences, no azp": ({"aud": [CLIENT, "b"]}, "wrong authorized party"),
    "another azp": ({"azp": "b"}, "wrong authorized party"),
    "another nonce": ({"nonce": "of another launch"}, "wrong nonce"),
    "expired": ({"exp": 1}, "expired token"),
    "not valid yet": ({"iat": 1e12}, "token not valid yet"),
    "another deployment": ({LTI + "deployment_id": "d3"}, "unknown deployment"),
    "no deployment": ({LTI + "deployment_id": None}, "unknown deployment"),
    "a deployment that is a list": ({LTI + "deployment_id": ["d1"]}, "unknown deployment"),
    "another kind of message": ({LTI + "message_type": "LtiSubmissionReviewRequest"}, "unknown kind of launch"),
    "another version": ({LTI + "version": "1.1"}, "unknown kind of launch"),
    "no resource": ({LTI + "resource_link": None}, "unknown kind of launch"),
    "a resource that is no table": ({LTI + "resource_link": "r1"}, "unknown kind of launch"),
    "nobody of the class list": ({**NEW, "email": "eve@example.org"}, "unknown person"),
    "nobody at all": ({**NEW, "email": None}, "unknown person"),
    "another account with her address": (NEW, "another account signed in as this person before"),
    "a student with an admin's address": ({**NEW, "email": "adele@example.org"}, "an organiser here, and not there"),
    "an administrator of the whole platform": (
        {**NEW, "email": "stan@example.org", LTI + "roles": ["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"]},
        "an organiser here, and not there",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_launch_with_wrong_claims_signs_nobody_in(site: SmallSite, provider: Provider, name: str) -> None:
    claims, reason = WRONG[name]
    come(site.client(), provider)  # Ada's account is bound
    provider.claims = {}
    client = site.client()
    before = len(refusals(site))
    assert come(client, provider, **claims).status_code == 403
    assert refusals(site)[before:] == [reason]
    assert "session" not in client.cookies


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"kid": "ghost"}], ids=str)
def test_a_launch_with_a_wrong_signature_signs_nobody_in(
    site: SmallSite, provider: Provider, header: dict[str, Any]
) -> None:
    provider.header = header
    assert come(site.client(), provider).status_code == 403
    provider.header, provider.key = {"kid": "first"}, "evil"
    assert come(site.client(), provider).status_code == 403
    assert refusals(site)[-1] == "wrong signature"


def test_a_launch_counts_once_and_in_its_own_browser(site: SmallSite, provider: Provider) -> None:
    ada, eve = site.client(), site.client()
    form = provider.launch(begin(ada, provider).headers["location"])
    begin(eve, provider)
    assert eve.post("/lti/launch", data=form).status_code == 403
    form = provider.launch(begin(ada, provider).headers["location"])
    assert ada.post("/lti/launch", data=form).status_code == 303
    assert ada.post("/lti/launch", data=form).status_code == 403
    assert refusals(site)[-2:] == ["unknown or used state"] * 2


def test_a_huge_launch_is_refused(site: SmallSite) -> None:
    assert site.client().post("/lti/launch", data={"id_token": "x" * 70_000}).status_code == 400


def test_behind_https_the_state_crosses_sites_and_the_session_does_not(
    tmp_path: Path, toy_task: Task
) -> None:
    settings = ServeSettings(url="https://127.0.0.1")
    rules = RULES + PLATFORM.format(address="https://moodle.example.org", enrol="false")
    secure = small_site(tmp_path / "contest", toy_task, rules=rules, settings=settings)
    answer = secure.client().get("/lti/login", params={"iss": "https://moodle.example.org"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-sign-in=")
    assert "SameSite=none" in cookie
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "https%3A%2F%2F127.0.0.1%2Flti%2Flaunch" in answer.headers["location"]


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ([f"{MEMBERSHIP}#Learner"], "student"),
        (["Learner"], "student"),
        ([f"{MEMBERSHIP}#Instructor"], "staff"),
        ([f"{MEMBERSHIP}/Instructor#TeachingAssistant", f"{MEMBERSHIP}#Learner"], "staff"),
        ([f"{MEMBERSHIP}#Mentor"], "viewer"),
        (["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor", f"{MEMBERSHIP}#Learner"], "student"),
        ("Instructor", "viewer"),
        ([7, None], "viewer"),
        (None, "viewer"),
    ],
    ids=str,
)  # fmt: skip
def test_whoever_is_new_is_enrolled_once_in_the_role_of_the_course(
    enrolling: tuple[SmallSite, Provider], roles: Any, role: str
) -> None:
    site, provider = enrolling
    subject = f"newcomer {roles}"
    for _ in range(2):
        claims = {"sub": subject, "email": None, "name": "Nadia", LTI + "roles": roles}
        provider.claims = {}
        assert come(site.client(), provider, **claims).status_code == 303
    with site.small.store.reading() as transaction:
        people = [
            person for person in participants(transaction) if person.roster_id.startswith(f"{subject} ")
        ]
    assert [(person.name, person.role) for person in people] == [("Nadia", role)]


@pytest.fixture(scope="module")
def enrolling(
    tmp_path_factory: pytest.TempPathFactory, toy_task: Task
) -> Iterator[tuple[SmallSite, Provider]]:
    with platform(tmp_path_factory.mktemp("enrol") / "contest", toy_task, enrol="true") as both:
        yield both


def sender(site: SmallSite) -> GradeSender:
    return GradeSender(site.small.contest, graded_platforms(site.small.contest, "verdict"))


def test_points_go_back_once_for_each_change_and_failures_are_tried_again(
    tmp_path: Path, toy_task: Task
) -> None:
    rules = RULES + "\n[leaderboard]\nround_to = 10\n"
    with platform(tmp_path / "contest", toy_task, rules=rules) as (site, provider):
        small, sending = site.small, sender(site)
        come(site.client(), provider)
        assert sending.send() == SentGrades(0, 0)  # there is none yet
        small.hand_in(small.ada)
        grade(site, 57)
        assert sending.send() == SentGrades(1, 0)
        path, score = provider.scores[0]
        assert path == "/lines/1/scores"
        assert score["timestamp"] == small.clocks().text
        assert (score["userId"], score["scoreGiven"], score["scoreMaximum"]) == ("u1", 50, 100)
        assert (score["activityProgress"], score["gradingProgress"]) == ("Completed", "FullyGraded")
        assert sending.send() == SentGrades(0, 0)
        assert sender(site).send() == SentGrades(0, 0)  # also after a restart
        provider.answers["/lines/1/scores"] = (500, {}, b"oops")
        small.hand_in(small.ada)
        grade(site, 81)
        assert sending.send() == SentGrades(0, 1)
        assert sending.send() == SentGrades(0, 0)  # a minute has to pass
        small.clocks.pass_seconds(61)
        assert sending.send() == SentGrades(0, 1)
        small.clocks.pass_seconds(61)
        assert sending.send() == SentGrades(0, 0)  # two minutes, now
        provider.answers.clear()
        assert sender(site).send(everything=True) == SentGrades(1, 0)
        assert provider.scores[-1][1]["scoreGiven"] == 80
        with small.store.writing() as transaction:
            transaction.record(Happening(EventKind.CLOSED))
        assert sending.send() == SentGrades(1, 0)
        assert provider.scores[-1][1]["scoreGiven"] == 81  # exact, now that nobody can sound anything out
        assert export_person(small.store, small.ada.id, tmp_path / "ada.zip") == 2
        erase_person(small.store, small.ada.id)
        with small.store.reading() as transaction:
            assert grade_lines(transaction) == []


def test_points_that_no_longer_count_are_cleared_on_the_platform(tmp_path: Path, toy_task: Task) -> None:
    with platform(tmp_path / "contest", toy_task) as (site, provider):
        small, sending = site.small, sender(site)
        come(site.client(), provider)
        small.hand_in(small.ada)
        grade(site, 57)
        assert sending.send() == SentGrades(1, 0)
        with small.store.writing() as transaction:
            queue.cancel(transaction, 1, "it was a test of the organisers")
        assert sending.send() == SentGrades(1, 0)
        score = provider.scores[-1][1]
        assert (score["userId"], score["gradingProgress"]) == ("u1", "NotReady")
        assert "scoreGiven" not in score
        assert sending.send() == SentGrades(0, 0)
        small.hand_in(small.ada)
        grade(site, 57)
        assert sending.send() == SentGrades(1, 0)
        assert provider.scores[-1][1]["scoreGiven"] == 57


def test_a_platform_that_gives_no_token_is_asked_once_for_all_its_grades(
    tmp_path: Path, toy_task: Task
) -> None:
    with platform(tmp_path / "contest", toy_task) as (site, provider):
        for who in ("ada", "bob"):
            provider.claims = {}
            come(site.client(), provider, sub=who, email=f"{who}@example.org")
        for person in (site.small.ada, site.small.bob):
            site.small.hand_in(person)
            grade(site, 57)
        provider.answers["/lti/token"] = (503, {}, b"")
        assert sender(site).send() == SentGrades(0, 2)
        assert provider.asked["/lti/token"] == 1  # others should not wait for as many silences
        provider.answers.clear()
        assert sender(site).send(everything=True) == SentGrades(2, 0)


def test_each_of_a_team_gets_its_points_and_a_line_for_all_tasks_gets_the_sum(
    tmp_path: Path, toy_task: Task
) -> None:
    with platform(tmp_path / "contest", toy_task) as (site, provider):
        with site.small.store.writing() as transaction:
            make_team(transaction, "Owls", [site.small.ada, site.small.bob])
        endpoint = {"scope": [SCORE_SCOPE], "lineitem": f"{provider.address}/lines/all"}
        come(site.client(), provider)
        provider.claims = {}
        claims = {"sub": "u2", "email": "bob@example.org", LTI + "target_link_uri": "x", AGS: endpoint}
        come(site.client(), provider, **claims)
        for line in (
            {"lineitem": "file:///etc/passwd", "scope": [SCORE_SCOPE]},
            {"lineitem": "https://x", "scope": []},
            7,
        ):
            provider.claims = {}
            come(site.client(), provider, **{AGS: line})
        site.small.hand_in(site.small.ada)
        grade(site, 57)
        assert sender(site).send() == SentGrades(2, 0)
        sent = {(path, score["userId"]): score["scoreGiven"] for path, score in provider.scores}
        assert sent == {("/lines/1/scores", "u1"): 57, ("/lines/all/scores", "u2"): 57}


@pytest.mark.parametrize(
    ("address", "kept"), [("https://moodle.example.org/lines/1", True), ("http://127.0.0.1:6379/", False)]
)
def test_a_platform_elsewhere_has_no_grades_sent_to_this_machine(address: str, *, kept: bool) -> None:
    rules = RULES + PLATFORM.format(address="https://moodle.example.org", enrol="false")
    (known,) = parse_spec(rules, "contest.toml").lti
    claims = {
        "sub": "u1", LTI + "message_type": "LtiResourceLinkRequest", LTI + "version": "1.3.0",
        LTI + "deployment_id": "d1", LTI + "resource_link": {"id": "r1"}, AGS: {"scope": [SCORE_SCOPE], "lineitem": address},
    }  # fmt: skip
    assert launch_of(claims, known, [TASK]).line == (address if kept else "")


def test_the_site_sends_by_itself_and_stops_with_it(
    tmp_path: Path, toy_task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.serve.grade_sender._POLL_SECONDS", 0.01)
    notices: SimpleQueue[str] = SimpleQueue()
    with platform(tmp_path / "contest", toy_task) as (site, provider):
        come(site.client(), provider)
        site.small.hand_in(site.small.ada)
        grade(site, 57)
        provider.answers["/lti/token"] = (200, {}, b"[]")
        with sending_grades(site.small.contest, notices.put):
            assert notices.get(timeout=60) == "1 grade not sent, kept and tried again"


def test_the_command_sends_and_names_what_is_kept(tmp_path: Path, toy_task: Task, run: Run) -> None:
    with platform(tmp_path / "contest", toy_task) as (site, provider):
        come(site.client(), provider)
        site.small.hand_in(site.small.ada)
        grade(site, 57)
        provider.answers["/lti/token"] = (302, {"Location": "http://127.0.0.1:1/"}, b"")
        code, _, errors = run("contest", "grades", tmp_path / "contest")
        assert code == 1
        assert "Ada: toy_task: 127.0.0.1" in errors
        code, text, _ = run("contest", "grades", tmp_path / "contest", "--json")
        assert (code, json.loads(text)["kept"][0]["failures"]) == (1, 2)
        provider.answers.clear()
        assert run("contest", "grades", tmp_path / "contest")[:2] == (
            0,
            "1 grade sent, 0 kept to be tried again\n",
        )


def test_the_check_asks_providers_and_platforms(tmp_path: Path, toy_task: Task, run: Run) -> None:
    with provider_on_a_port() as provider:
        tables = PLATFORM + f'[oidc]\nissuer = "{provider.address}"\nclient_id = "the contest"\n'
        small_site(
            tmp_path / "contest",
            toy_task,
            rules=RULES + tables.format(address=provider.address, enrol="false"),
        )
        text = run("contest", "check", tmp_path / "contest", "--json")[1]
        assert findings_of(text) == {"oidc": (True, KEYS), f"lti {provider.address}": (True, KEYS)}
        provider.published = []
        provider.answers["/.well-known/openid-configuration"] = (404, {}, b"")
        code, text, _ = run("contest", "check", tmp_path / "contest", "--json")
        found = findings_of(text)
    assert code == 1
    assert found[f"lti {provider.address}"] == (False, "answers, with 0 keys that can sign")
    assert found["oidc"][0] is False
    assert "answered with status 404" in found["oidc"][1]


KEYS = "answers, with 1 key that can sign"


def findings_of(text: str) -> dict[str, tuple[bool, str]]:
    """Return what the check found about providers, by name."""
    findings = json.loads(text)["findings"]
    return {
        row["name"]: (row["ok"], row["detail"]) for row in findings if row["name"].startswith(("oidc", "lti"))
    }


def test_the_command_needs_a_platform(tmp_path: Path, toy_task: Task, run: Run) -> None:
    small_site(tmp_path / "contest", toy_task)
    code, _, errors = run("contest", "grades", tmp_path / "contest")
    assert code == 2
    assert "names no platform that gets grades" in errors


def test_the_tools_key_is_private_and_in_no_backup(
    site: SmallSite, provider: Provider, tmp_path: Path
) -> None:
    path = site.small.store.folder / "lti.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (published,) = site.client().get("/lti/keys").json()["keys"]
    assert set(published) == {"kty", "n", "e", "kid", "alg", "use"}
    back_up(site.small.store, tmp_path / "backup")
    assert not list((tmp_path / "backup").rglob("lti.key"))
    assert provider.tool_keys["keys"][0]["kid"] == published["kid"]


def test_a_damaged_key_of_the_tool_is_one_clear_line(tmp_path: Path, toy_task: Task) -> None:
    (tmp_path / "contest").mkdir()
    (tmp_path / "contest" / "lti.key").write_bytes(b"x")
    rules = RULES + PLATFORM.format(address="https://moodle.example.org", enrol="false")
    with pytest.raises(UsageError, match="is damaged; delete it"):
        small_site(tmp_path / "contest", toy_task, rules=rules)
