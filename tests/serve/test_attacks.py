"""What strangers and students may try on the site: foreign forms, guessed codes, odd paths and headers, stored texts."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from contests import result
from sites import TASK, SmallSite, small_site

from grader.contest import queue
from grader.contest.people import new_code
from grader.contest.privacy import erase_person
from grader.errors import UsageError, Verdict
from grader.files import write_atomic
from grader.serve.board_file import BoardFile
from grader.serve.headers import POLICY
from grader.serve.sessions import IDLE_SECONDS, LONGEST_SECONDS, Sessions
from grader.serve.settings import ServeSettings
from grader.serve.throttle import PER_CODE, RateLimit, Throttle

if TYPE_CHECKING:
    from grader.task.spec import Task

PLANTED = "<script>window.planted = 1</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\u202e"
PAGES = ("/tasks", f"/task/{TASK}", "/board", "/questions", "/attempt/1", "/organise/queue", "/organise/progress", "/organise/people")  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, toy_task: Task) -> SmallSite:
    return small_site(tmp_path / "contest", toy_task)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> SmallSite:
    """A site in which tests change nothing."""
    return small_site(tmp_path_factory.mktemp("unchanged") / "contest", toy_task)


def test_every_answer_has_the_safe_headers_and_no_page_has_a_script_or_a_style_of_its_own(
    site: SmallSite,
) -> None:
    site.small.hand_in(site.small.ada)
    admin = site.client("admin")
    for path in (*PAGES, "/sign-in", "/nothing", "/static/site.js", "/proof"):
        answer = admin.get(path)
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script(?! src=\"/static/site\.js\")|<style|\son\w+=|\sstyle=", answer.text), (
            path
        )


def test_what_people_write_is_text_on_every_page(site: SmallSite) -> None:
    """Names, questions, announcements, reasons, messages of verdicts and tracebacks come from people."""
    with site.small.store.writing() as transaction:
        transaction.connection.execute("UPDATE people SET name = ?", (PLANTED,))
    site.small.hand_in(site.small.ada)
    fault = result(Verdict.SLOT_ERROR, 0)
    with site.small.store.writing() as transaction:
        transaction.connection.execute("UPDATE submissions SET state = 'running'")
        queue.answer(transaction, 1, fault)
        transaction.connection.execute("UPDATE verdicts SET message = ?, traceback = ?", (PLANTED, PLANTED))
    site.client("student").fill("/questions", text=PLANTED)
    site.client("student").fill("/attempt/1/appeal", text=PLANTED)
    admin = site.client("admin")
    admin.fill("/organise/announce", text=PLANTED)
    admin.fill("/organise/answer", question="1", text=PLANTED, public="yes")
    shown = 0
    for path in PAGES:
        text = admin.get(path).text
        assert "<script>window" not in text
        assert "<img src=x" not in text
        assert "\u202e" not in text
        assert "49\u202e" not in text
        shown += text.count("&lt;script&gt;window.planted")
    assert shown > 10  # it is there, as text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
    ids=str,
)  # fmt: skip
def test_a_form_of_another_site_does_nothing(unchanged: SmallSite, headers: dict[str, str]) -> None:
    ada = unchanged.client("student", **headers)
    assert ada.fill("/questions", text="why?").status_code == 400
    assert ada.hand_in(b"{}").status_code == 400
    assert unchanged.client(**headers).post("/sign-in", data={"code": "x"}).status_code == 400
    assert "why?" not in unchanged.client("staff").get("/questions").text


def test_a_form_needs_the_token_of_its_own_session(site: SmallSite) -> None:
    ada, bob = site.client("student"), site.client("bob")
    for token in ("", bob.form_token):
        assert ada.post("/questions", data={"token": token, "text": "why?"}).status_code == 400
    assert ada.fill("/questions", text="why?").status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        f"/task/{TASK}/file/../../../contest.toml",
        f"/task/{TASK}/file/..%2F..%2F..%2Fcontest.toml",
        f"/task/{TASK}/file/task.json",
        f"/task/{TASK}/file/%2e%2e",
        f"/task/{TASK}/file/toy_task.ipynb%00",
        "/task/..%2Fgrading",
        "/task/%2e%2e/file/receipts.key",
        "/static/../sign_in.html",
        "/static/..%2F..%2Fapp.py",
        "/attempt/0",
        "/attempt/-1",
        "/attempt/99999999999999999999999999",
        "/attempt/1%20OR%201=1",
        "/language/../../etc",
    ],
)
def test_paths_lead_nowhere_else(unchanged: SmallSite, path: str) -> None:
    answer = unchanged.client("student").get(path)
    assert answer.status_code in (303, 404)
    if answer.status_code == 303:
        assert answer.headers["location"] in ("/", "/tasks", "/sign-in")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a b", "[::1"])
def test_a_name_that_is_not_the_sites_is_refused(unchanged: SmallSite, host: str) -> None:
    answer = unchanged.client("student").get("/tasks", headers={"Host": host})
    assert answer.status_code == 400
    assert "Test contest" not in answer.text


def test_an_address_of_thousands_of_digits_is_refused(unchanged: SmallSite) -> None:
    assert unchanged.client("student").get(f"/attempt/{'9' * 5000}").status_code == 414


def test_methods_that_a_page_does_not_have_do_nothing(unchanged: SmallSite) -> None:
    admin = unchanged.client("admin")
    for method in ("DELETE", "PATCH", "OPTIONS", "TRACE", "PUT"):
        assert admin.request(method, "/tasks").status_code == 405


def test_a_form_that_is_too_large_is_refused(unchanged: SmallSite) -> None:
    ada = unchanged.client("student")
    assert ada.fill("/questions", text="x" * 70_000).status_code == 400
    assert ada.post("/questions", data={f"f{n}": "" for n in range(100)}).status_code == 400
    assert ada.fill("/questions", text="x" * 4001).status_code == 400


def test_whoever_has_the_code_gets_in_and_out(site: SmallSite) -> None:
    with site.small.store.writing() as transaction:
        code = new_code(transaction, site.people["student"].id)
    browser = site.client()
    entered = browser.post("/sign-in", data={"code": code.lower().replace("-", " ")})
    assert entered.status_code == 303
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert browser.get("/tasks").status_code == 200
    identity = browser.cookies["session"]
    browser.form_token = re.search(r'name="token" value="([^"]+)"', browser.get("/tasks").text)[1]  # type: ignore[index]
    browser.fill("/sign-out")
    browser.cookies.set("session", identity)  # a copy of the cookie is worth nothing now
    assert browser.get("/tasks").headers["location"] == "/sign-in"


def test_somebody_else_can_sign_in_in_the_same_browser_and_ends_the_session_before(site: SmallSite) -> None:
    with site.small.store.writing() as transaction:
        code = new_code(transaction, site.people["bob"].id)
    browser = site.client("student")
    before = browser.cookies["session"]
    token = re.search(r'name="token" value="([^"]+)".*?id="code"', browser.get("/sign-in").text, re.DOTALL)[1]  # type: ignore[index]
    assert browser.post("/sign-in", data={"token": token, "code": code}).status_code == 303
    assert "Bob" in browser.get("/tasks").text
    browser.cookies.clear()
    browser.cookies.set("session", before)
    assert browser.get("/tasks").headers["location"] == "/sign-in"


def test_a_new_code_ends_the_old_one_with_its_sessions_and_tokens(site: SmallSite) -> None:
    ada, token = site.client("student"), site.token("student")
    page = site.client("admin").fill("/organise/code", person=site.people["student"].id)
    code = re.search(r'class="drawn">([^<]+)<', page.text)[1]  # type: ignore[index]
    assert ada.get("/tasks").headers["location"] == "/sign-in"
    assert (
        ada.put(f"/submit/{TASK}", content=b"{}", headers={"Authorization": f"Bearer {token}"}).status_code
        == 401
    )
    assert site.client().post("/sign-in", data={"code": code}).status_code == 303


def test_guessing_codes_is_slowed_down_and_says_for_how_long(
    tmp_path: Path, toy_task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PER_CODE.most == 10
    monkeypatch.setattr("grader.serve.site.PER_CODE", RateLimit(2, PER_CODE.seconds))
    browser = small_site(tmp_path / "contest", toy_task).client()
    for _ in range(2):
        assert browser.post("/sign-in", data={"code": "AAAA-BBBB-CCCC"}).status_code == 403
    answer = browser.post("/sign-in", data={"code": "AAAA-DDDD-EEEE"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 500
    assert browser.post("/sign-in", data={"code": "BBBB-DDDD-EEEE"}).status_code == 403  # somebody else's


def test_failures_are_forgotten_after_their_time() -> None:
    now = [0.0]
    throttle = Throttle(RateLimit(2, 60.0), lambda: now[0])
    throttle.count("a")
    now[0] = 10.0
    throttle.count("a")
    assert throttle.wait("a") == 50.0
    assert throttle.wait("b") == 0.0
    now[0] = 60.0
    assert throttle.wait("a") == 0.0


def test_sessions_end_by_themselves_and_their_ids_are_not_on_the_disk(tmp_path: Path) -> None:
    now = [0.0]
    sessions = Sessions(tmp_path, lambda: now[0])
    identity = sessions.open("p1")
    (row,) = sqlite3.connect(tmp_path / "sessions.sqlite").execute("SELECT * FROM sessions")
    assert identity not in row
    assert (tmp_path / "sessions.sqlite").stat().st_mode & 0o077 == 0
    for now[0] in range(0, int(LONGEST_SECONDS), int(IDLE_SECONDS) - 60):
        assert sessions.find(identity) is not None
    now[0] = LONGEST_SECONDS + 1
    assert sessions.find(identity) is None
    idle = sessions.open("p1")
    now[0] += IDLE_SECONDS + 1
    assert sessions.find(idle) is None


def test_a_disk_that_takes_nothing_keeps_nobody_from_reading(tmp_path: Path) -> None:
    now = [0.0]
    sessions = Sessions(tmp_path, lambda: now[0])
    identity = sessions.open("p1")
    with sqlite3.connect(tmp_path / "sessions.sqlite") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        )
    now[0] = 3600.0
    assert sessions.find(identity) is not None
    (tmp_path / "pages").write_bytes(b"where the folder should be")
    assert BoardFile(tmp_path).table("en", lambda: "table") == "table"


def test_somebody_who_was_erased_is_out_and_their_name_and_feedback_are_gone(site: SmallSite) -> None:
    ada, folder = site.client("student"), site.small.store.folder
    site.small.hand_in(site.small.ada)
    write_atomic(site.small.store.feedback(1), b"code of Ada")
    assert "Ada" in site.client("bob").get("/board").text
    erase_person(site.small.store, site.people["student"].id)
    assert ada.get("/tasks").headers["location"] == "/sign-in"
    assert "Ada" not in site.client("bob").get("/board").text
    assert not any(b"Ada" in path.read_bytes() for path in folder.rglob("*.html"))


def test_a_session_of_somebody_whom_a_restored_backup_lacks_is_none(site: SmallSite) -> None:
    ada = site.client("student")
    with sqlite3.connect(site.small.store.folder / "sessions.sqlite") as connection:
        connection.execute("UPDATE sessions SET person = 'p0'")
    assert ada.get("/tasks").headers["location"] == "/sign-in"


def test_a_database_that_fails_is_answered_with_try_again(site: SmallSite) -> None:
    ada = site.client("student")
    (site.small.store.folder / "sessions.sqlite").write_bytes(b"no database" * 1000)
    answer = ada.get("/tasks")
    assert answer.status_code == 503
    assert str(site.small.store.folder) not in answer.text


@pytest.mark.parametrize(
    "settings",
    [
        ServeSettings(host="0.0.0.0"),
        ServeSettings(host="192.168.1.7"),
        ServeSettings(cert=Path("cert.pem")),
        ServeSettings(url="contest.example.org"),
        ServeSettings(url="https://contest.example.org", host="0.0.0.0"),
    ],
    ids=["everywhere", "network", "no key", "no scheme", "round the proxy"],
)
def test_codes_never_cross_a_network_in_the_clear_by_mistake(settings: ServeSettings) -> None:
    with pytest.raises(UsageError):
        settings.check()


def test_an_unencrypted_network_is_allowed_explicitly_and_every_page_says_so(
    tmp_path: Path, toy_task: Task
) -> None:
    settings = ServeSettings(host="0.0.0.0", insecure_lan=True)
    settings.check()
    site = small_site(tmp_path / "contest", toy_task, settings=settings)
    assert "not encrypted" in site.client().get("/sign-in").text


def test_behind_https_cookies_are_kept_to_it(tmp_path: Path, toy_task: Task) -> None:
    settings = ServeSettings(url="https://contest.example.org")
    settings.check()
    site = small_site(tmp_path / "contest", toy_task, settings=settings)
    with site.small.store.writing() as transaction:
        code = new_code(transaction, site.people["student"].id)
    browser = site.client(Host="contest.example.org")
    answer = browser.post("/sign-in", data={"code": code})
    assert answer.headers["set-cookie"].startswith("__Host-session=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["strict-transport-security"]
    assert "not encrypted" not in answer.text
