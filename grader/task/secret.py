"""Read the secret of an evaluation: drawn once for a folder of results, or in a file; a secret that is easily guessed is refused."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import re
import secrets
import tempfile
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, WRITTEN, reporting_os_errors

if TYPE_CHECKING:
    from pathlib import Path

SECRET_FILE = "secret"  # noqa: S105 -- a file name, in a folder of results
_LEAST_BYTES = 16
_DRAWN = re.compile(rb"[0-9a-f]{32,}")  # as `secrets.token_hex` draws them
_ADVICE = 'draw one: python -c "import secrets; print(secrets.token_hex(32))" > FILE'

_LEAST_BITS = 50  # four words drawn from a list; each guess costs a scrypt
_LEAST_CHARACTERS = 8  # different ones
_WORD_BITS, _LETTER_BITS, _DIGIT_BITS, _OTHER_BITS, _YEAR_BITS = 13.0, 4.7, 3.3, 4.0, 7.0
_PIECES = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+|[\W_]+")
_YEAR = re.compile(r"(19|20)\d\d")


def secret_for(out: Path, secret_file: Path | None) -> bytes:
    """Return the secret of a batch: from `secret_file`, else drawn once for `out` and kept there (mode 600).

    Raises UsageError where the file is missing or shorter than 16 bytes.
    """
    if secret_file is not None:
        return _read_secret(secret_file)
    kept = out / SECRET_FILE
    if not kept.exists():
        # Written whole and then linked: of two graders that start at once, one draws and both read the same.
        with (
            reporting_os_errors(WRITTEN, kept),
            tempfile.NamedTemporaryFile("w", dir=out, prefix=".secret-") as draft,  # made with mode 600
        ):
            draft.write(secrets.token_hex(32) + "\n")
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, kept)
    return _read_secret(kept)


def kept_secret(out: Path, secret_file: Path | None) -> bytes | None:
    """Return the secret of a batch that was graded, or None where it can no longer be read; none is drawn."""
    with contextlib.suppress(UsageError):
        return _read_secret(secret_file or out / SECRET_FILE)
    return None


def refuse_weak_secret(path: Path) -> None:
    """Raise UsageError where the secret in a file could be found by trying what people choose."""
    secret = _read_secret(path)
    if len(set(secret)) < _LEAST_CHARACTERS:
        raise UsageError(f"the secret {path} has only {len(set(secret))} different characters; {_ADVICE}")
    if _is_text(secret) and not _DRAWN.fullmatch(secret) and _bits(secret.decode()) < _LEAST_BITS:
        raise UsageError(f"the secret {path} is easy to guess (words, years, rows of characters); {_ADVICE}")


@functools.lru_cache(maxsize=4)
def key_of(secret: bytes) -> bytes:
    """Return the key that seeds are derived from: a drawn secret as it is, any other through scrypt (0.1 s, 32 MB)."""
    if _DRAWN.fullmatch(secret):
        return secret
    memory = 64 << 20  # bytes that OpenSSL allows; n and r need half of it
    return hashlib.scrypt(secret, salt=b"secret of an evaluation", n=2**15, r=8, p=1, maxmem=memory, dklen=32)


def _read_secret(path: Path) -> bytes:
    with reporting_os_errors(READ, f"the secret {path}"):
        secret = path.read_bytes().strip()
    if len(secret) < _LEAST_BYTES:
        raise UsageError(f"the secret {path} is shorter than {_LEAST_BYTES} bytes; {_ADVICE}")
    return secret


def _is_text(secret: bytes) -> bool:
    try:
        secret.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bits(text: str) -> float:
    """Return roughly how many bits of chance a text has: each different word counts as one of 8000, a year as one of 128."""
    pieces = {piece.lower() for piece in _PIECES.findall(_without_rows(text))}
    return sum(map(_bits_of_piece, pieces))


def _bits_of_piece(piece: str) -> float:
    if piece.isdigit():
        return _YEAR_BITS if _YEAR.fullmatch(piece) else _DIGIT_BITS * len(piece)
    if piece.isalpha():
        return min(_WORD_BITS, _LETTER_BITS * len(piece))
    return _OTHER_BITS * len(piece)


def _without_rows(text: str) -> str:
    """Return the text with rows of characters such as `aaaa`, `abcd` and `4321` cut to their first two."""
    steps = [ord(after) - ord(before) for before, after in itertools.pairwise(text)]
    goes_on = [step == last and abs(step) <= 1 for last, step in itertools.pairwise(steps)]
    return text[:2] + "".join(itertools.compress(text[2:], [not row for row in goes_on]))
