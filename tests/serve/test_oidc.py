"""Sign in at a provider of OpenID Connect, and every way in which a provider, or who stands between, may lie."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from contests import RULES
from joserfc.jwk import RSAKey
from provider import CLIENT, SECRET, Provider, provider_on_a_port, rsa_key
from sites import SiteClient, SmallSite, small_site

from grader.contest.backup import back_up
from grader.contest.events import EventKind, all_events
from grader.contest.privacy import erase_person
from grader.contest.provider_rules import OidcProvider, named_address
from grader.contest.spec import parse_spec
from grader.errors import GraderFault, UsageError
from grader.serve.issuer_keys import IssuerKeys
from grader.serve.oidc_client import OidcClient
from grader.serve.provider_http import MOST_BYTES, ProviderAnswer
from grader.serve.settings import ServeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx2 as httpx
    from conftest import Run

    from grader.task.spec import Task

DISCOVERY = "/.well-known/openid-configuration"
OIDC = """
[oidc]
issuer = "{address}"
client_id = "the contest"
secret_file = "oidc.secret"
name = "our school"
"""


@contextmanager
def school(folder: Path, task: Task) -> Iterator[tuple[SmallSite, Provider]]:
    """Start a contest that signs people in at a provider, which knows them by their names."""
    folder.mkdir()
    (folder / "oidc.secret").write_text(f"{SECRET}\n", encoding="utf-8")
    with provider_on_a_port() as provider:
        site = small_site(folder, task, rules=RULES + OIDC.format(address=provider.address))
        with site.small.store.writing() as transaction:
            transaction.connection.execute("UPDATE people SET email = lower(name) || '@example.org'")
        provider.now = site.seconds
        yield site, provider


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> Iterator[tuple[SmallSite, Provider]]:
    with school(tmp_path_factory.mktemp("oidc") / "contest", toy_task) as both:
        yield both


@pytest.fixture
def site(shared: tuple[SmallSite, Provider]) -> SmallSite:
    return shared[0]


@pytest.fixture
def provider(shared: tuple[SmallSite, Provider]) -> Provider:
    """The provider as it should be."""
    provider = shared[1]
    usual = Provider(provider.address, provider.now)
    vars(provider).update(vars(usual) | {"asked": provider.asked})
    return provider


def sign_in(client: SiteClient, provider: Provider) -> httpx.Response:
    """Sign in as a browser does, and return the site's last answer."""
    start = client.get("/sign-in/oidc")
    assert start.status_code == 303, start.text
    return client.get(provider.sign_in(start.headers["location"]))


def refusals(site: SmallSite) -> list[str]:
    with site.small.store.reading() as transaction:
        events = list(all_events(transaction.connection))
    return [event.data["reason"] for event in events if event.kind is EventKind.SIGN_IN_REFUSED]


@pytest.mark.parametrize("secret_by", ["client_secret_basic", "client_secret_post"])
def test_whom_the_provider_names_is_signed_in_as_the_person_of_the_class_list(
    tmp_path: Path, toy_task: Task, secret_by: str
) -> None:
    with school(tmp_path / "contest", toy_task) as (site, provider):
        provider.secret_by = secret_by
        provider.claims = {"email": "BOB@example.org"}
        client = site.client()
        assert "Sign in with our school" in client.get("/sign-in").text
        assert sign_in(client, provider).headers["location"] == "/"
        assert '<span class="soft">Bob</span>' in client.get("/tasks").text
        erase_person(site.small.store, site.small.bob.id)
        assert client.get("/tasks").headers["location"] == "/sign-in"
        assert "nobody called BOB@example.org" in sign_in(site.client(), provider).text


def test_the_first_account_stays_the_person_whatever_its_claims_and_another_one_is_refused_until_it_is_released(
    tmp_path: Path, toy_task: Task, run: Run
) -> None:
    with school(tmp_path / "contest", toy_task) as (site, provider):
        ada = site.client()
        assert sign_in(ada, provider).status_code == 303
        provider.claims = {"email": "bob@example.org", "email_verified": False}
        assert sign_in(client := site.client(), provider).status_code == 303
        assert '<span class="soft">Ada</span>' in client.get("/tasks").text
        provider.claims = {"sub": "u2"}  # her address was given to somebody else
        answer = sign_in(site.client(), provider)
        assert answer.status_code == 403
        assert "Another account there signed in as ada@example.org before" in answer.text
        assert refusals(site) == ["another account signed in as this person before"]
        code, text, _ = run("contest", "unbind", tmp_path / "contest", "Ada", "--because", "a new account")
        assert (code, text) == (0, "Ada: 1 account released; the next one to fit is bound\n")
        assert ada.get("/tasks").headers["location"] == "/sign-in", "her sessions are over"
        assert sign_in(site.client(), provider).status_code == 303
        provider.claims = {}
        assert sign_in(site.client(), provider).status_code == 403
        code, _, errors = run("contest", "unbind", tmp_path / "contest", "Bob", "--because", "a new account")
        assert (code, errors) == (2, "grader: Bob has signed in at no provider\n")
        assert run("contest", "unbind", tmp_path / "contest", "Ada", "--because", " ")[0] == 2
        with site.small.store.reading() as transaction:
            events = [
                (event.kind, event.data["person"])
                for event in all_events(transaction.connection)
                if event.kind in (EventKind.BOUND, EventKind.UNBOUND)
            ]
            (row,) = transaction.connection.execute("SELECT subject FROM identities").fetchall()
        ada_id = site.small.ada.id
        assert events == [(kind, ada_id) for kind in (EventKind.BOUND, EventKind.UNBOUND, EventKind.BOUND)]
        assert row["subject"] == "u2"


