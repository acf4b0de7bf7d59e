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
from urllib.parse import urlencode, urlsplit

from grader.contest.provider_rules import checked_address
from grader.errors import GraderFault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

MOST_BYTES = 256 << 10
SILENT_SECONDS, LONGEST_SECONDS = 5.0, 15.0


@dataclass(frozen=True)
class ProviderAnswer:
    """What a provider answered: a JSON object, empty where it answered nothing, and its headers."""

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


def send_json(address: str, content: object, headers: Mapping[str, str]) -> ProviderAnswer:
    """Return what `address` answers to JSON. Raises GraderFault as `fetch` does."""
    return _answer(urllib.request.Request(_checked(address), json.dumps(content).encode(), dict(headers)))  # noqa: S310 -- checked


def _checked(address: str) -> str:
    try:
        return checked_address(address)
    except ValueError as error:
        raise GraderFault(f"a provider of identities named an unsafe address: {error}") from error


def _answer(request: urllib.request.Request) -> ProviderAnswer:
    opener = urllib.request.build_opener(_NoRedirects)
    request.add_header("Accept", "application/json")
    host = urlsplit(request.full_url).hostname
    try:
        with opener.open(request, timeout=SILENT_SECONDS) as answer:
            content = _bounded(answer)
            return ProviderAnswer(_object(content), _lowered(answer.headers))
    except urllib.error.HTTPError as error:
        error.close()
        raise GraderFault(f"{host} answered with status {error.code}; try again later") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise GraderFault(f"{host} gave no usable answer: {error}; try again later") from error


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


def _object(content: bytes) -> dict[str, Any]:
    parsed = json.loads(content) if content.strip() else {}
    if not isinstance(parsed, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 -- of what was read
    return parsed


def _lowered(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
