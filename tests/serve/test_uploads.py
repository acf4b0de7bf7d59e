"""Files arrive whole, once, under caps; whatever else a client sends is refused and leaves nothing."""

from __future__ import annotations

import asyncio
import hashlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from contests import RULES
from sites import TASK, SmallSite, small_site

from grader.contest.people import revoke_tokens
from grader.contest.receipts import Receipt, is_genuine
from grader.serve.board_file import BoardFile
from grader.serve.bodies import Body, FileForm, SlowSenderError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.types import Message

    from grader.task.spec import Task

SMALL_FILES = RULES.replace('name = "toy_task"', 'name = "toy_task"\nmax_mb = 0.001')
BOUNDARY = "XYZ"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Origin": "http://127.0.0.1"}


@pytest.fixture
def site(tmp_path: Path, toy_task: Task) -> SmallSite:
    return small_site(tmp_path / "contest", toy_task, rules=SMALL_FILES)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> SmallSite:
    """A site that takes nothing of what tests send."""
    return small_site(tmp_path_factory.mktemp("empty") / "contest", toy_task, rules=SMALL_FILES)


def put(site: SmallSite, content: bytes, token: str | None, **headers: str) -> Any:
    known = {} if token is None else {"Authorization": f"Bearer {token}"}
    return site.client().put(f"/submit/{TASK}", content=content, headers=known | headers)


def left(site: SmallSite) -> int:
    """Return how many files there are of uploads, complete or not."""
    return sum(1 for folder in (site.small.store.files, site.small.store.incoming) for _ in folder.iterdir())


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    shown = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def test_a_program_hands_in_with_a_token_and_gets_a_receipt_that_everybody_can_check(site: SmallSite) -> None:
    answer = put(site, b"{}", site.token("student"))
    assert answer.status_code == 201
    receipt = Receipt(**answer.json())
    assert receipt.sha256 == hashlib.sha256(b"{}").hexdigest()
    assert receipt.person == site.people["student"].id
    proof = site.client().get("/proof").json()
    assert is_genuine(receipt, proof["public_key"])
    assert proof["head"] == receipt.event
    page = site.client("student").get(f"/attempt/{receipt.number}/receipt")
    assert page.json() == answer.json()
    assert site.client("student").get(f"/attempt/{receipt.number}/file").content == b"{}"


def test_an_upload_that_is_repeated_under_its_key_is_the_same_submission(site: SmallSite) -> None:
    token = site.token("student")
    answers = [put(site, b"{}", token, **{"Idempotency-Key": "once"}).json() for _ in range(2)]
    assert answers[0] == answers[1]
    ada = site.client("student")
    places = [ada.hand_in(b"{}", key="twice").headers["location"] for _ in range(2)]
    assert places == ["/attempt/2", "/attempt/2"]


def test_another_file_under_a_key_is_refused_instead_of_lost(site: SmallSite) -> None:
    token, ada = site.token("student"), site.client("student")
    assert put(site, b"first", token, **{"Idempotency-Key": "once"}).status_code == 201
    answer = put(site, b"better", token, **{"Idempotency-Key": "once"})
    assert (answer.status_code, answer.json()["error"]) == (409, "other_file")
    assert ada.hand_in(b"first", key="page").status_code == 303
    page = ada.hand_in(b"better", key="page")
    assert (page.status_code, "Load the page again" in page.text) == (409, True)
    assert left(site) == 2


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [(b"", 400, "empty"), (b"x" * 2000, 413, "too_large")],
    ids=["empty", "too large"],
)
def test_what_is_not_taken_says_why_and_leaves_nothing(
    empty: SmallSite, content: bytes, status: int, reason: str
) -> None:
    answer = put(empty, content, empty.token("student"))
    assert (answer.status_code, answer.json()["error"]) == (status, reason)
    assert empty.client("student").hand_in(content).status_code == status
    assert left(empty) == 0


def test_a_body_that_does_not_announce_its_length_is_capped_while_it_arrives(empty: SmallSite) -> None:
    chunks = (b"x" * 500 for _ in range(10))
    headers = {"Authorization": f"Bearer {empty.token('student')}"}
    answer = empty.client().put(f"/submit/{TASK}", content=chunks, headers=headers)
    assert answer.status_code == 413
    assert left(empty) == 0


def test_tokens_are_for_one_task_can_be_revoked_and_viewers_hand_in_nothing(site: SmallSite) -> None:
    elsewhere, viewers, students = site.token("student", "other"), site.token("viewer"), site.token("student")
    assert put(site, b"{}", None).status_code == 401
    assert put(site, b"{}", "guessed").status_code == 401
    assert put(site, b"{}", elsewhere).status_code == 401
    assert put(site, b"{}", viewers).json()["error"] == "not_allowed"
    with site.small.store.writing() as transaction:
        revoke_tokens(transaction, site.people["student"].id)
    assert put(site, b"{}", students).status_code == 401
    assert left(site) == 0


