"""Speak OpenID Connect as a client: authorization code with PKCE (RFC 7636), state and nonce; the provider is discovered."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from grader.contest.provider_rules import named_address
from grader.errors import GraderFault, UsageError
from grader.files import READ, reporting_os_errors
from grader.serve.id_token import ExpectedToken, SignInFault, SignInRefused, verified_claims
from grader.serve.issuer_keys import IssuerKeys
from grader.serve.provider_http import fetch, send_form, with_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from grader.contest.provider_rules import OidcProvider
    from grader.serve.pending_sign_ins import PendingSignIn

CALLBACK = "/sign-in/oidc/back"
_DISCOVERY = "/.well-known/openid-configuration"
_DISCOVERED_SECONDS = 3600.0
_BASIC, _POST = "client_secret_basic", "client_secret_post"


@dataclass(frozen=True)
class DiscoveredProvider:
    """What a provider says of itself: its addresses, and how a client shows its secret."""

    authorize: str
    token: str
    keys: str
    secret_by: str


class OidcClient:
    """A contest as a client of one provider. May be used by several threads; `clock` only goes forward."""

    def __init__(
        self, provider: OidcProvider, folder: Path, *, address: str, clock: Callable[[], float]
    ) -> None:
        self.provider = provider
        self._secret = _secret(folder / provider.secret_file) if provider.secret_file else ""
        self._back = address + CALLBACK
        self._clock = clock
        self._discovered: DiscoveredProvider | None = None
        self._until = float("-inf")
        self._lock = threading.Lock()
        self._keys = IssuerKeys(lambda: fetch(self.discover().keys), clock)

    def discover(self) -> DiscoveredProvider:
        """Return what the provider says of itself, read anew every hour. Raises GraderFault where it cannot be read."""
        with self._lock:
            if self._discovered is None or self._clock() >= self._until:
                document = fetch(self.provider.issuer.rstrip("/") + _DISCOVERY).content
                self._discovered = _discovered(document, self.provider.issuer)
                self._until = self._clock() + _DISCOVERED_SECONDS
            return self._discovered

    def start(self, pending: PendingSignIn) -> str:
        """Return the address at the provider where somebody signs in. Raises GraderFault where it cannot be found."""
        fields = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self._back,
            "scope": self.provider.scopes,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": pending.challenge,
            "code_challenge_method": "S256",
        }
        return with_fields(self.discover().authorize, fields)

    def claims(self, code: str, pending: PendingSignIn, now: float) -> dict[str, Any]:
        """Return the verified claims that a code stands for.

        Raises SignInRefused where the token is not good at `now` (seconds since 1970), and GraderFault where the
        provider does not give one.
        """
        discovered = self.discover()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self.provider.client_id,
            "code_verifier": pending.verifier,
        }
        if self._secret and discovered.secret_by == _POST:
            fields["client_secret"] = self._secret
        headers = self._basic() if self._secret and discovered.secret_by == _BASIC else {}
        token = send_form(discovered.token, fields, headers).content.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused(SignInFault.MALFORMED)
        expected = ExpectedToken(self.provider.issuer, self.provider.client_id, pending.nonce)
        return verified_claims(token, expected, keys=self._keys, now=now)

    def _basic(self) -> dict[str, str]:
        """Return the header with id and secret, each encoded as RFC 6749 (2.3.1) asks for."""
        pair = f"{quote(self.provider.client_id, safe='')}:{quote(self._secret, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def claimed_name(claims: Mapping[str, Any], claim: str) -> str:
    """Return what a claim says of who somebody is; "" without one.

    Raises SignInRefused for an address that the provider did not verify: anybody could have typed it there.
    """
    value = claims.get(claim)
    if not isinstance(value, str):
        return ""
    if claim == "email" and claims.get("email_verified") not in (True, "true"):
        raise SignInRefused(SignInFault.UNVERIFIED, value)
    return value


def _secret(path: Path) -> str:
    with reporting_os_errors(READ, path):
        secret = path.read_text(encoding="utf-8").strip()
    if not secret:
        raise UsageError(
            f"{path} is empty; it should hold the client's secret for the provider of identities"
        )
    return secret


def _discovered(document: Mapping[str, Any], issuer: str) -> DiscoveredProvider:
    """Return what a discovery document says. Raises GraderFault where it is another issuer's, or lacks something."""
    if document.get("issuer") != issuer:
        raise GraderFault(
            "the provider of identities calls itself otherwise than contest.toml; tell the organisers"
        )
    try:
        authorize, token, keys = (
            named_address(str(document[name]), issuer)
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        )
    except (KeyError, ValueError) as error:
        raise GraderFault(
            f"the provider of identities has no usable address: {error}; tell the organisers"
        ) from error
    methods = document.get("token_endpoint_auth_methods_supported")
    only_post = isinstance(methods, list) and _BASIC not in methods and _POST in methods
    return DiscoveredProvider(authorize, token, keys, _POST if only_post else _BASIC)
