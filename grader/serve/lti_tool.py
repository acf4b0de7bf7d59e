"""Be a tool of learning platforms: know them, their keys, and our own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from grader.serve.id_token import ExpectedToken, SignInFault, SignInRefused, verified_claims
from grader.serve.issuer_keys import IssuerKeys
from grader.serve.lti_launch import launch_of
from grader.serve.provider_http import fetch, with_fields
from grader.serve.tool_key import ToolKey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from grader.contest.provider_rules import LtiPlatform
    from grader.serve.lti_launch import LtiLaunch
    from grader.serve.pending_sign_ins import PendingSignIn

LAUNCH = "/lti/launch"
_MOST_LETTERS = 4096  # of a hint, which goes back as it came


class LtiTool:
    """A contest as a tool of platforms. May be used by several threads; `clock` only goes forward."""

    def __init__(
        self, platforms: Sequence[LtiPlatform], folder: Path, *, address: str, clock: Callable[[], float]
    ) -> None:
        self.platforms = {platform.key: platform for platform in platforms}
        self.key = ToolKey.of(folder)
        self._back = address + LAUNCH
        self._keys = {
            platform.key: IssuerKeys(partial(fetch, platform.keys), clock) for platform in platforms
        }

    def platform(self, fields: Mapping[str, str]) -> LtiPlatform:
        """Return the platform that begins a launch with these fields. Raises SignInRefused where there is no such."""
        client = fields.get("client_id", "")
        fitting = [
            platform
            for platform in self.platforms.values()
            if platform.issuer == fields.get("iss") and client in ("", platform.client_id)
        ]
        if len(fitting) != 1:
            raise SignInRefused(SignInFault.ISSUER)
        if fields.get("lti_deployment_id", fitting[0].deployments[0]) not in fitting[0].deployments:
            raise SignInRefused(SignInFault.DEPLOYMENT)
        return fitting[0]

    def start(self, platform: LtiPlatform, pending: PendingSignIn, hints: Mapping[str, str]) -> str:
        """Return the address at the platform that answers who somebody is; hints of the platform go back as they came."""
        fields = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": self._back,
            "state": pending.state,
            "nonce": pending.nonce,
        }
        given = {
            name: hints[name][:_MOST_LETTERS] for name in ("login_hint", "lti_message_hint") if name in hints
        }
        return with_fields(platform.login, fields | given)

    def launch(self, token: str, pending: PendingSignIn, *, now: float, tasks: Collection[str]) -> LtiLaunch:
        """Return who comes to which of `tasks`. Raises SignInRefused, and GraderFault where keys cannot be read."""
        platform = self.platforms[pending.provider]
        expected = ExpectedToken(platform.issuer, platform.client_id, pending.nonce)
        claims = verified_claims(token, expected, keys=self._keys[platform.key], now=now)
        return launch_of(claims, platform, tasks)
