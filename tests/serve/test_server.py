"""The site on a real port: limits of the server, https, `grader submit`, and a notebook that hands itself in."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import nbformat
import pytest
from live import served
from sites import TASK, SmallSite, small_site

from grader.errors import UsageError
from grader.serve import client as client_module
from grader.serve import server as server_module
from grader.serve.client import Handover, submit_file
from grader.serve.settings import ServeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run

    from grader.task.spec import Task


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> SmallSite:
    return small_site(tmp_path_factory.mktemp("live") / "contest", toy_task)


@pytest.fixture(scope="module")
def address(site: SmallSite) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server wait for headers only a moment."""
    monkeypatch.setattr(server_module, "HEADER_SECONDS", 0.3)


def talk(address: str, sent: bytes) -> bytes:
    """Send bytes and return all that comes until the server closes."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        connection.sendall(sent)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "], ids=["nothing", "half a header"]
)
def test_a_client_whose_headers_do_not_come_is_given_up(address: str, sent: bytes) -> None:
    assert talk(address, sent) == b""


@pytest.mark.usefixtures("impatient")
def test_a_client_whose_second_request_does_not_come_is_given_up(address: str) -> None:
    answer, until = b"", time.monotonic() + 120
    while not answer and time.monotonic() < until:  # a busy machine may send even the first one too late
        answer = talk(address, b"GET /proof HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nBad Header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["long header", "two lengths", "no colon", "two hosts", "tls"],
)
def test_requests_that_are_none_are_refused(address: str, sent: bytes) -> None:
    answer = talk(address, sent)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))


def test_grader_submit_hands_in_and_says_what_the_contest_said(
    site: SmallSite, address: str, tmp_path: Path, run: Run
) -> None:
    notebook = tmp_path / "my.ipynb"
    notebook.write_bytes(b"{}")
    words = ("submit", str(notebook), "--to", address, "--task", TASK)
    code, out, _ = run(*words, "--token", site.token("student"), "--json")
    assert code == 0
    receipt = json.loads(out)
    assert receipt["person"] == site.people["student"].id
    code, _, err = run(*words, "--token", "guessed")
    assert code == 2
    assert "token" in err


def test_a_contest_that_cannot_be_reached_is_tried_again_and_then_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_PAUSE_SECONDS", 0.01)
    notebook = tmp_path / "my.ipynb"
    notebook.write_bytes(b"{}")
    with pytest.raises(UsageError, match="cannot be reached"):
        submit_file(notebook, Handover("http://127.0.0.1:1", TASK, "x"))
    for address in ("file:///etc/passwd", "http://[::1", "contest.example.org"):
        with pytest.raises(UsageError, match="is no address"):
            submit_file(notebook, Handover(address, TASK, "x"))


@pytest.mark.parametrize("token", ["\u00e9\u2014x", "first\nsecond"], ids=["letters", "lines"])
def test_what_cannot_be_a_token_is_one_clear_line_at_once(tmp_path: Path, token: str) -> None:
    notebook = tmp_path / "my.ipynb"
    notebook.write_bytes(b"{}")
    with pytest.raises(UsageError, match="characters that no token has; copy it"):
        submit_file(notebook, Handover("http://127.0.0.1:1", TASK, token))


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\n<p>!",
        b'HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"number"',
        b"no answer of HTTP\r\n\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 99\r\n\r\n{",
    ],
    ids=["proxy", "cut off", "garbage", "refused and cut off"],
)
def test_an_answer_that_broke_is_asked_for_again_under_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr(client_module, "_PAUSE_SECONDS", 0.01)
    notebook = tmp_path / "my.ipynb"
    notebook.write_bytes(b"{}")
    last = b'HTTP/1.1 201 Created\r\nContent-Length: 13\r\n\r\n{"number": 7}'
    with replying(first, last) as (address, keys):
        assert submit_file(notebook, Handover(address, TASK, "x")) == {"number": 7}
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_a_proxy_that_refuses_a_file_is_quoted(tmp_path: Path) -> None:
    notebook = tmp_path / "my.ipynb"
    notebook.write_bytes(b"{}")
    refusal = b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 3\r\n\r\n<p>"
    with (
        replying(refusal) as (address, _),
        pytest.raises(UsageError, match=r"413 \(Request Entity Too Large\)"),
    ):
        submit_file(notebook, Handover(address, TASK, "x"))


@contextmanager
def replying(*replies: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Give these replies to one upload after the other; yield the address, and the keys that they had."""
    keys: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for reply in replies:
                connection, _ = server.accept()
                with connection:
                    sent = b""
                    while not sent.endswith(b"\r\n\r\n{}"):
                        sent += connection.recv(65536)
                    keys.extend(re.findall(rb"Idempotency-Key: (\S+)", sent, re.IGNORECASE))
                    connection.sendall(reply)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", keys
        thread.join(60)


@pytest.mark.slow
def test_a_notebook_hands_itself_in(site: SmallSite, address: str, tmp_path: Path) -> None:
    from nbclient import NotebookClient

    page = site.client("bob").fill(f"/task/{TASK}/token").text
    cell = re.search(r"<pre tabindex=\"0\">(NOTEBOOK.*?)</pre>", page, re.DOTALL)[1]  # type: ignore[index]
    cell = cell.replace("&#34;", '"').replace("&gt;", ">").replace("http://127.0.0.1:8000", address)
    path = tmp_path / "my work.ipynb"
    source = cell.replace('NOTEBOOK = ""', f"NOTEBOOK = {str(path)!r}")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    done = NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (output,) = done.cells[0].outputs
    number = int(re.search(r"handed in as number (\d+)", output["text"])[1])  # type: ignore[index]
    assert site.client("bob").get(f"/attempt/{number}/file").content == path.read_bytes()
    with site.small.store.reading() as transaction:
        query = "SELECT origin FROM submissions WHERE number = ?"
        assert transaction.connection.execute(query, (number,)).fetchone()["origin"] == "notebook"


def test_a_port_that_is_taken_is_reported(address: str) -> None:
    with pytest.raises(UsageError, match="another --port"):
        server_module.listen(ServeSettings(port=int(address.rpartition(":")[2])))


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1 and its key."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return paths


def test_with_a_certificate_the_site_speaks_https(site: SmallSite, tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    trusted = ssl.create_default_context(cafile=str(cert))
    with served(site, ServeSettings(cert=cert, key=key)) as address:
        assert address.startswith("https://")
        with urllib.request.urlopen(f"{address}/sign-in", context=trusted, timeout=120) as answer:
            assert answer.headers["Strict-Transport-Security"]
    with pytest.raises(UsageError, match="cannot be used"), served(site, ServeSettings(cert=key, key=key)):
        pass
