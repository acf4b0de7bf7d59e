"""Ask the provider of identities and the learning platforms of a contest whether people could sign in now."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from grader.errors import GraderFault, UsageError
from grader.findings import Finding
from grader.serve.issuer_keys import IssuerKeys
from grader.serve.oidc_client import OidcClient
from grader.serve.provider_http import fetch
from grader.text import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.contest.provider_rules import OidcProvider
    from grader.contest.spec import ContestSpec


def check_providers(spec: ContestSpec, folder: Path) -> list[Finding]:
    """Return whether each one that contest.toml names answers with keys that can sign; nothing where it names none."""
    findings = []
    if provider := spec.oidc:
        findings.append(_finding("oidc", lambda: _oidc_keys(provider, folder)))
    findings += [
        _finding(f"lti {platform.issuer}", partial(_keys_at, platform.keys)) for platform in spec.lti
    ]
    return findings


def _oidc_keys(provider: OidcProvider, folder: Path) -> int:
    client = OidcClient(provider, folder, address="", clock=time.monotonic)
    return _keys_at(client.discover().keys)


def _keys_at(address: str) -> int:
    return IssuerKeys(partial(fetch, address), time.monotonic).count()


def _finding(name: str, count_keys: Callable[[], int]) -> Finding:
    try:
        keys = count_keys()
    except (GraderFault, UsageError) as error:
        return Finding(name, ok=False, detail=str(error))
    return Finding(name, ok=keys > 0, detail=f"answers, with {count(keys, 'key')} that can sign")
