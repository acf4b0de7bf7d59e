"""Let an instructor of a learning platform choose what a link there leads to: a task, or the contest (LTI Deep Linking 2.0).

Every choice is a form with its signed answer, so nothing has to be remembered between the page and the choice.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grader.serve.headers import policy_of_choice
from grader.serve.id_token import SignInFault, SignInRefused
from grader.serve.lti_launch import link_answer

if TYPE_CHECKING:
    from starlette.responses import Response

    from grader.contest.provider_rules import LtiPlatform
    from grader.serve.lti_launch import LinkRequest
    from grader.serve.lti_tool import LtiTool
    from grader.serve.site import SiteVisit

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-:\[\]]+")


@dataclass(frozen=True)
class OfferedLink:
    """Something to choose, and the signed answer that says so."""

    title: str
    answer: str


def choice_of_links(
    visit: SiteVisit, tool: LtiTool, *, platform: LtiPlatform, request: LinkRequest
) -> Response:
    """Return the page on which an instructor chooses. Raises SignInRefused where the platform's address is no usual one."""
    target, frame = _origin(request.back), _origin(platform.login)
    links = [
        OfferedLink(
            item["title"],
            tool.key.signed({**link_answer(platform, request, item), "nonce": secrets.token_urlsafe(16)}),
        )
        for item in _items(visit, graded=request.graded and platform.grades != "never")
    ]
    response = visit.page("lti_links.html", links=links, back=request.back)
    response.headers["Content-Security-Policy"] = policy_of_choice(target, frames=(target, frame))
    return response


def _items(visit: SiteVisit, *, graded: bool) -> list[dict[str, Any]]:
    """Return a content item for each task, and one for all of them, with a line for grades where they are wanted."""
    address, spec = visit.site.settings.address, visit.contest.spec
    items: list[dict[str, Any]] = []
    for name, task in visit.site.tasks.items():
        items.append(_item(task.title, f"{address}/task/{name}") | {"custom": {"task": name}})
        if graded:
            items[-1]["lineItem"] = {"label": task.title, "scoreMaximum": 100, "resourceId": name}
    whole = _item(spec.title, address)
    if graded:
        most = sum(task.worth for task in spec.tasks)
        whole["lineItem"] = {"label": spec.title, "scoreMaximum": most, "resourceId": "contest"}
    return [*items, whole]


def _item(title: str, url: str) -> dict[str, Any]:
    return {"type": "ltiResourceLink", "title": title, "url": url, "window": {"targetName": "_blank"}}


def _origin(address: str) -> str:
    """Return the origin of an address as a policy names it. Raises SignInRefused where it could be more than that."""
    parts = urlsplit(address)
    origin = f"{parts.scheme}://{parts.netloc}"
    if not _ORIGIN.fullmatch(origin):
        raise SignInRefused(SignInFault.MESSAGE)
    return origin
