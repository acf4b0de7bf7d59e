"""A site on a port of this machine, in a thread of the test."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from grader.contest.folder import Contest
from grader.contest.store import Store
from grader.serve.server import SiteServer, listen
from grader.serve.settings import ServeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sites import SmallSite


@contextmanager
def served(site: SmallSite, settings: ServeSettings | None = None) -> Iterator[str]:
    """Serve the contest of a small site, by its moved clocks, on a free port, and yield the address."""
    with listen(replace(settings or ServeSettings(), port=0)) as listening:
        settings = replace(settings or ServeSettings(), port=listening.getsockname()[1])
        store = Store(site.small.store.folder, site.small.clocks)
        server = SiteServer(Contest(store, site.small.contest.spec, site.small.contest.signer), settings)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield settings.address  # the socket takes connections already; they wait until the server has started
        finally:
            server.should_exit = True
            thread.join(60)
