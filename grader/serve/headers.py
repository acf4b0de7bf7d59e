"""Put the same safe headers on every answer, and refuse requests that name another site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from grader.serve.settings import ServeSettings

_NOWHERE = ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")
_OWN = (
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
)
POLICY = "; ".join((*_NOWHERE, *_OWN))
# Of a feedback page, which stands alone and allows its one style by a hash besides.
FEEDBACK_POLICY = "; ".join((*_NOWHERE, "style-src 'unsafe-inline'", "img-src data:", "form-action 'none'"))


def policy_of_choice(target: str, *, frames: Sequence[str]) -> str:
    """Return the policy of a page whose forms go to the origin `target`, and that pages of the origins `frames` may show inside."""
    rules = ("default-src 'none'", "base-uri 'none'", f"frame-ancestors {' '.join(dict.fromkeys(frames))}")
    return "; ".join(
        (*rules, *(rule for rule in _OWN if not rule.startswith("form-action")), f"form-action {target}")
    )


_FIXED = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex",
}
_MOST_BYTES = 32 << 10  # of all headers of a request
_MOST_PATH = 1024  # bytes; a number of more digits than Python converts is none of ours
_HSTS = "max-age=31536000"


class SafeHeaders:
    """A layer around the site."""

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _FIXED.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if self._settings.is_encrypted:
                    headers["Strict-Transport-Security"] = _HSTS
            await send(message)

        if sum(len(name) + len(value) for name, value in scope["headers"]) > _MOST_BYTES:
            await PlainTextResponse("the headers are too large", 431)(scope, receive, send_safely)
            return
        if len(scope["path"]) > _MOST_PATH:
            await PlainTextResponse("the address is too long", 414)(scope, receive, send_safely)
            return
        if not self._settings.knows_host(Headers(scope=scope).get("host", "")):
            refusal = PlainTextResponse(
                "this site has another name; type the address that you were given", 400
            )
            await refusal(scope, receive, send_safely)
            return
        await self._app(scope, receive, send_safely)