def test_discovery_and_keys_are_read_once_for_many_sign_ins(site: SmallSite, provider: Provider) -> None:
    for _ in range(3):
        assert sign_in(site.client(), provider).headers["location"] == "/"
    assert provider.asked["/.well-known/openid-configuration"] == 1
    assert provider.asked["/keys"] <= 2  # once more where another test rotated them


def test_a_new_key_is_found_and_a_withdrawn_one_no_longer_counts(site: SmallSite, provider: Provider) -> None:
    assert sign_in(site.client(), provider).status_code == 303
    provider.key, provider.published = "second", ["second"]
    assert sign_in(site.client(), provider).status_code == 303
    provider.key = "first"
    assert "unknown key" in sign_in(site.client(), provider).text


NEW = {"sub": "an account that was never here"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "issuer of somebody else": ({"iss": "https://evil.example"}, "wrong issuer"),
    "no issuer": ({"iss": None}, "wrong issuer"),
    "issuer with a slash more": ({"iss": "/"}, "wrong issuer"),
    "another audience": ({"aud": "another site"}, "wrong audience"),
    "no audience": ({"aud": None}, "wrong audience"),
    "a list of others": ({"aud": ["a", "b"]}, "wrong audience"),
    "a part of the audience": ({"aud": "the contest of somebody"}, "wrong audience"),
    "two audiences, no azp": ({"aud": [CLIENT, "b"]}, "wrong authorized party"),
    "another azp": ({"azp": "another site"}, "wrong authorized party"),
    "two audiences, another azp": ({"aud": [CLIENT, "b"], "azp": "b"}, "wrong authorized party"),
    "another nonce": ({"nonce": "of another sign-in"}, "wrong nonce"),
    "no nonce": ({"nonce": None}, "wrong nonce"),
    "a nonce that is no text": ({"nonce": 7}, "wrong nonce"),
    "no subject": ({"sub": None}, "no subject"),
    "a huge subject": ({"sub": "x" * 256}, "no subject"),
    "expired": ({"exp": "-61"}, "expired token"),
    "no end": ({"exp": None}, "malformed token"),
    "an end that is no number": ({"exp": "tomorrow"}, "malformed token"),
    "an endless end": ({"exp": float("inf")}, "malformed token"),
    "an end beyond all numbers": ({"exp": 10**400}, "malformed token"),
    "a nonce with half a character": ({"nonce": "\ud800"}, "malformed token"),
    "a name with half a character": ({"name": "\ud800"}, "malformed token"),
    "no beginning": ({"iat": None}, "malformed token"),
    "issued in the future": ({"iat": "+61"}, "token not valid yet"),
    "not valid yet": ({"nbf": "+61"}, "token not valid yet"),
    "an address that nobody verified": ({**NEW, "email_verified": False}, "unverified address"),
    "an address of which nothing is said": ({**NEW, "email_verified": None}, "unverified address"),
    "an address that is no text": ({**NEW, "email": ["ada@example.org"]}, "unknown person"),
    "somebody else": ({**NEW, "email": "eve@example.org"}, "unknown person"),
    "a letter that looks like another": ({**NEW, "email": "Ada@example.org".replace("A", "\u0391")}, "unknown person"),
    "nobody": ({**NEW, "email": ""}, "unknown person"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_token_with_wrong_claims_signs_nobody_in(site: SmallSite, provider: Provider, name: str) -> None:
    claims, reason = WRONG[name]
    for claim, value in claims.items():
        moved = isinstance(value, str) and value[:1] in ("+", "-")
        provider.claims[claim] = provider.now() + float(value) if moved else value
    if claims.get("iss") == "/":
        provider.claims["iss"] = f"{provider.address}/"
    check_refused(site, provider, reason)


HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "no signature": ({"alg": "none"}, "forbidden algorithm"),
    "None": ({"alg": "none", "kid": None}, "forbidden algorithm"),
    "the public key as a password": ({"alg": "HS256"}, "forbidden algorithm"),
    "a key that nobody published": ({"kid": "ghost"}, "unknown key"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_token_with_a_wrong_header_signs_nobody_in(site: SmallSite, provider: Provider, name: str) -> None:
    provider.header, reason = HEADERS[name]
    check_refused(site, provider, reason)


def check_refused(site: SmallSite, provider: Provider, reason: str) -> None:
    client = site.client()
    before = len(refusals(site))
    answer = sign_in(client, provider)
    assert answer.status_code == 403
    assert refusals(site)[before:] == [reason]
    assert "session" not in client.cookies
    assert client.get("/tasks").headers["location"] == "/sign-in"


def test_a_token_of_another_key_under_a_published_name_signs_nobody_in(
    site: SmallSite, provider: Provider
) -> None:
    provider.key, provider.header = "evil", {"kid": "first"}
    check_refused(site, provider, "wrong signature")


# Its header is {"alg":"RS256","kid":"first","crit":[1]}.
ODD_CRIT = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImZpcnN0IiwiY3JpdCI6WzFdfQ.e30.e30"


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "x" * 100_000, "....", "e30.e30.e30", "\u00e9.\u00e9.x", ODD_CRIT]
)
def test_what_is_no_token_signs_nobody_in(site: SmallSite, provider: Provider, token: str) -> None:
    provider.answers["/token"] = (200, {}, json.dumps({"id_token": token}).encode())
    client = site.client()
    assert sign_in(client, provider).status_code == 403
    assert refusals(site)[-1] in ("malformed token", "forbidden algorithm", "wrong signature")


def test_a_sign_in_can_be_completed_once_and_only_in_its_own_browser(
    site: SmallSite, provider: Provider
) -> None:
    ada, eve = site.client(), site.client()
    back = provider.sign_in(ada.get("/sign-in/oidc").headers["location"])
    eve.get("/sign-in/oidc")
    assert "over, or was used already" in eve.get(back).text  # Eve has a cookie, but not that one
    assert "over, or was used already" in ada.get(back).text  # whoever tried spoilt it
    ada.get(back := provider.sign_in(ada.get("/sign-in/oidc").headers["location"]))
    assert ada.get("/tasks").status_code == 200
    assert ada.get(back).status_code == 403
    assert refusals(site)[-3:] == ["unknown or used state"] * 3


def test_a_token_of_an_earlier_sign_in_signs_nobody_in(site: SmallSite, provider: Provider) -> None:
    client = site.client()
    assert sign_in(client, provider).status_code == 303
    provider.token = provider.id_token("of the sign-in before")
    check_refused(site, provider, "wrong nonce")


def test_an_answer_in_the_name_of_another_provider_signs_nobody_in(
    site: SmallSite, provider: Provider
) -> None:
    client = site.client()
    back = provider.sign_in(client.get("/sign-in/oidc").headers["location"])
    assert client.get(back.partition("&iss=")[0] + "&iss=https://evil.example").status_code == 403
    assert refusals(site)[-1] == "wrong issuer"


def test_who_says_no_at_the_provider_is_told_so(site: SmallSite, provider: Provider) -> None:
    client = site.client()
    back = provider.sign_in(client.get("/sign-in/oidc").headers["location"])
    answer = client.get(back.replace("code=", "error=access_denied&x="))
    assert "You were not signed in there" in answer.text


@pytest.mark.parametrize(
    "answer",
    [
        (302, {"Location": "http://127.0.0.1:1/"}, b""),
        (200, {}, b"{" + b" " * MOST_BYTES + b"}"),
        (200, {}, b"[1]"),
        (200, {}, b"\xff"),
        (500, {}, b"oops"),
    ],
    ids=["a redirect", "a huge body", "a list", "no text", "an error"],
)
def test_a_provider_that_answers_oddly_is_no_fault_of_the_student(
    site: SmallSite, provider: Provider, answer: tuple[int, dict[str, str], bytes]
) -> None:
    provider.answers["/token"] = answer
    response = sign_in(site.client(), provider)
    assert response.status_code == 503
    assert "127.0.0.1" in response.text
    assert "Traceback" not in response.text


def test_discovery_is_read_again_after_an_hour(provider: Provider, tmp_path: Path) -> None:
    now = [0.0]
    rules = OidcProvider(issuer=provider.address, client_id=CLIENT)
    client = OidcClient(rules, tmp_path, address="http://127.0.0.1", clock=lambda: now[0])
    before = provider.asked.get(DISCOVERY, 0)
    for seconds in (0.0, 3599.0, 3601.0, 3602.0):
        now[0] = seconds
        client.discover()
    assert provider.asked[DISCOVERY] == before + 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"issuer": "https://evil.example"}, "calls itself otherwise"),
        ({"token_endpoint": None}, "no usable address"),
        ({"token_endpoint": "http://school.example.org/token"}, "no usable address"),
        ({"jwks_uri": "file:///etc/passwd"}, "no usable address"),
        ({"authorization_endpoint": ["https://a.example"]}, "no usable address"),
    ],
    ids=str,
)
def test_a_provider_that_describes_itself_oddly_is_not_asked(
    provider: Provider, tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    document = provider.answer(DISCOVERY, b"", {}) or {}
    kept = {name: value for name, value in {**document, **change}.items() if value is not None}
    provider.answers[DISCOVERY] = (200, {}, json.dumps(kept).encode())
    rules = OidcProvider(issuer=provider.address, client_id=CLIENT)
    client = OidcClient(rules, tmp_path, address="http://127.0.0.1", clock=lambda: 0.0)
    with pytest.raises(GraderFault, match=problem):
        client.discover()


@pytest.mark.parametrize(
    ("address", "provider", "taken"),
    [
        ("https://keys.example.org/a", "https://login.example.org", True),
        ("http://127.0.0.1:8080/a", "http://127.0.0.1:8000", True),
        ("http://127.0.0.1:6379/a", "https://login.example.org", False),
        ("HTTP://[::1]/a", "https://login.example.org", False),
        ("file:///etc/passwd", "http://127.0.0.1:8000", False),
    ],
)
def test_a_provider_elsewhere_names_no_address_of_this_machine(
    address: str, provider: str, *, taken: bool
) -> None:
    if taken:
        assert named_address(address, provider) == address
    else:
        with pytest.raises(ValueError, match="begins with https"):
            named_address(address, provider)


@pytest.mark.parametrize("content", [b"{}", b'{"keys": 7}'])
def test_a_provider_without_keys_is_no_fault_of_the_student(content: bytes) -> None:
    keys = IssuerKeys(lambda: ProviderAnswer(json.loads(content)), lambda: 0.0)
    with pytest.raises(GraderFault, match="published no keys"):
        keys.find("first")


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_short_key_and_one_for_encryption_sign_nothing() -> None:
    short = RSAKey.generate_key(1024, {"kid": "short"}).as_dict(private=False)
    other = rsa_key("first").as_dict(private=False) | {"use": "enc", "kid": "enc"}
    keys = IssuerKeys(lambda: ProviderAnswer({"keys": [short, other]}), lambda: 0.0)
    assert keys.find("short") is None
    assert keys.find("enc") is None


def test_whoever_invents_names_of_keys_makes_nobody_fetch_them_all_the_time() -> None:
    asked, now = [0], [0.0]

    def fetch() -> ProviderAnswer:
        asked[0] += 1
        keys = [
            rsa_key("first").as_dict(private=False),
            {"kty": "unheard of"},
            7,
            {"kty": "RSA", "n": "x", "e": "x"},
        ]
        return ProviderAnswer({"keys": keys}, {"cache-control": "max-age=600"})

    keys = IssuerKeys(fetch, lambda: now[0])
    assert all(keys.find(f"ghost {number}") is None for number in range(50))
    assert asked[0] == 6
    assert keys.find("first") is not None
    assert asked[0] == 6
    now[0] = 601.0
    assert keys.find("first") is not None
    assert asked[0] == 7  # they were older than their issuer allows


def test_the_secret_is_in_no_backup(site: SmallSite, tmp_path: Path) -> None:
    back_up(site.small.store, tmp_path / "backup")
    kept = [path for path in (tmp_path / "backup").rglob("*") if path.is_file()]
    assert len(kept) > 3
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"{address}": "http://school.example.org"}, "begins? with https://"),
        ({"{address}": "file:///etc/passwd"}, "begins? with https://"),
        ({"{address}": "https://user:word@school.example.org"}, "begins? with https://"),
        ({"oidc.secret": "ghost"}, "ghost"),
    ],
    ids=["plain http", "no web", "a password inside", "no secret"],
)
def test_wrong_rules_of_a_provider_are_refused_in_one_line(
    tmp_path: Path, toy_task: Task, change: dict[str, str], problem: str
) -> None:
    text = RULES + OIDC
    for old, new in change.items():
        text = text.replace(old, new)
    with pytest.raises(UsageError, match=problem) as error:
        small_site(
            tmp_path / "contest", toy_task, rules=text.replace("{address}", "https://school.example.org")
        )
    assert "\n" not in str(error.value)


def test_a_provider_needs_https(tmp_path: Path, toy_task: Task) -> None:
    rules = RULES + OIDC.format(address="https://school.example.org")
    with pytest.raises(UsageError, match="needs https"):
        small_site(
            tmp_path / "contest", toy_task, rules=rules, settings=ServeSettings("0.0.0.0", insecure_lan=True)
        )
    assert parse_spec(rules, "contest.toml").oidc is not None
