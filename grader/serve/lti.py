"""Let people in who come from a learning platform (LTI 1.3), and remember where their grade belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse

from grader.contest.grade_lines import GradeLine, connect
from grader.contest.identities import ProviderIdentity, bind, person_bound, person_called
from grader.contest.people import NewParticipant, enrol
from grader.serve.id_token import SignInFault, SignInRefused
from grader.serve.lti_links import choice_of_links
from grader.serve.provider_cookie import set_state_cookie, take_pending
from grader.serve.sign_in import enter, refuse_sign_in

if TYPE_CHECKING:
    from starlette.responses import Response

    from grader.contest.people import Participant
    from grader.contest.provider_rules import LtiPlatform
    from grader.contest.store import Transaction
    from grader.serve.lti_launch import LtiLaunch
    from grader.serve.lti_tool import LtiTool
    from grader.serve.site import SiteVisit

WAY = "lti"


def lti_login(visit: SiteVisit) -> Response:
    """Begin a launch: send the browser back to its platform, with a state that it alone can bring back."""
    tool = _tool(visit)
    fields = {**visit.request.query_params, **visit.form}
    try:
        platform = tool.platform(fields)
    except SignInRefused as refused:
        return refuse_sign_in(visit, WAY, refused)
    pending = visit.site.pending.begin(platform.key)
    response = RedirectResponse(tool.start(platform, pending, fields), 303)
    set_state_cookie(visit, response, pending, crosses_sites=True)
    return response


def lti_launch(visit: SiteVisit) -> Response:
    """Open a session for whom the platform names, and lead to the task of the launch, or to the choice of a link."""
    tool = _tool(visit)
    try:
        platform, launch = _launched(visit, tool)
        with visit.writing() as transaction:
            person = _person(transaction, platform, launch)
            if launch.line:
                line = GradeLine(platform.key, launch.line, launch.subject, person.id, launch.task)
                connect(transaction, line)
        if launch.request:
            return choice_of_links(visit, tool, platform=platform, request=launch.request)
    except SignInRefused as refused:
        return refuse_sign_in(visit, WAY, refused)
    return enter(visit, person, f"/task/{launch.task}" if launch.task else "/")


def _launched(visit: SiteVisit, tool: LtiTool) -> tuple[LtiPlatform, LtiLaunch]:
    """Return what came back from which platform. Raises SignInRefused."""
    pending = take_pending(visit, visit.form.get("state", ""))
    if pending is None or pending.provider not in tool.platforms:
        raise SignInRefused(SignInFault.STATE)
    if "error" in visit.form:
        raise SignInRefused(SignInFault.DENIED)
    launch = tool.launch(
        visit.form.get("id_token", ""), pending, now=visit.site.seconds(), tasks=visit.site.tasks
    )
    return tool.platforms[pending.provider], launch


def lti_keys(visit: SiteVisit) -> Response:
    """Return our public key, with which platforms check who asks for their grades."""
    return JSONResponse(_tool(visit).key.published)


def _tool(visit: SiteVisit) -> LtiTool:
    if visit.site.lti is None:
        raise HTTPException(404)
    return visit.site.lti


def _person(transaction: Transaction, platform: LtiPlatform, launch: LtiLaunch) -> Participant:
    """Return who comes: whoever came under this subject before, or else a newcomer. Raises SignInRefused.

    Nobody becomes an organiser whom the platform does not call staff: whoever can type an organiser's address there is none.
    """
    identity = ProviderIdentity(platform.issuer, platform.client_id, launch.subject)
    person = person_bound(transaction, identity) or _newcomer(transaction, platform, launch)
    if person.is_organiser and launch.role != "staff":
        raise SignInRefused(SignInFault.ROLE)
    if launch.request and not person.is_organiser:
        raise SignInRefused(SignInFault.CHOICE)
    if not bind(transaction, identity, person):
        raise SignInRefused(SignInFault.OTHER_ACCOUNT, launch.who)
    return person


def _newcomer(transaction: Transaction, platform: LtiPlatform, launch: LtiLaunch) -> Participant:
    """Return whom the claim fits, or else who is enrolled, if the rules say so. Raises SignInRefused."""
    person = person_called(transaction, launch.who, matches=platform.matches)
    if person is None and platform.enrol:
        newcomer = NewParticipant(
            launch.name, f"{launch.subject} {platform.issuer}", launch.email, role=launch.role
        )
        (person,) = enrol(transaction, [newcomer])
    if person is None:
        raise SignInRefused(SignInFault.UNKNOWN_PERSON, launch.who or launch.name)
    return person


PAGES = {
    "lti_login": lti_login,
    "lti_login_form": lti_login,
    "lti_launch": lti_launch,
    "lti_keys": lti_keys,
}
