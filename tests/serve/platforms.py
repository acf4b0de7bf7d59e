"""A contest to which people come from a learning platform, and the way that a browser takes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from contests import RULES
from provider import Provider, provider_on_a_port
from sites import SiteClient, SmallSite, small_site

from grader.contest.events import EventKind, all_events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx2 as httpx

    from grader.task.spec import Task

PLATFORM = """
[[lti]]
issuer = "{address}"
client_id = "the contest"
deployments = ["d1", "d2"]
login = "{address}/lti/auth"
keys = "{address}/keys"
token = "{address}/lti/token"
enrol = {enrol}
"""
OTHER = PLATFORM.replace('"{address}"', '"https://other.example"', 1)


@contextmanager
def platform(
    folder: Path, task: Task, *, enrol: str = "false", rules: str = RULES
) -> Iterator[tuple[SmallSite, Provider]]:
    """Start a contest to which people come from a platform, which knows them by their names."""
    with provider_on_a_port() as provider:
        tables = (PLATFORM + OTHER).format(address=provider.address, enrol=enrol)
        site = small_site(folder, task, rules=rules + tables)
        with site.small.store.writing() as transaction:
            transaction.connection.execute("UPDATE people SET email = lower(name) || '@example.org'")
        provider.now = site.seconds
        provider.tool_keys = site.client().get("/lti/keys").json()
        yield site, provider


def begin(client: SiteClient, provider: Provider, **fields: str) -> httpx.Response:
    known = {"iss": provider.address, "login_hint": "7", "lti_message_hint": "a & b", "target_link_uri": "x"}
    return client.get("/lti/login", params={**known, **fields})


def come(client: SiteClient, provider: Provider, **claims: Any) -> httpx.Response:
    """Launch as a browser does, and return the site's answer."""
    start = begin(client, provider)
    assert start.status_code == 303, start.text
    form = provider.launch(start.headers["location"], **claims)
    headers = {"Origin": provider.address, "Sec-Fetch-Site": "cross-site"}
    return client.post("/lti/launch", data=form, headers=headers)


def refusals(site: SmallSite) -> list[str]:
    with site.small.store.reading() as transaction:
        events = list(all_events(transaction.connection))
    return [event.data["reason"] for event in events if event.kind is EventKind.SIGN_IN_REFUSED]
