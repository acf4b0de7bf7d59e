"""A small contest as a site for tests: its people, and a client that is signed in as one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contests import RULES, SmallContest, small_contest
from starlette.testclient import TestClient

from grader.contest.people import NewParticipant, Participant, enrol, new_token
from grader.serve.app import make_app
from grader.serve.publish import publish_tasks
from grader.serve.sessions import Sessions
from grader.serve.settings import ServeSettings

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2 as httpx
    from starlette.types import ASGIApp

    from grader.task.spec import Task

TASK = "toy_task"


@dataclass(frozen=True)
class SmallSite:
    """A site, and everybody in it by role; `bob` is a student of another team."""

    small: SmallContest
    people: dict[str, Participant]
    settings: ServeSettings
    app: ASGIApp

    def seconds(self) -> float:
        """Return the time as seconds since 1970, by the contest's clock."""
        return self.small.clocks().wall.timestamp()

    def client(self, who: str = "stranger", **headers: str) -> SiteClient:
        """Return a client that is signed in as somebody."""
        client = SiteClient(self)
        client.headers.update(headers)
        if who != "stranger":
            sessions = Sessions(self.small.store.folder, self.seconds)
            identity = sessions.open(self.people[who].id)
            session = sessions.find(identity)
            assert session is not None
            client.form_token = session.form_token
            client.cookies.set("session", identity)
        return client

    def token(self, who: str, task: str = TASK) -> str:
        """Return a new token of somebody."""
        with self.small.store.writing() as transaction:
            return new_token(transaction, self.people[who].id, task)


class SiteClient(TestClient):
    """A browser without scripts."""

    form_token = ""

    def __init__(self, site: SmallSite) -> None:
        super().__init__(site.app, base_url="http://127.0.0.1", follow_redirects=False)

    def fill(self, path: str, **fields: str) -> httpx.Response:
        """Send a form with the token of the session."""
        return self.post(path, data={"token": self.form_token, **fields})

    def hand_in(self, content: bytes, **fields: str) -> httpx.Response:
        """Send the form with a file."""
        data = {"token": self.form_token, **fields}
        return self.post(f"/task/{TASK}", data=data, files={"file": ("my.ipynb", content)})


def small_site(
    folder: Path, task: Task, *, rules: str = RULES, settings: ServeSettings | None = None
) -> SmallSite:
    """Start a contest of the toy task with two students, a viewer, a member of staff and an admin."""
    small = small_contest(folder, rules.replace('"toy_task"', f'"{task.folder}"'))
    with small.store.writing() as transaction:
        viewer, staff, admin = enrol(
            transaction,
            [
                NewParticipant("Vera", "3", role="viewer"),
                NewParticipant("Stan", "4", role="staff"),
                NewParticipant("Adele", "5", role="admin"),
            ],
        )
    publish_tasks(small.contest)
    people = {"student": small.ada, "bob": small.bob, "viewer": viewer, "staff": staff, "admin": admin}
    settings = settings or ServeSettings()
    return SmallSite(small, people, settings, make_app(small.contest, settings))
