"""State where a contest is served, and refuse what would send codes in the clear over a network."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from grader.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ServeSettings:
    """Where a contest is served.

    `url` is the address that people type where a proxy stands before the site, such as https://contest.example.org; its
    X-Forwarded headers are believed then, from this machine alone. `cert` and `key` are PEM files. `insecure_lan` allows
    plain http to other machines, with a banner on every page.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    url: str = ""
    cert: Path | None = None
    key: Path | None = None
    insecure_lan: bool = False

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the site."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_encrypted(self) -> bool:
        """Whether browsers reach the site by https."""
        return self.cert is not None or self.url.startswith("https://")

    @property
    def shows_banner(self) -> bool:
        """Whether pages say that others of the network can read along."""
        return not self.is_encrypted and not self.is_local

    @property
    def address(self) -> str:
        """What people type."""
        if self.url:
            return self.url.rstrip("/")
        host = _own_address() if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 -- compared, not bound
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self.cert else 'http'}://{shown}:{self.port}"

    def check(self) -> None:
        """Raise UsageError where these settings do not fit together, or would send codes unencrypted."""
        if (self.cert is None) != (self.key is None):
            raise UsageError("--cert and --key belong together; give both")
        if self.url and urlsplit(self.url).scheme not in ("http", "https"):
            raise UsageError(f"--url {self.url} is no address; write one such as https://contest.example.org")
        if self.url and not self.is_local:
            raise UsageError("with --url the site has to be reached through the proxy alone; omit --host")
        if not self.is_local and not self.is_encrypted and not self.insecure_lan:
            raise UsageError(
                "codes would cross the network unencrypted; give --cert and --key, put a proxy before the site (--url), "
                "or allow it with --insecure-lan"
            )

    def knows_host(self, host: str) -> bool:
        """Return whether the Host header of a request names this site: else some other page's name leads here."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        names = {"localhost", self.host, urlsplit(self.url).hostname, socket.gethostname().lower()}
        return name in names | {f"{socket.gethostname().lower()}.local"} or (
            not self.url and _is_address(name)
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_address() -> str:
    """Return the address of this machine in its network; no packet is sent for that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
