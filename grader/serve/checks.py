"""Refuse forms that another site sent in the name of somebody who is signed in here."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from grader.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.serve.site import SiteVisit

_FOREIGN = "another site sent this form; open the page yourself and try again"


def check_same_origin(visit: SiteVisit) -> None:
    """Raise UsageError where another site's page sent this form, as far as the browser tells."""
    headers = visit.request.headers
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise UsageError(_FOREIGN)
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise UsageError(_FOREIGN)


def check_form_token(visit: SiteVisit, form: Mapping[str, str]) -> None:
    """Raise UsageError where a form of somebody who signed in does not have the token of their session."""
    if visit.session is None:
        return
    if not hmac.compare_digest(form.get("token", "").encode(), visit.session.form_token.encode()):
        raise UsageError("the page was too old; load it again and repeat")
