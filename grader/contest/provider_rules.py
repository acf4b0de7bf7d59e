"""The tables of `contest.toml` that say who else signs people in: an OpenID Connect provider, and learning platforms (LTI 1.3)."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _ProviderTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class OidcProvider(_ProviderTable):
    """A provider of OpenID Connect that signs people in, such as a school's Keycloak or Microsoft Entra."""

    issuer: str
    """Address of the provider, exactly as it names itself; `/.well-known/openid-configuration` lies below it."""
    client_id: str = Field(min_length=1)
    """What the provider calls this contest."""
    secret_file: str = ""
    """File with the client's secret, seen from `contest.toml`; none: the provider asks for no secret."""
    name: str = "single sign-on"
    """What the page of the sign-in calls the provider."""
    scopes: str = "openid profile email"
    """What the provider is asked for."""
    claim: str = "email"
    """The claim that says who somebody is. An `email` counts only if the provider verified it."""
    matches: Literal["email", "id"] = "email"
    """What of the class list the claim has to equal."""

    @field_validator("issuer")
    @classmethod
    def _safe(cls, issuer: str) -> str:
        return checked_address(issuer)


class LtiPlatform(_ProviderTable):
    """A learning platform from which people come by LTI 1.3, and which gets their points."""

    issuer: str
    """What the platform calls itself, exactly."""
    client_id: str = Field(min_length=1)
    """What the platform calls this contest."""
    deployments: tuple[str, ...] = Field(min_length=1)
    """The ids of the deployments that may launch."""
    login: str
    """The platform's address for the authentication request."""
    keys: str
    """The platform's address of its public keys (JWKS)."""
    token: str
    """The platform's address of access tokens, for grades."""
    claim: str = "email"
    """The claim that says who somebody is: `email`, `sub`, or `person_sourcedid`."""
    matches: Literal["email", "id"] = "email"
    """What of the class list the claim has to equal."""
    enrol: bool = False
    """Enrol whoever is not in the class list: learners as students, instructors as staff, others as viewers."""
    grades: Literal["verdict", "command", "never"] = "verdict"
    """When points go back: after each verdict, by `grader contest grades`, or never."""

    @property
    def key(self) -> str:
        """What tells this platform from others."""
        return f"{self.client_id} {self.issuer}"

    @field_validator("login", "keys", "token")
    @classmethod
    def _safe(cls, address: str) -> str:
        return checked_address(address)


def checked_address(address: str) -> str:
    """Return an address to which secrets may be sent: https, or http on this machine. Raises ValueError for others."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname and not parts.username:
        return address
    if parts.scheme == "http" and parts.hostname and _is_this_machine(parts.hostname):
        return address
    raise ValueError(f"{address!r}: write an address that begins with https://")


def named_address(address: str, provider: str) -> str:
    """Return an address that the provider at `provider` names, as `checked_address` does.

    Only a provider on this machine may name one without https: any other could reach through us what listens here alone.
    """
    if urlsplit(provider).scheme == "https" and urlsplit(address).scheme != "https":
        raise ValueError(f"{address!r}: write an address that begins with https://")
    return checked_address(address)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
