"""Sign what a contest took, so that a student can prove it, and check such a receipt without the contest's folder."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from grader.contest.events import canonical
from grader.errors import UsageError
from grader.files import READ, WRITTEN, reporting_os_errors

if TYPE_CHECKING:
    from pathlib import Path

_NUMBERS = ("number", "size")  # the other fields of a receipt are texts
_RAW = (Encoding.Raw, PublicFormat.Raw)


@dataclass(frozen=True)
class Receipt:
    """What was taken: its number, who of which team sent it, its SHA-256 and size in bytes, and when its last byte arrived.

    `event` is the hash of the event that recorded it, `signature` (Ed25519, base64) stands for all other fields.
    """

    contest: str
    number: int
    task: str
    team: str
    person: str
    sha256: str
    size: int
    received: str
    event: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is made for."""
        return canonical(
            {name: value for name, value in asdict(self).items() if name != "signature"}
        ).encode()

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Receipt:
        """Return the receipt in `text`. Raises UsageError where it is none."""
        try:
            receipt = cls(**json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise UsageError("this is not a receipt: it lacks a field, or is no JSON") from error
        if any(
            type(value) is not (int if name in _NUMBERS else str) for name, value in asdict(receipt).items()
        ):
            raise UsageError("this is not a receipt: a field is of another kind")
        return receipt


class Signer:
    """Signs receipts with the key of a contest's folder."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def of(cls, path: Path) -> Signer:
        """Return the signer of the key in `path`, which is drawn once (mode 600). Raises UsageError where that fails."""
        with reporting_os_errors(WRITTEN, path):
            if not path.exists():
                raw = Ed25519PrivateKey.generate().private_bytes(
                    Encoding.Raw, PrivateFormat.Raw, NoEncryption()
                )
                write_once(path, raw)
        with reporting_os_errors(READ, path):
            raw = path.read_bytes()
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(raw))
        except ValueError as error:
            raise UsageError(f"{path} is damaged; restore it from a backup") from error

    @property
    def public_key(self) -> str:
        """The key that receipts are checked with, base64: everybody may know it."""
        return base64.b64encode(self._key.public_key().public_bytes(*_RAW)).decode()

    def sign(self, receipt: Receipt) -> Receipt:
        """Return `receipt` with its signature."""
        signature = base64.b64encode(self._key.sign(receipt.signed)).decode()
        return Receipt(**asdict(receipt) | {"signature": signature})


def is_genuine(receipt: Receipt, public_key: str) -> bool:
    """Return whether the owner of `public_key` (base64) signed a receipt as it is. Raises UsageError for what is no key."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
    except ValueError as error:
        raise UsageError("this is not the public key of a contest: 32 bytes in base64") from error
    with contextlib.suppress(InvalidSignature, ValueError):
        key.verify(base64.b64decode(receipt.signature, validate=True), receipt.signed)
        return True
    return False


def write_once(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, whole; of two processes that do so at once, both go on with the first one's."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