def test_before_the_opening_nothing_is_taken_and_the_task_is_not_shown(site: SmallSite) -> None:
    site.small.clocks.pass_seconds(-2 * 3600)
    answer = put(site, b"{}", site.token("student"))
    assert (answer.status_code, answer.json()["error"]) == (403, "not_open")
    assert answer.json()["again"] == "2026-11-30T09:00:00+00:00"
    ada = site.client("student")
    assert ada.get(f"/task/{TASK}").status_code == 404
    assert ada.get(f"/task/{TASK}/file/toy_task.ipynb").status_code == 404
    site.client("staff").fill("/organise/announce", text="It begins soon.", task=TASK)
    ada.fill("/questions", text="What is it about?", task=TASK)
    unknown = ada.post("/task/toy_tsk", data={"token": ada.form_token}, files={"file": ("my.ipynb", b"{}")})
    assert unknown.status_code == 404
    for page in (unknown, ada.get("/tasks"), ada.get("/questions"), ada.get("/board")):
        assert "wrong labels" not in page.text
        assert TASK not in page.text
    assert "2026-11-30 09:00 UTC" in ada.hand_in(b"{}").text
    assert site.client("staff").get(f"/task/{TASK}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        part("file", b"{}", "a.ipynb") + END,
        part("token", b"TOKEN") + part("file", b"{}", "a.ipynb") + part("file", b"{}", "b.ipynb") + END,
        part("token", b"TOKEN") + part("file", b"{}", "a.ipynb") + part("late", b"field") + END,
        part("token", b"TOKEN") + END,
        part("token", b"TOKEN") + part("file", b"{}", "a.ipynb"),
        part("token", b"TOKEN") + part("key", b"x" * 5000) + part("file", b"{}", "a.ipynb") + END,
        b"".join(part(f"f{number}", b"") for number in range(100)) + END,
        part("token", b"wrong") + part("file", b"{}", "a.ipynb") + END,
        b"no multipart at all",
        b"",
    ],
    ids=["file first", "two files", "field after", "no file", "cut off", "long field", "many fields", "wrong token", "garbage", "empty"],
)  # fmt: skip
def test_a_form_has_its_token_and_then_exactly_one_file(empty: SmallSite, body: bytes) -> None:
    ada = empty.client("student")
    sent = body.replace(b"TOKEN", ada.form_token.encode())
    assert ada.post(f"/task/{TASK}", content=sent, headers=MULTIPART).status_code == 400
    assert left(empty) == 0


def test_whose_session_ended_is_told_so(empty: SmallSite) -> None:
    answer = empty.client().hand_in(b"hours of work")
    assert answer.status_code == 403
    assert "You are signed out" in answer.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/questions", "application/x-www-form-urlencoded"), (f"/task/{TASK}", MULTIPART["Content-Type"])],
    ids=["text", "file"],
)
def test_a_form_whose_sender_goes_away_is_no_failure_of_ours(empty: SmallSite, path: str, kind: str) -> None:
    ada = empty.client("student")
    headers = {"host": "127.0.0.1", "content-type": kind, "cookie": f"session={ada.cookies['session']}"}
    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": b"", "http_version": "1.1", "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    arriving: list[Message] = [
        {"type": "http.request", "body": b"tok", "more_body": True},
        {"type": "http.disconnect"},
    ]
    statuses: list[int] = []

    async def receive() -> Message:
        return arriving.pop(0)

    async def send(message: Message) -> None:
        statuses.append(message.get("status", 0))

    asyncio.run(empty.app(scope, receive, send))  # type: ignore[arg-type]
    assert statuses[0] == 400
    assert left(empty) == 0


def test_a_full_disk_refuses_uploads_until_later_and_takes_nothing_halfway(
    empty: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.contest.intake.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    answer = put(empty, b"{}", empty.token("student"))
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert answer.headers["retry-after"]
    page = empty.client("student").hand_in(b"{}")
    assert page.status_code == 503
    assert "disk is full" in page.text
    assert left(empty) == 0


def test_who_hands_in_too_often_is_told_when_again(tmp_path: Path, toy_task: Task) -> None:
    rules = RULES.replace("minutes = 0", "minutes = 5\nburst = 1")
    site = small_site(tmp_path / "contest", toy_task, rules=rules)
    token = site.token("student")
    assert put(site, b"{}", token).status_code == 201
    answer = put(site, b"{}", token)
    assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (
        429,
        "too_soon",
        "300",
    )
    assert "2026-11-30 10:05 UTC" in site.client("student").hand_in(b"{}").text


def test_the_leaderboard_is_made_anew_at_most_every_few_seconds(tmp_path: Path) -> None:
    made: list[str] = []

    def make() -> str:
        made.append("table")
        return f"table {len(made)}"

    board = BoardFile(tmp_path)
    assert [board.table("en", make) for _ in range(3)] == ["table 1"] * 3
    assert board.table("de", make) == "table 2"
    (tmp_path / "pages" / "board.en.html").unlink()  # somebody was erased
    assert board.table("en", make) == "table 3"


class Arriving:
    """A request whose body comes in pieces, after pauses."""

    def __init__(self, pieces: list[bytes], pause: float = 0.0) -> None:
        self._pieces, self._pause = pieces, pause

    async def stream(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            await asyncio.sleep(self._pause)
            yield piece


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_a_form_may_arrive_in_pieces_of_any_size(size: int) -> None:
    content = bytes(range(256)) * 20 + f"\r\n--{BOUNDARY[:-1]} is not the end\r\n".encode()
    sent = part("token", b"a token") + part("file", content, "x.ipynb") + END
    pieces = [sent[start : start + size] for start in range(0, len(sent), size)]

    async def read() -> tuple[dict[str, str], bytes]:
        form = FileForm(Body(Arriving(pieces)), MULTIPART["Content-Type"])  # type: ignore[arg-type]
        fields = await form.fields()
        return fields, b"".join([chunk async for chunk in form.file()])

    assert asyncio.run(read()) == ({"token": "a token"}, content)


def test_a_sender_who_is_silent_is_given_up() -> None:
    async def read() -> bytes:
        body = Body(Arriving([b"x"], pause=30.0), silent_seconds=0.05)  # type: ignore[arg-type]
        return await body.next_chunk()

    with pytest.raises(SlowSenderError):
        asyncio.run(read())
