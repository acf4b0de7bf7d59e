"""Whatever a client sends, the site answers with a page or a refusal, and never fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sites import TASK, SmallSite, small_site

from grader.serve.access import ROUTES

if TYPE_CHECKING:
    from grader.task.spec import Task

CHANGES_WHO_IS_IN = {"sign_out", "new_code", "sign_in"}
TEXTS = st.text(max_size=40)
NUMBERS = st.sampled_from(["1", "2", "0", "9" * 30])
NAMES = st.sampled_from([TASK, "toy_task.ipynb", "site.css", "de", "..", "%00", "%2e%2e%2f", "a b"])
FIELDS = st.sampled_from(
    ["text", "task", "reason", "decision", "person", "until", "question", "public", "action", "disqualified"]
)
VALUES = st.one_of(
    TEXTS, st.sampled_from([TASK, "requeue", "hold", "start", "apply", "2026-11-30T15:00", "yes", "1"])
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, toy_task: Task) -> SmallSite:
    site = small_site(tmp_path_factory.mktemp("any") / "contest", toy_task)
    site.small.hand_in(site.small.ada)
    return site


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_request_makes_the_site_fail(site: SmallSite, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from([route for route in ROUTES if route.name not in CHANGES_WHO_IS_IN]))
    client = site.client(data.draw(st.sampled_from(["stranger", "viewer", "student", "staff", "admin"])))
    path = re.sub(
        r"\{([^}]+)\}", lambda found: data.draw(NUMBERS if "int" in found[1] else NAMES), route.path
    )
    method = data.draw(st.sampled_from([route.method, route.method, "GET", "POST", "PUT"]))
    headers = {"Authorization": f"Bearer {data.draw(st.sampled_from(['', 'x', site.token('student')]))}"}
    if data.draw(st.booleans()):
        fields = data.draw(st.dictionaries(FIELDS, VALUES, max_size=6))
        answer = client.request(method, path, data={"token": client.form_token, **fields}, headers=headers)
    else:
        kind = data.draw(
            st.sampled_from(["multipart/form-data; boundary=x", "multipart/form-data", "", "text/plain"])
        )
        answer = client.request(method, path, content=data.draw(st.binary(max_size=200)), headers=headers | {"Content-Type": kind})  # fmt: skip
    assert answer.status_code < 500
