"""Limit how often a person, and how often an address, may do what costs others time: ask, appeal, draw tokens, sign in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.serve.throttle import RateLimit, Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TEN_MINUTES = 600.0


@dataclass(frozen=True)
class RouteLimit:
    """How often one person, and how often all behind one address, may take a route."""

    person: RateLimit
    address: RateLimit


# A whole school may have one address.
_TEXTS = RouteLimit(RateLimit(10, _TEN_MINUTES), RateLimit(300, _TEN_MINUTES))
_TOKENS = RouteLimit(RateLimit(20, _TEN_MINUTES), RateLimit(600, _TEN_MINUTES))
_SIGN_INS = RouteLimit(RateLimit(60, _TEN_MINUTES), RateLimit(1000, _TEN_MINUTES))
ROUTE_LIMITS: Mapping[str, RouteLimit] = {
    "ask": _TEXTS,
    "appeal": _TEXTS,
    "new_token": _TOKENS,
    "sign_in": _SIGN_INS,
    "oidc_start": _SIGN_INS,
    "oidc_back": _SIGN_INS,
    "lti_login": _SIGN_INS,
    "lti_login_form": _SIGN_INS,
    "lti_launch": _SIGN_INS,
}
WRONG_TOKENS = RateLimit(1000, _TEN_MINUTES)  # of an address


class RouteThrottles:
    """Counts who takes which route. May be used by several threads; `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._by_person = {name: Throttle(limit.person, clock) for name, limit in ROUTE_LIMITS.items()}
        self._by_address = {name: Throttle(limit.address, clock) for name, limit in ROUTE_LIMITS.items()}

    def take(self, route: str, person: str, address: str) -> float:
        """Count one of a route and return 0, or return for how many seconds to wait; `person` "" is a stranger."""
        if route not in ROUTE_LIMITS:
            return 0.0
        wait = self._by_person[route].take(person) if person else 0.0
        return wait or self._by_address[route].take(address)
