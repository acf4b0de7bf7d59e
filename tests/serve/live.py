"""A site on a port of this machine, in a thread of the test."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from grader.contest.folder import Contest
from grader.contest.store import Store
from grader.serve.server import SiteServer
from grader.serve.settings import ServeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sites import SmallSite


@contextmanager
def served(site: SmallSite, settings: ServeSettings | None = None) -> Iterator[str]:
    """Serve the contest of a small site, by its moved clocks, and yield the address."""
    settings = replace(settings or ServeSettings(), port=_free_port())
    store = Store(site.small.store.folder, site.small.clocks)
    server = SiteServer(Contest(store, site.small.contest.spec, site.small.contest.signer), settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    assert server.started
    yield settings.address
    server.should_exit = True
    thread.join(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
