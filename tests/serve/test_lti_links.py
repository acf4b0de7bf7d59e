"""Organisers choose on their learning platform what a link leads to (LTI Deep Linking 2.0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from platforms import come, platform, refusals
from provider import CLIENT, LTI, MEMBERSHIP, Provider
from sites import TASK, SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2 as httpx

    from grader.task.spec import Task

DEEP = "https://purl.imsglobal.org/spec/lti-dl/claim/"
CHOICE = {LTI + "message_type": "LtiDeepLinkingRequest", LTI + "resource_link": None}
STAFF = {"sub": "stan", "email": "stan@example.org", LTI + "roles": [f"{MEMBERSHIP}#Instructor"]}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> Iterator[tuple[SmallSite, Provider]]:
    """A site and the platform that leads to it."""
    with platform(tmp_path_factory.mktemp("links") / "contest", toy_task) as started:
        yield started


def choose(site: SmallSite, provider: Provider, claims: dict[str, Any], **settings: Any) -> httpx.Response:
    """Come to choose a link, as the platform's pages lead somebody of the course."""
    known = {
        "deep_link_return_url": f"{provider.address}/chosen",
        "accept_types": ["link", "ltiResourceLink"],
    }
    provider.claims = {}
    return come(
        site.client(), provider, **CHOICE, **claims, **{DEEP + "deep_linking_settings": known | settings}
    )


def test_an_organiser_chooses_a_task_whose_link_leads_there_and_has_a_line_for_points(
    both: tuple[SmallSite, Provider],
) -> None:
    site, provider = both
    page = choose(site, provider, STAFF, data="a & b")
    assert page.status_code == 200
    assert f'action="{provider.address}/chosen"' in page.text
    assert "set-cookie" not in page.headers, "whoever chooses is not signed in"
    policy = page.headers["content-security-policy"]
    assert f"frame-ancestors {provider.address};" in policy
    assert policy.endswith(f"form-action {provider.address}")
    keys = KeySet([RSAKey.import_key(provider.tool_keys["keys"][0])])
    answers = [
        jwt.decode(token, keys, ["RS256"]).claims
        for token in re.findall(r'name="JWT" value="(.*?)"', page.text)
    ]
    assert len({claims["nonce"] for claims in answers}) == 2
    for claims in answers:
        assert (claims["iss"], claims["aud"]) == (CLIENT, provider.address)
        assert claims["iat"] < claims["exp"] <= claims["iat"] + 300
        assert claims[LTI + "message_type"] == "LtiDeepLinkingResponse"
        assert (claims[LTI + "version"], claims[LTI + "deployment_id"]) == ("1.3.0", "d1")
        assert claims[DEEP + "data"] == "a & b"
    task, whole = (claims[DEEP + "content_items"][0] for claims in answers)
    assert task["type"] == whole["type"] == "ltiResourceLink"
    assert task["lineItem"]["scoreMaximum"] == whole["lineItem"]["scoreMaximum"] == 100
    assert "custom" not in whole
    provider.claims = {}
    link = {LTI + "custom": task["custom"], LTI + "target_link_uri": whole["url"]}
    assert come(site.client(), provider, **link).headers["location"] == f"/task/{TASK}"


def test_a_platform_that_takes_no_line_with_a_link_gets_none(both: tuple[SmallSite, Provider]) -> None:
    site, provider = both
    page = choose(site, provider, STAFF, accept_lineitem=False)
    keys = KeySet([RSAKey.import_key(provider.tool_keys["keys"][0])])
    tokens = re.findall(r'name="JWT" value="(.*?)"', page.text)
    assert len(tokens) == 2
    for token in tokens:
        claims = jwt.decode(token, keys, ["RS256"]).claims
        assert "lineItem" not in claims[DEEP + "content_items"][0]
        assert DEEP + "data" not in claims


@pytest.mark.parametrize(
    ("claims", "settings", "reason"),
    [
        ({}, {}, "links are chosen by organisers of the contest"),
        (STAFF, {"accept_types": ["file"]}, "unknown kind of launch"),
        (STAFF, {"accept_types": "ltiResourceLink"}, "unknown kind of launch"),
        (STAFF, {"deep_link_return_url": "http://school.example.org/"}, "unknown kind of launch"),
        (STAFF, {"deep_link_return_url": None}, "unknown kind of launch"),
        (STAFF, {"deep_link_return_url": "https://a.example;script-src *"}, "unknown kind of launch"),
    ],
    ids=["a student", "another kind", "a text", "no https", "no address", "a policy inside"],
)
def test_who_may_not_choose_or_cannot_be_answered_safely_is_refused(
    both: tuple[SmallSite, Provider], claims: dict[str, Any], settings: dict[str, Any], reason: str
) -> None:
    site, provider = both
    assert choose(site, provider, claims, **settings).status_code == 403
    assert refusals(site)[-1] == reason
