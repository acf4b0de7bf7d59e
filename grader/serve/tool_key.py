"""Keep the key with which a contest proves to learning platforms who it is; they read the public half from the site."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from grader.contest.receipts import write_once
from grader.errors import UsageError
from grader.files import READ, WRITTEN, reporting_os_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOOL_KEY_FILE = "lti.key"
_BITS = 2048
_GOOD_SECONDS = 300


class ToolKey:
    """An RSA key. It is in no backup: platforms find a new one by its name."""

    def __init__(self, key: RSAKey) -> None:
        self._key = key
        key.ensure_kid()

    @classmethod
    def of(cls, folder: Path) -> ToolKey:
        """Return the key of a contest's folder, which is drawn once (mode 600). Raises UsageError where that fails."""
        path = folder / TOOL_KEY_FILE
        with reporting_os_errors(WRITTEN, path):
            if not path.exists():
                write_once(path, RSAKey.generate_key(_BITS).as_pem(private=True))
        with reporting_os_errors(READ, path):
            content = path.read_bytes()
        try:
            return cls(RSAKey.import_key(content))
        except (JoseError, ValueError) as error:
            raise UsageError(f"{path} is damaged; delete it, and a new key is drawn") from error

    @property
    def published(self) -> dict[str, Any]:
        """The public half as a set of keys (JWKS)."""
        public = {
            name: value for name, value in self._key.as_dict(private=False).items() if name != "key_ops"
        }
        return {"keys": [{**public, "alg": "RS256", "use": "sig"}]}

    def assertion(self, client_id: str, audience: str) -> str:
        """Return a signed statement that we are `client_id` (RFC 7523), good for some minutes at `audience`, once."""
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": secrets.token_urlsafe(16)}
        return self.signed(claims)

    def signed(self, claims: Mapping[str, Any]) -> str:
        """Return a signed token of claims, good for some minutes."""
        now = int(time.time())
        timed = {**claims, "iat": now, "exp": now + _GOOD_SECONDS}
        return jwt.encode({"alg": "RS256", "kid": self._key.kid, "typ": "JWT"}, timed, self._key)
