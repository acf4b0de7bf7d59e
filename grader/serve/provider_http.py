"""Talk to providers of identities and learning platforms: JSON within limits of size and time, and no redirect is followed.

A redirect could lead a secret, or this machine's own network, to somebody else. What fails here is a GraderFault: it is not
the fault of whoever wants to sign in.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from grader.contest.provider_rules import checked_address
from grader.errors import GraderFault

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 256 << 10
SILENT_SECONDS, LONGEST_SECONDS = 5.0, 15.0


@dataclass(frozen=True)
class ProviderAnswer:
    """What a provider answered: a JSON object, and its headers by lower-case names."""

    content: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow none: the redirect itself becomes the error."""


def fetch(address: str, headers: Mapping[str, str] | None = None) -> ProviderAnswer:
    """Return what a GET of `address` answers. Raises GraderFault where that is no JSON object, too large or too slow."""
    return _answer(urllib.request.Request(_checked(address), headers=dict(headers or {})))  # noqa: S310 -- checked


def send_form(
    address: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> ProviderAnswer:
    """Return what `address` answers to a form. Raises GraderFault as `fetch` does."""
    known = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return _answer(urllib.request.Request(_checked(address), urlencode(fields).encode(), known))  # noqa: S310 -- checked


def with_fields(address: str, fields: Mapping[str, str]) -> str:
    """Return `address` with fields behind it, also where it has some already."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(fields)}"


def send_json(address: str, content: object, headers: Mapping[str, str]) -> None:
    """Send JSON to `address`, which may answer anything. Raises GraderFault where it does not take it."""
    request = urllib.request.Request(_checked(address), json.dumps(content).encode(), dict(headers))  # noqa: S310 -- checked
    _read(request)


def _checked(address: str) -> str:
    try:
        return checked_address(address)
    except ValueError as error:
        raise GraderFault(f"a provider of identities named an unsafe address: {error}") from error


def _answer(request: urllib.request.Request) -> ProviderAnswer:
    request.add_header("Accept", "application/json")
    content, headers = _read(request)
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise GraderFault(f"{request.host} answered no JSON; try again later") from error
    if not isinstance(parsed, dict):
        raise GraderFault(f"{request.host} answered no JSON object; try again later")
    return ProviderAnswer(parsed, headers)


def _read(request: urllib.request.Request) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an answer with status 2xx. Raises GraderFault."""
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=SILENT_SECONDS) as answer:
            return _bounded(answer), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        error.close()
        raise GraderFault(f"{request.host} answered with status {error.code}; try again later") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise GraderFault(f"{request.host} gave no usable answer: {error}; try again later") from error


def _bounded(answer: http.client.HTTPResponse) -> bytes:
    """Return the body. Raises ValueError where it is too large, or does not come in time."""
    deadline = time.monotonic() + LONGEST_SECONDS
    content = b""
    while chunk := answer.read1(65536):
        content += chunk
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES >> 10} kB")
        if time.monotonic() > deadline:
            raise ValueError("too slow")
    return content
