"""Remember sign-ins that people began at a provider: each can be completed once, in the same browser, within minutes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PENDING_SECONDS = 600.0
_MOST = 10_000  # at a time; the one that began longest ago is forgotten first


@dataclass(frozen=True)
class PendingSignIn:
    """A sign-in that somebody began: `state` comes back with the browser, `nonce` in the token, `verifier` is for PKCE."""

    provider: str
    began: float
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        """The SHA-256 of the verifier, as PKCE sends it ahead (RFC 7636, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class PendingSignIns:
    """The sign-ins that are under way, in memory: whoever meets a restart of the site begins again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pending: OrderedDict[str, PendingSignIn] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, provider: str) -> PendingSignIn:
        """Return a new sign-in at a provider."""
        pending = PendingSignIn(provider, self._clock())
        with self._lock:
            self._pending[pending.state] = pending
            while len(self._pending) > _MOST:
                self._pending.popitem(last=False)
        return pending

    def take(self, state: str, cookie: str) -> PendingSignIn | None:
        """Return the sign-in of a state that the same browser began; None where there is none, and never twice."""
        with self._lock:
            pending = self._pending.pop(state, None)
        if pending is None or not hmac.compare_digest(state.encode(), cookie.encode()):
            return None
        return pending if self._clock() - pending.began < PENDING_SECONDS else None
