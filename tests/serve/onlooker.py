"""Somebody who looks at the leaderboard of a contest in trouble, and notes how old it is."""

from __future__ import annotations

import bisect
import contextlib
import http.client
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from grader.contest.folder import Contest

_COUNT_SECONDS, _LOOK_SECONDS, _ANSWER_SECONDS = 0.2, 5.0, 60.0
_WITHOUT = '<td class="right">-</td>'  # of a team without a verdict


@dataclass
class Onlooker:
    """Reads the leaderboard of a contest of one task over HTTP, by the code of somebody in it.

    `ages` are those of each page that arrived: the seconds since the first verdict of a team that it does not show.
    """

    port: int
    contest: Contest
    code: str
    ages: list[float] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)  # when there were so many teams with a verdict
    _counts: list[int] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._count, self._read)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _count(self) -> None:
        query = "SELECT COUNT(DISTINCT team) FROM verdicts JOIN submissions ON number = submission"
        while not self._over.wait(_COUNT_SECONDS):
            with self.contest.store.reading() as transaction:
                (teams,) = transaction.connection.execute(query).fetchone()
            if not self._counts or teams > self._counts[-1]:
                self._times.append(time.monotonic())
                self._counts.append(teams)

    def _read(self) -> None:
        address = f"http://127.0.0.1:{self.port}"
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        while not self._over.wait(_LOOK_SECONDS):
            with contextlib.suppress(OSError, http.client.HTTPException):  # the site was killed
                page = browser.open(f"{address}/board", timeout=_ANSWER_SECONDS).read().decode()
                if 'id="board"' in page:
                    self._note(page)
                else:
                    form = urllib.parse.urlencode({"code": self.code}).encode()
                    browser.open(f"{address}/sign-in", form, timeout=_ANSWER_SECONDS)

    def _note(self, page: str) -> None:
        now = time.monotonic()
        shown = page.count('<th scope="row"') - page.count(_WITHOUT)
        unseen = bisect.bisect_right(self._counts, shown)
        self.ages.append(now - self._times[unseen] if unseen < len(self._times) else 0.0)
