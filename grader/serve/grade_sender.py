"""Send points to learning platforms (LTI 1.3, Assignment and Grade Services 2.0): what fails is kept and tried again."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from grader.contest.grade_lines import due_grades, record_sent, record_unsent, settle, try_all_again
from grader.errors import GraderFault
from grader.serve.lti_launch import SCORE_SCOPE
from grader.serve.provider_http import send_form, send_json
from grader.serve.tool_key import ToolKey
from grader.text import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.contest.folder import ContestFolder
    from grader.contest.grade_lines import DueGrade
    from grader.contest.provider_rules import LtiPlatform

_POLL_SECONDS = 5.0
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
_USUAL_SECONDS, _SPARE_SECONDS = 3600.0, 60.0


@dataclass(frozen=True)
class SentGrades:
    """What came of sending: how many platforms took, and of how many they did not."""

    sent: int
    failed: int


class GradeSender:
    """Sends the points of a contest to those `platforms` that want them. Used by one thread."""

    def __init__(self, contest: ContestFolder, platforms: dict[str, LtiPlatform]) -> None:
        self._contest, self._platforms = contest, platforms
        self._key = ToolKey.of(contest.store.folder)
        self._tokens: dict[str, tuple[str, float]] = {}
        self._silent: dict[str, str] = {}  # platforms that gave no token in this round, and why
        self._after = 0

    def send(self, *, everything: bool = False) -> SentGrades:
        """Send what platforms should have and do not; `everything` also what failed a moment ago."""
        store = self._contest.store
        if everything:
            with store.writing() as transaction:
                try_all_again(transaction)
        with store.reading() as transaction:
            last = transaction.connection.execute("SELECT MAX(number) AS last FROM events").fetchone()["last"]
            due = due_grades(transaction, self._contest.spec, after=self._after, platforms=self._platforms)
            looked = transaction.moment
        with store.writing() as transaction:
            settle(transaction, looked)
        self._silent.clear()
        problems = [self._send(grade) for grade in due]
        self._after = last or 0  # not before: what a full disk interrupts is looked at again
        return SentGrades(problems.count(""), len(problems) - problems.count(""))

    def _send(self, due: DueGrade) -> str:
        """Send one grade and record what came of it; return the problem, "" without one."""
        try:
            self._post(due)
        except GraderFault as fault:
            self._tokens.pop(due.line.platform, None)  # it may have been that
            with self._contest.store.writing() as transaction:
                record_unsent(transaction, due, str(fault))
            return str(fault)
        with self._contest.store.writing() as transaction:
            record_sent(transaction, due)
        return ""

    def _post(self, due: DueGrade) -> None:
        score = {"userId": due.line.subject, "timestamp": self._contest.store.clocks().text, **_score(due)}
        token = self._token(self._platforms[due.line.platform])
        send_json(
            _scores(due.line.line), score, {"Authorization": f"Bearer {token}", "Content-Type": _SCORE_TYPE}
        )

    def _token(self, platform: LtiPlatform) -> str:
        """Return an access token of a platform, a new one if the last one is over. Raises GraderFault where it gives none.

        A platform that gave none is not asked again in this round: hundreds of grades would each wait for its silence, and
        the grades of other platforms behind them.
        """
        kept, until = self._tokens.get(platform.key, ("", float("-inf")))
        if time.monotonic() < until:
            return kept
        if problem := self._silent.get(platform.key):
            raise GraderFault(problem)
        try:
            return self._new_token(platform)
        except GraderFault as fault:
            self._silent[platform.key] = str(fault)
            raise

    def _new_token(self, platform: LtiPlatform) -> str:
        fields = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION,
            "client_assertion": self._key.assertion(platform.client_id, platform.token),
            "scope": SCORE_SCOPE,
        }
        answer = send_form(platform.token, fields).content
        token, seconds = answer.get("access_token"), answer.get("expires_in", _USUAL_SECONDS)
        if not isinstance(token, str) or not isinstance(seconds, (int, float)):
            raise GraderFault(f"{urlsplit(platform.token).hostname} gave no access token; try again later")
        self._tokens[platform.key] = token, time.monotonic() + seconds - _SPARE_SECONDS
        return token


def graded_platforms(contest: ContestFolder, *when: str) -> dict[str, LtiPlatform]:
    """Return the platforms that get grades at one of these times (verdict, command), by their keys."""
    return {platform.key: platform for platform in contest.spec.lti if platform.grades in when}


@contextlib.contextmanager
def sending_grades(contest: ContestFolder, on_notice: Callable[[str], None]) -> Iterator[None]:
    """Send grades after each verdict as long as the context lasts, where contest.toml asks for that."""
    platforms = graded_platforms(contest, "verdict")
    if not platforms:
        yield
        return
    stop = threading.Event()
    sender = GradeSender(contest, platforms)
    thread = threading.Thread(target=_send_until, args=(sender, stop, on_notice), name="grades", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_POLL_SECONDS)


def _send_until(sender: GradeSender, stop: threading.Event, on_notice: Callable[[str], None]) -> None:
    while not stop.wait(_POLL_SECONDS):
        try:
            sent = sender.send()
        except GraderFault as fault:  # of the contest's own disk
            on_notice(str(fault))
            continue
        if sent.failed:
            on_notice(f"{count(sent.failed, 'grade')} not sent, kept and tried again")


def _score(due: DueGrade) -> dict[str, str | float]:
    """Return the points and how far they are; a score without points clears those that the platform has (AGS 2.0, score publish service)."""
    if due.points is None:
        return {"activityProgress": "Initialized", "gradingProgress": "NotReady"}
    return {
        "scoreGiven": due.points,
        "scoreMaximum": due.most,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
    }


def _scores(line: str) -> str:
    """Return where the scores of a line item go: its path with /scores, before a query that it may have."""
    parts = urlsplit(line)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/scores"))
