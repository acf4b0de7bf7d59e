"""Who does something too often is told so, and when it works again; nobody else notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contests import RULES
from sites import TASK, SmallSite, small_site

from grader.contest.events import EventKind, all_events
from grader.contest.people import new_code
from grader.serve.limits import ROUTE_LIMITS, RouteLimit, RouteThrottles
from grader.serve.throttle import RateLimit

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2 as httpx

    from grader.task.spec import Task


@pytest.fixture
def site(tmp_path: Path, toy_task: Task) -> SmallSite:
    site = small_site(tmp_path / "contest", toy_task)
    site.small.hand_in(site.small.ada)
    return site


def send(site: SmallSite, who: str, route: str) -> httpx.Response:
    paths = {"ask": "/questions", "appeal": "/attempt/1/appeal", "new_token": f"/task/{TASK}/token"}
    return site.client(who).fill(paths[route], text="why?")


@pytest.mark.parametrize("route", ["ask", "appeal", "new_token"])
def test_a_person_who_floods_a_form_has_to_wait_and_others_do_not(site: SmallSite, route: str) -> None:
    most = ROUTE_LIMITS[route].person.most
    answers = [send(site, "student", route).status_code for _ in range(most)]
    assert set(answers) <= {200, 303}
    refused = send(site, "student", route)
    assert refused.status_code == 429
    assert 590 < int(refused.headers["retry-after"]) <= 600
    assert "Too often at once. Wait 10 minutes, and then do it again." in refused.text
    assert send(site, "bob", route).status_code in (200, 303, 404)  # 404: it is not Bob's attempt
    if route != "new_token":
        with site.small.store.reading() as transaction:
            events = [event for event in all_events(transaction.connection) if event.kind is EventKind.ASKED]
        assert len([event for event in events if event.data["person"] == site.small.ada.id]) == most


def test_an_address_from_which_many_flood_a_form_has_to_wait(
    tmp_path: Path, toy_task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = RouteLimit(RateLimit(2, 600.0), RateLimit(3, 600.0))
    monkeypatch.setattr("grader.serve.limits.ROUTE_LIMITS", {"ask": small})
    site = small_site(tmp_path / "contest", toy_task)
    codes = [send(site, who, "ask").status_code for who in ("student", "bob", "student", "bob")]
    assert codes == [303, 303, 303, 429]


def test_a_form_of_another_site_takes_nothing_from_anybodys_allowance(site: SmallSite) -> None:
    ada = site.client("student", Origin="https://evil.example")
    for _ in range(ROUTE_LIMITS["ask"].person.most + 1):
        assert ada.fill("/questions", text="why?").status_code == 400
    assert send(site, "student", "ask").status_code == 303


def test_sign_ins_are_limited_by_address(
    tmp_path: Path, toy_task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = RouteLimit(RateLimit(2, 600.0), RateLimit(2, 600.0))
    monkeypatch.setattr("grader.serve.limits.ROUTE_LIMITS", {"lti_launch": small, "oidc_start": small})
    site = small_site(tmp_path / "contest", toy_task)
    for path, method in (("/lti/launch", "POST"), ("/sign-in/oidc", "GET")):
        codes = [site.client().request(method, path).status_code for _ in range(3)]
        assert codes == [404, 404, 429]  # there is no platform and no provider


def test_wrong_tokens_are_limited_by_address(
    tmp_path: Path, toy_task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.serve.site.WRONG_TOKENS", RateLimit(2, 600.0))
    site = small_site(tmp_path / "contest", toy_task)
    headers = {"Authorization": "Bearer x"}
    answers = [site.client().put(f"/submit/{TASK}", content=b"{}", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert 590 < int(answers[-1].headers["retry-after"]) <= 600
    assert answers[-1].json()["error"] == "too_many_wrong_tokens"
    headers = {"Authorization": f"Bearer {site.token('student')}"}  # of somebody at the same school
    assert site.client().put(f"/submit/{TASK}", content=b"{}", headers=headers).status_code == 201


def test_what_fails_at_a_provider_holds_back_nobody_with_a_code(
    tmp_path: Path, toy_task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.serve.site.PER_ADDRESS", RateLimit(2, 600.0))
    address = "https://moodle.example.org"
    table = f"""
        [[lti]]
        issuer = "{address}"
        client_id = "contest"
        deployments = ["1"]
        login = "{address}/login"
        keys = "{address}/keys"
        token = "{address}/token"
    """
    site = small_site(tmp_path / "contest", toy_task, rules=RULES + table)
    for _ in range(3):  # as pictures in a page of another site would
        assert site.client().get("/lti/login", params={"iss": "https://evil.example"}).status_code == 403
    with site.small.store.writing() as transaction:
        code = new_code(transaction, site.small.ada.id)
    assert site.client().post("/sign-in", data={"code": code}).status_code == 303
    for _ in range(2):
        assert site.client().post("/sign-in", data={"code": "AAAA-BBBB-CCCC"}).status_code == 403
    assert site.client().post("/sign-in", data={"code": code}).status_code == 429
    assert site.client().get("/lti/login", params={"iss": address}).status_code == 303


def test_every_limited_route_counts_for_itself_and_forgets() -> None:
    now = [0.0]
    limits = RouteThrottles(lambda: now[0])
    most = ROUTE_LIMITS["ask"].person.most
    assert [limits.take("ask", "ada", "a") for _ in range(most)] == [0.0] * most
    assert limits.take("ask", "ada", "a") == 600.0
    assert limits.take("appeal", "ada", "a") == 0.0
    assert limits.take("board", "ada", "a") == 0.0
    now[0] = 600.0
    assert limits.take("ask", "ada", "a") == 0.0
