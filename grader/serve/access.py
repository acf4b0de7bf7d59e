"""Decide who sees what: every route of the site, and how far it reaches for each role, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.contest.people import Participant


class Reach(StrEnum):
    """Whose things somebody reaches on a route: nobody's, their own team's, or everybody's."""

    NONE = "none"
    OWN = "own"
    ALL = "all"


@dataclass(frozen=True)
class SiteRoute:
    """One route. `name` finds what answers; `reaches` are of strangers, viewers, students, staff and admins."""

    name: str
    method: str
    path: str
    reaches: tuple[Reach, Reach, Reach, Reach, Reach]

    def reach(self, person: Participant | None) -> Reach:
        """Return how far the route reaches for somebody; None is a stranger."""
        return self.reaches[_COLUMNS.index(person.role if person else "stranger")]


_COLUMNS = ("stranger", "viewer", "student", "staff", "admin")
_LETTERS = {"-": Reach.NONE, "o": Reach.OWN, "A": Reach.ALL}


def _route(reaches: str, name: str, method: str, path: str) -> SiteRoute:
    stranger, viewer, student, staff, admin = (_LETTERS[letter] for letter in reaches)
    return SiteRoute(name, method, path, (stranger, viewer, student, staff, admin))


# Stranger, viewer, student, staff, admin: - nothing, o what is one's own or for everybody, A all.
ROUTES = (
    _route("AAAAA", "home", "GET", "/"),
    _route("AAAAA", "sign_in_page", "GET", "/sign-in"),
    _route("AAAAA", "sign_in", "POST", "/sign-in"),
    _route("AAAAA", "oidc_start", "GET", "/sign-in/oidc"),
    _route("AAAAA", "oidc_back", "GET", "/sign-in/oidc/back"),
    _route("AAAAA", "lti_login", "GET", "/lti/login"),
    _route("AAAAA", "lti_login_form", "POST", "/lti/login"),
    _route("AAAAA", "lti_launch", "POST", "/lti/launch"),
    _route("AAAAA", "lti_keys", "GET", "/lti/keys"),
    _route("AAAAA", "language", "GET", "/language/{language}"),
    _route("AAAAA", "static", "GET", "/static/{name}"),
    _route("AAAAA", "proof", "GET", "/proof"),
    _route("AAAAA", "submit", "PUT", "/submit/{task}"),  # for whom, its token says
    _route("-AAAA", "sign_out", "POST", "/sign-out"),
    _route("-AAAA", "tasks", "GET", "/tasks"),
    _route("-AAAA", "board", "GET", "/board"),
    _route("-oooo", "task", "GET", "/task/{task}"),
    _route("-oooo", "task_file", "GET", "/task/{task}/file/{name}"),
    _route("--ooo", "attempts", "GET", "/task/{task}/attempts"),
    _route("--ooo", "hand_in", "POST", "/task/{task}"),
    _route("--ooo", "new_token", "POST", "/task/{task}/token"),
    _route("--ooo", "revoke_tokens", "POST", "/tokens/revoke"),
    _route("--oAA", "attempt", "GET", "/attempt/{number:int}"),
    _route("--oAA", "attempt_file", "GET", "/attempt/{number:int}/file"),
    _route("--oAA", "feedback", "GET", "/attempt/{number:int}/feedback"),
    _route("--oAA", "receipt", "GET", "/attempt/{number:int}/receipt"),
    _route("--ooo", "choose", "POST", "/attempt/{number:int}/choose"),
    _route("--ooo", "appeal", "POST", "/attempt/{number:int}/appeal"),
    _route("--oAA", "questions", "GET", "/questions"),
    _route("--ooo", "ask", "POST", "/questions"),
    _route("---AA", "queue", "GET", "/organise/queue"),
    _route("---AA", "decide", "POST", "/organise/attempt/{number:int}"),
    _route("----A", "disqualify", "POST", "/organise/attempt/{number:int}/disqualify"),
    _route("---AA", "progress", "GET", "/organise/progress"),
    _route("---AA", "people", "GET", "/organise/people"),
    _route("---AA", "extend", "POST", "/organise/extend"),
    _route("----A", "new_code", "POST", "/organise/code"),
    _route("---AA", "rejudge_page", "GET", "/organise/rejudge"),
    _route("----A", "rejudge", "POST", "/organise/rejudge"),
    _route("---AA", "answer", "POST", "/organise/answer"),
    _route("---AA", "announce", "POST", "/organise/announce"),
)
