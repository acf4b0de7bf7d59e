"""Hold what every page needs: the contest, its settings, sessions, templates, and one visit to the site."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from anyio import CapacityLimiter
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from grader.errors import UsageError
from grader.languages import LANGUAGES, Translator
from grader.report.page_renderer import STYLE
from grader.serve.board_file import BoardFile
from grader.serve.limits import WRONG_TOKENS, RouteThrottles
from grader.serve.lti_tool import LtiTool
from grader.serve.oidc_client import OidcClient
from grader.serve.pending_sign_ins import PendingSignIns
from grader.serve.public import public_tasks
from grader.serve.sessions import Sessions
from grader.serve.throttle import PER_ADDRESS, PER_CODE, REFUSALS, Throttle
from grader.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request

    from grader.contest.folder import Contest
    from grader.contest.people import Participant
    from grader.contest.store import Transaction
    from grader.serve.access import Reach
    from grader.serve.public import PublicTask
    from grader.serve.sessions import Session
    from grader.serve.settings import ServeSettings

_HERE = Path(__file__).parent
_CODES_AT_A_TIME = 2  # to check one takes 50 ms of a core and 64 MB
_PROVIDERS_AT_A_TIME = 8  # a provider that does not answer holds no more threads than these


class Site:
    """A contest as it is served: made once, used by all threads."""

    def __init__(self, contest: Contest, settings: ServeSettings) -> None:
        self.contest, self.settings = contest, settings
        self.sessions = Sessions(contest.store.folder, self.seconds)
        self.by_address = Throttle(PER_ADDRESS, time.monotonic)
        self.by_code = Throttle(PER_CODE, time.monotonic)
        self.limits = RouteThrottles(time.monotonic)
        self.wrong_tokens = Throttle(WRONG_TOKENS, time.monotonic)
        self.refusals = Throttle(REFUSALS, time.monotonic)
        self.checking = CapacityLimiter(_CODES_AT_A_TIME)  # who waits for it holds no thread
        self.asking = CapacityLimiter(_PROVIDERS_AT_A_TIME)
        self.pending = PendingSignIns(time.monotonic)
        self.oidc = _oidc_client(contest, settings)
        self.lti = _lti_tool(contest, settings)
        self.templates = _environment()
        self.board = BoardFile(contest.store.folder)

    @cached_property
    def tasks(self) -> dict[str, PublicTask]:
        """The published tasks."""
        return public_tasks(self.contest.store.folder, self.contest.spec)

    @cached_property
    def assets(self) -> dict[str, tuple[str, str]]:
        """Style and script: kind and text, by name."""
        style = STYLE.read_text(encoding="utf-8") + (_HERE / "static" / "site.css").read_text(
            encoding="utf-8"
        )
        script = (_HERE / "static" / "site.js").read_text(encoding="utf-8")
        return {"site.css": ("text/css", style), "site.js": ("text/javascript", script)}

    def seconds(self) -> float:
        """Return the time as seconds since 1970, by the contest's clock."""
        return self.contest.store.clocks().wall.timestamp()


@dataclass(frozen=True)
class SiteVisit:
    """One request: who asks, how far the route reaches for them, in which language, with which fields of a form."""

    site: Site
    request: Request
    person: Participant | None
    session: Session | None
    reach: Reach
    translate: Translator
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def contest(self) -> Contest:
        """The contest that is visited."""
        return self.site.contest

    @property
    def somebody(self) -> Participant:
        """Who asks, on a route that strangers do not reach."""
        assert self.person is not None
        return self.person

    @property
    def address(self) -> str:
        """The network address that the request came from."""
        return self.request.client.host if self.request.client else ""

    @property
    def tasks(self) -> dict[str, PublicTask]:
        """The published tasks, in the visitor's language where they have it."""
        return {name: task.in_language(self.translate.language) for name, task in self.site.tasks.items()}

    def reading(self) -> contextlib.AbstractContextManager[Transaction]:
        """Enter a transaction that reads."""
        return self.contest.store.reading()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Enter a transaction that writes."""
        with self.contest.store.writing() as transaction:
            yield transaction

    def path(self, name: str) -> Any:
        """Return a part of the address that the route names."""
        return self.request.path_params[name]

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page."""
        return HTMLResponse(self.rendered(template, **values), status)

    def rendered(self, template: str, **values: Any) -> str:
        """Return a template as text, with what all pages need."""
        return self.site.templates.get_template(template).render(
            t=self.translate,
            visit=self,
            person=self.person,
            token=self.session.form_token if self.session else "",
            contest=self.contest.spec,
            languages=LANGUAGES,
            tasks=self.tasks,
            provider=self.contest.spec.oidc.name if self.contest.spec.oidc else "",
            here=self.request.url.path,
            banner=self.site.settings.shows_banner,
            clock=self.clock,
            points=self.points,
            **values,
        )

    def back(self, path: str) -> Response:
        """Return what leads a browser to another page after a form."""
        return RedirectResponse(path, 303)

    def clock(self, moment: datetime | str) -> str:
        """Return a time as it reads on the clocks of the visitor's group."""
        time_ = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        zone = self.contest.spec.zone_of(self.person.group if self.person else "")
        return f"{time_.replace(tzinfo=time_.tzinfo or UTC).astimezone(zone):%Y-%m-%d %H:%M %Z}"

    def points(self, points: int | None) -> str:
        """Return points as a team may see its own: as coarse as on the board, so that nobody sounds out hidden data."""
        if points is None:
            return "-"
        is_exact = self.person is not None and self.person.is_organiser
        return str(points if is_exact else self.contest.spec.leaderboard.coarse(points))


def _oidc_client(contest: Contest, settings: ServeSettings) -> OidcClient | None:
    provider = contest.spec.oidc
    if provider is None:
        return None
    _check_encrypted(settings, "[oidc]")
    return OidcClient(provider, contest.store.folder, address=settings.address, clock=time.monotonic)


def _lti_tool(contest: Contest, settings: ServeSettings) -> LtiTool | None:
    if not contest.spec.lti:
        return None
    _check_encrypted(settings, "[[lti]]")
    return LtiTool(contest.spec.lti, contest.store.folder, address=settings.address, clock=time.monotonic)


def _check_encrypted(settings: ServeSettings, table: str) -> None:
    if not (settings.is_encrypted or settings.is_local):
        raise UsageError(
            f"{table} needs https; give --cert and --key, or put a proxy before the site (--url)"
        )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters["ours"] = Markup  # only for statements and drawings that we made
    return environment
