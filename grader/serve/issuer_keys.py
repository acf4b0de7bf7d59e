"""Keep the public keys of an issuer as long as it allows, and look for new ones when a token names an unknown key."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

from grader.errors import GraderFault
from grader.serve.throttle import RateLimit, Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.serve.provider_http import ProviderAnswer

    PublicKey = RSAKey | ECKey

_USUAL_SECONDS = 3600.0
_LEAST_SECONDS, _MOST_SECONDS = 60.0, 24 * 3600.0
_UNKNOWN = RateLimit(
    5, 60.0
)  # fetches for keys that nobody knows: whoever invents names of keys causes no more
_LEAST_RSA_BITS = 2048
_MOST_KEYS = 100


class IssuerKeys:
    """The keys at one address. May be used by several threads; `clock` gives seconds that only go forward."""

    def __init__(self, fetch: Callable[[], ProviderAnswer], clock: Callable[[], float]) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys: dict[str, PublicKey] = {}
        self._until = float("-inf")
        self._unknown = Throttle(_UNKNOWN, clock)
        self._lock = threading.Lock()

    def find(self, name: str | None) -> PublicKey | None:
        """Return the key of this name, or the only one where none is named; None where there is no such key.

        Raises GraderFault where keys have to be fetched and cannot be.
        """
        with self._lock:
            if self._clock() >= self._until or (self._chosen(name) is None and not self._unknown.take("")):
                self._renew()
            return self._chosen(name)

    def count(self) -> int:
        """Return how many keys can sign, fetched now. Raises GraderFault where that fails."""
        with self._lock:
            self._renew()
            return len(self._keys)

    def _chosen(self, name: str | None) -> PublicKey | None:
        if name is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(name)

    def _renew(self) -> None:
        answer = self._fetch()
        listed = answer.content.get("keys")
        if not isinstance(listed, list):
            raise GraderFault("the provider of identities published no keys; try again later")
        self._keys = {
            str(entry.get("kid", f"#{number}")): key
            for number, entry in enumerate(listed[:_MOST_KEYS])
            if (key := _usable(entry))
        }
        self._until = self._clock() + _lifetime(answer.headers.get("cache-control", ""))


def _usable(entry: Any) -> PublicKey | None:
    """Return a key that may sign; others, such as those for encryption or too short ones, are none."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    try:
        key = import_key({name: value for name, value in entry.items() if name not in ("key_ops", "d")})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key, RSAKey):
        return key if key.public_key.key_size >= _LEAST_RSA_BITS else None
    return key if isinstance(key, ECKey) else None


def _lifetime(cache_control: str) -> float:
    stated = re.search(r"max-age=(\d{1,9})", cache_control)
    seconds = float(stated[1]) if stated else _USUAL_SECONDS
    return min(max(seconds, _LEAST_SECONDS), _MOST_SECONDS)
