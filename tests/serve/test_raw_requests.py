"""Bytes that no browser sends: each request has an answer below 500, of one sentence, that tells nothing of the machine."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from live import served
from sites import TASK, SmallSite, small_site

from grader.serve.access import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.task.spec import Task

LEAKS = re.compile(rb"Traceback|site-packages|/work|/tmp|/home|/srv|\.sqlite|\.py\b|grader\.[a-z]")
SENTENCE = re.compile(r"\S.{4,}", re.DOTALL)
_ODD = st.binary(max_size=12).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw))
_PARTS = st.one_of(
    st.sampled_from(
        [TASK, "..", "%2e%2e", "%00", "1", "0", "9" * 40, "9" * 5000, "-1", "a" * 300, "", "%", "%zz"]
    ),
    _ODD,
)
_PATHS = st.one_of(
    st.sampled_from([route.path for route in ROUTES]).flatmap(
        lambda path: st.lists(_PARTS, min_size=2, max_size=2).map(lambda parts: _filled(path, parts))
    ),
    st.lists(_PARTS, max_size=5).map(lambda parts: "/" + "/".join(parts)),
    st.sampled_from(["*", "//", "http://other.example/", "/tasks?x=%ff&y", "/sign-in#a", "a"]),
)
_METHODS = st.sampled_from(
    ["GET", "PUT", "POST", "HEAD", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "X" * 40]
)
_VALUES = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=60).map(lambda text: text.encode("latin-1")),
    st.sampled_from([b"Bearer", b"Bearer x", b"Bearer \xff", b"bytes=0-1,5-", b"multipart/form-data; boundary=", b"a" * 9000]),
    st.sampled_from([b"multipart/form-data; boundary=x; boundary*=y", b"session=x; session=y", b"gzip", b"100-continue", b"-1", b"1e3"]),
)  # fmt: skip
_NAMES = st.sampled_from(
    [
        b"Authorization", b"Content-Type", b"Cookie", b"Origin", b"Range", b"Idempotency-Key", b"Accept-Language",
        b"X-Forwarded-For", b"X-Forwarded-Proto", b"Content-Encoding", b"Expect", b"Sec-Fetch-Site", b"If-None-Match", b"X",
    ]
)  # fmt: skip
_BODIES = st.one_of(
    st.binary(max_size=300),
    st.sampled_from(
        [b"code=" + b"A" * 70_000, b"code=%ff%00&code", b"token=\xff", b"--x\r\n\r\n", b"{" * 2000]
    ),
)


def _filled(path: str, parts: list[str]) -> str:
    """Put parts where a route has names."""
    left = iter(parts)
    return re.sub(r"\{[^}]+\}", lambda _: next(left, "1"), path)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Draw the bytes of a request that is complete: its length, or its chunks, are true."""
    lines = [f"{draw(_METHODS)} {draw(_PATHS)} HTTP/1.1".encode("latin-1")]
    host = draw(st.sampled_from([b"127.0.0.1", b"127.0.0.1", b"localhost:1", b"other.example", b"[", b""]))
    lines += [b"Host: " + host, b"Connection: close"]
    lines += [name + b": " + value for name, value in draw(st.lists(st.tuples(_NAMES, _VALUES), max_size=4))]
    body: bytes = draw(_BODIES)
    if draw(st.booleans()):
        lines.append(b"Transfer-Encoding: chunked")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    else:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> Iterator[int]:
    site: SmallSite = small_site(tmp_path_factory.mktemp("raw") / "contest", toy_task)
    site.small.hand_in(site.small.ada)
    with served(site) as address:
        yield int(address.rpartition(":")[2])


def answer(port: int, request: bytes) -> tuple[int, bytes, bytes]:
    """Return status, headers and body of the answer to a request; status 0 where the connection is just closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=90) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(1 << 16):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), head, body


def sentence(head: bytes, body: bytes) -> str:
    """Return what a refusal says."""
    text = body.decode()
    if b"application/json" in head:
        return str(json.loads(text)["message"])
    found = re.search(r'class="problem"[^>]*>([^<]*)<', text)
    return found[1] if found else "" if "<" in text else text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(request=requests())
@example(request=b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n")
@example(request=b"GET /attempt/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % (b"9" * 5000))
@example(request=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
def test_whatever_bytes_come_the_answer_is_below_500_says_one_thing_and_tells_no_path(port: int, request: bytes) -> None:  # fmt: skip
    status, head, body = answer(port, request)
    assert status < 500, body
    assert not LEAKS.search(head + body)
    if status >= 400 and not request.startswith(b"HEAD"):
        assert SENTENCE.fullmatch(sentence(head, body)), (head, body)
