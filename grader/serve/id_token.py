"""Verify an ID token as OpenID Connect Core 1.0 (3.1.3.7) and LTI 1.3 (Security Framework 5.1.3) ask for.

The key is chosen by us from the issuer's own list, never by the token, and only asymmetric signatures count.
"""

from __future__ import annotations

import hmac
import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact

from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.serve.issuer_keys import IssuerKeys

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_MOST_LETTERS = 32 << 10
_MOST_SUBJECT = 255
_LEEWAY_SECONDS = 60.0


class SignInFault(StrEnum):
    """Why somebody was not signed in by a provider."""

    STATE = "unknown or used state"
    DENIED = "denied by the provider"
    MALFORMED = "malformed token"
    ALGORITHM = "forbidden algorithm"
    KEY = "unknown key"
    SIGNATURE = "wrong signature"
    ISSUER = "wrong issuer"
    AUDIENCE = "wrong audience"
    PARTY = "wrong authorized party"
    EXPIRED = "expired token"
    NOT_YET = "token not valid yet"
    NONCE = "wrong nonce"
    SUBJECT = "no subject"
    DEPLOYMENT = "unknown deployment"
    MESSAGE = "unknown kind of launch"
    UNVERIFIED = "unverified address"
    ROLE = "an organiser here, and not there"
    UNKNOWN_PERSON = "unknown person"
    CHOICE = "links are chosen by organisers of the contest"
    OTHER_ACCOUNT = "another account signed in as this person before"


class SignInRefused(UsageError):  # noqa: N818 -- a decision, not a mistake
    """Somebody was not signed in; `reason` is for the events, and `who` what the provider calls them, where that is known."""

    def __init__(self, reason: SignInFault, who: str = "") -> None:
        super().__init__(f"the sign-in was refused: {reason}")
        self.reason, self.who = reason, who


@dataclass(frozen=True)
class ExpectedToken:
    """What a token has to name: its issuer, us, and the nonce of the sign-in that it answers."""

    issuer: str
    client_id: str
    nonce: str


def verified_claims(text: str, expected: ExpectedToken, *, keys: IssuerKeys, now: float) -> dict[str, Any]:
    """Return the claims of an ID token that is good at `now` (seconds since 1970).

    Raises SignInRefused for any other, and GraderFault where the issuer's keys cannot be fetched.
    """
    claims = _signed_claims(text, keys)
    if claims.get("iss") != expected.issuer:
        raise SignInRefused(SignInFault.ISSUER)
    _check_audience(claims, expected.client_id)
    _check_times(claims, now)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise SignInRefused(SignInFault.NONCE)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MOST_SUBJECT:
        raise SignInRefused(SignInFault.SUBJECT)
    return claims


def _signed_claims(text: str, keys: IssuerKeys) -> dict[str, Any]:
    if len(text) > _MOST_LETTERS:
        raise SignInRefused(SignInFault.MALFORMED)
    try:
        header = extract_compact(text.encode()).headers()
    except (JoseError, ValueError, RecursionError) as error:
        raise SignInRefused(SignInFault.MALFORMED) from error
    algorithm, name = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise SignInRefused(SignInFault.ALGORITHM)
    key = keys.find(name) if name is None or isinstance(name, str) else None
    if key is None:
        raise SignInRefused(SignInFault.KEY)
    if key.get("alg") not in (None, algorithm):
        raise SignInRefused(SignInFault.ALGORITHM)
    try:
        claims = jwt.decode(
            text, key, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        ).claims
    except (JoseError, ValueError, TypeError, RecursionError) as error:  # TypeError: of an odd "crit"
        raise SignInRefused(SignInFault.SIGNATURE) from error
    _check_text(claims)
    return claims


def _check_text(claims: dict[str, Any]) -> None:
    """Raise SignInRefused where claims hold half a character, which no page and no database takes."""
    try:
        json.dumps(claims, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise SignInRefused(SignInFault.MALFORMED) from error


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise SignInRefused(SignInFault.AUDIENCE)
    party = claims.get("azp")
    if (len(audiences) > 1 or party is not None) and party != client_id:
        raise SignInRefused(SignInFault.PARTY)


def _check_times(claims: dict[str, Any], now: float) -> None:
    expires, issued, begins = (_seconds(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None:
        raise SignInRefused(SignInFault.MALFORMED)
    if expires + _LEEWAY_SECONDS <= now:
        raise SignInRefused(SignInFault.EXPIRED)
    if max(issued, begins or issued) - _LEEWAY_SECONDS > now:
        raise SignInRefused(SignInFault.NOT_YET)


def _seconds(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SignInRefused(SignInFault.MALFORMED)
    try:
        seconds = float(value)
    except OverflowError:  # an integer of hundreds of digits
        seconds = math.inf
    if not math.isfinite(seconds):
        raise SignInRefused(SignInFault.MALFORMED)
    return seconds
