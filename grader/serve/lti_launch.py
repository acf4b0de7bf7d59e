"""Read what a launch by LTI 1.3 says: who comes from where, in which role, to which task, and where their grade belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grader.contest.provider_rules import named_address
from grader.serve.id_token import SignInFault, SignInRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from grader.contest.people import Role
    from grader.contest.provider_rules import LtiPlatform

_CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
_GRADES = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
SCORE_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
_STAFF = ("Instructor", "Administrator", "ContentDeveloper")
_MOST_LETTERS = 200  # of a name
_TASK_PAGE = "/task/"


@dataclass(frozen=True)
class LinkRequest:
    """Somebody on a platform wants to choose what a link there leads to (LTI Deep Linking 2.0).

    The answer goes to the address `back`, for the `deployment`, with the platform's own `data` if it sent some; `graded` is
    whether a link may come with a grade.
    """

    back: str
    deployment: str
    data: str | None
    graded: bool


@dataclass(frozen=True)
class LtiLaunch:
    """Somebody who comes from a platform, where they are called `subject`.

    `who` is the claim that finds them in the class list, `task` "" where the launch is about all of them, and `line` the
    address of their grade, "" where the platform wants none. With a `request` they come to choose a link.
    """

    subject: str
    who: str
    name: str
    email: str
    role: Role
    task: str
    line: str
    request: LinkRequest | None = None


def launch_of(claims: Mapping[str, Any], platform: LtiPlatform, tasks: Collection[str]) -> LtiLaunch:
    """Return the launch of which verified claims tell, to one of `tasks` or all. Raises SignInRefused where they tell of none."""
    if claims.get(_CLAIM + "deployment_id") not in platform.deployments:
        raise SignInRefused(SignInFault.DEPLOYMENT)
    request = _link_request(claims, platform)
    resource = _table(claims, _CLAIM + "resource_link").get("id")
    is_launch = claims.get(_CLAIM + "message_type") == "LtiResourceLinkRequest" and resource
    if claims.get(_CLAIM + "version") != "1.3.0" or not (is_launch or request):
        raise SignInRefused(SignInFault.MESSAGE)
    whole = _text(claims, "name") or f"{_text(claims, 'given_name')} {_text(claims, 'family_name')}".strip()
    return LtiLaunch(
        claims["sub"],
        _text(
            _table(claims, _CLAIM + "lis") if platform.claim == "person_sourcedid" else claims, platform.claim
        ),
        whole[:_MOST_LETTERS],
        _text(claims, "email")[:_MOST_LETTERS],
        _role(claims.get(_CLAIM + "roles")),
        _task(claims, tasks),
        "" if request else _grade_line(claims, platform),
        request,
    )


def _link_request(claims: Mapping[str, Any], platform: LtiPlatform) -> LinkRequest | None:
    """Return what is to be chosen, if anything is. Raises SignInRefused where we have no such thing, or cannot answer safely."""
    if claims.get(_CLAIM + "message_type") != "LtiDeepLinkingRequest":
        return None
    settings = _table(claims, _LINKING + "deep_linking_settings")
    kinds = settings.get("accept_types")
    try:
        back = named_address(_text(settings, "deep_link_return_url"), platform.token)
    except ValueError as error:
        raise SignInRefused(SignInFault.MESSAGE) from error
    if not isinstance(kinds, list) or "ltiResourceLink" not in kinds:
        raise SignInRefused(SignInFault.MESSAGE)
    data = settings.get("data")
    graded = settings.get("accept_lineitem") is not False
    return LinkRequest(
        back, claims[_CLAIM + "deployment_id"], data if isinstance(data, str) else None, graded
    )


def link_answer(platform: LtiPlatform, request: LinkRequest, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims with which a platform learns that `item` was chosen; whoever signs them adds times and nonce."""
    data = {} if request.data is None else {_LINKING + "data": request.data}
    return {
        "iss": platform.client_id,
        "aud": platform.issuer,
        _CLAIM + "deployment_id": request.deployment,
        _CLAIM + "message_type": "LtiDeepLinkingResponse",
        _CLAIM + "version": "1.3.0",
        _LINKING + "content_items": [item],
        **data,
    }


def _role(roles: Any) -> Role:
    """Return the role in the contest: that in the course counts, never one in the whole institution or platform."""
    listed = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    of_course = [
        role.removeprefix(f"{_MEMBERSHIP}#") for role in listed if role.startswith(f"{_MEMBERSHIP}#")
    ]
    sub_roles = [
        role.removeprefix(f"{_MEMBERSHIP}/").partition("#")[0]
        for role in listed
        if role.startswith(f"{_MEMBERSHIP}/")
    ]
    known = {*of_course, *sub_roles, *(role for role in listed if "/" not in role)}
    if known & set(_STAFF):
        return "staff"
    return "student" if "Learner" in known else "viewer"


def _task(claims: Mapping[str, Any], tasks: Collection[str]) -> str:
    """Return the task that the launch is about: by the custom parameter `task`, or by the path of the address it leads to."""
    named = _text(_table(claims, _CLAIM + "custom"), "task")
    path = urlsplit(_text(claims, _CLAIM + "target_link_uri")).path
    led = path.removeprefix(_TASK_PAGE) if path.startswith(_TASK_PAGE) else ""
    return next((task for task in (named, led) if task in tasks), "")


def _grade_line(claims: Mapping[str, Any], platform: LtiPlatform) -> str:
    """Return where the grade belongs, if the platform lets us write it to a safe address."""
    endpoint = _table(claims, _GRADES)
    scopes = endpoint.get("scope")
    if not isinstance(scopes, list) or SCORE_SCOPE not in scopes:
        return ""
    try:
        return named_address(_text(endpoint, "lineitem"), platform.token)
    except ValueError:
        return ""


def _table(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = claims.get(name)
    return value if isinstance(value, dict) else {}


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
