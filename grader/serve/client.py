"""Hand in a file from a program: nothing but the standard library, so that students need no more."""

from __future__ import annotations

import http.client
import json
import secrets
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 120
_TRIES, _PAUSE_SECONDS = 6, 3.0  # so long takes a site that is started again
_BUSY = (502, 503, 504)  # of the contest, or of a proxy while the contest starts again


@dataclass(frozen=True)
class Handover:
    """Where a file goes: the address of the contest, the task's id, and the token that hands in for somebody."""

    address: str
    task: str
    token: str


def submit_file(path: Path, handover: Handover) -> dict[str, Any]:
    """Hand in the file `path` and return its receipt.

    Where the connection fails, it is tried again under the same name, so nothing is handed in twice. Raises UsageError
    where the file cannot be read, the token cannot be one, the contest cannot be reached, or it refuses the file.
    """
    if not _is_address(handover.address):
        raise UsageError(f"{handover.address} is no address; write one such as https://contest.example.org")
    if not (handover.token.isascii() and handover.token.isprintable()):
        raise UsageError("the token has characters that no token has; copy it from the page of the task")
    with reporting_os_errors(READ, path):
        content = path.read_bytes()
    url = f"{handover.address.rstrip('/')}/submit/{quote(handover.task, safe='')}"
    headers = {
        "Authorization": f"Bearer {handover.token}",
        "Content-Type": "application/octet-stream",
        "Idempotency-Key": secrets.token_urlsafe(16),
    }
    problem = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        request = urllib.request.Request(url, content, headers, method="PUT")  # noqa: S310 -- the scheme is checked above
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 -- as above
                receipt: dict[str, Any] = json.load(answer)
                return receipt
        except urllib.error.HTTPError as error:
            problem = _message(error)
            if error.code not in _BUSY:
                raise UsageError(f"not handed in: {problem}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            problem = str(error)
    raise UsageError(f"not handed in: {handover.address} cannot be reached: {problem}; try again")


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return False


def _message(error: urllib.error.HTTPError) -> str:
    """Return what the contest says; of a proxy before it, the status with its name."""
    status = f"HTTP status {error.code} ({error.reason})"
    try:
        answer = json.load(error)
    except (OSError, ValueError, http.client.HTTPException):  # the answer breaks off
        return status
    return str(answer.get("message", status)) if isinstance(answer, dict) else status
