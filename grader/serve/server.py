"""Run the site with uvicorn, within limits of headers, connections and time."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from grader.errors import UsageError
from grader.serve.app import make_app

if TYPE_CHECKING:
    import asyncio

    from grader.contest.folder import Contest
    from grader.serve.settings import ServeSettings

HEADER_SECONDS = 15.0
_HEADER_BYTES = 32 << 10
_CONNECTIONS = 4000
_BACKLOG = 2048
_KEPT_SECONDS = 20  # that a connection stays open without a request
_LAST_SECONDS = 20  # for uploads that are under way when the site stops


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that gives up a client whose headers do not come in time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._waits: asyncio.TimerHandle | None = None
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        """Take bytes; where they end within the headers, these have to come in time."""
        super().data_received(data)
        self._wait_for_headers()

    def on_response_complete(self) -> None:
        """Wait for the next request of the same connection."""
        super().on_response_complete()
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._waits:
            self._waits.cancel()
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        between = self.cycle is None or self.cycle.response_complete
        if between and self._waits is None:
            self._waits = self.loop.call_later(HEADER_SECONDS, self._give_up)
        elif not between and self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _give_up(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.close()


class SiteServer(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    def __init__(self, contest: Contest, settings: ServeSettings, **changes: Any) -> None:
        super().__init__(server_config(contest, settings, **changes))


def server_config(contest: Contest, settings: ServeSettings, **changes: Any) -> uvicorn.Config:
    """Return how uvicorn serves a contest. Raises UsageError where the settings do not fit together."""
    settings.check()
    known: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "http": PatientProtocol,
        "ws": "none",
        "lifespan": "off",
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "date_header": True,
        "h11_max_incomplete_event_size": _HEADER_BYTES,
        "limit_concurrency": _CONNECTIONS,
        "timeout_keep_alive": _KEPT_SECONDS,
        "timeout_graceful_shutdown": _LAST_SECONDS,
        "proxy_headers": bool(settings.url),
        "forwarded_allow_ips": "127.0.0.1,::1",
        "ssl_certfile": settings.cert,
        "ssl_keyfile": settings.key,
    }
    config = uvicorn.Config(make_app(contest, settings), **known | changes)
    try:
        config.load()
    except OSError as error:  # of the certificate
        raise UsageError(f"{settings.cert} or {settings.key} cannot be used: {error}") from error
    return config


def listen(settings: ServeSettings) -> socket.socket:
    """Return a socket that takes connections of the site. Raises UsageError where the port is not free."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UsageError(
            f"{settings.host}:{settings.port} cannot be served on: {error.strerror or error}; choose another --port"
        ) from error
