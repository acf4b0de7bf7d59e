"""The main flow in a real browser: sign in, hand in, follow the verdict, ask, and what organisers do; with scripts and without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from contests import RULES, result
from live import served
from provider import provider_on_a_port
from sites import TASK, SmallSite, small_site

from grader.contest import queue
from grader.contest.people import new_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from grader.task.spec import Task

    Enter = Callable[..., Page]

pytest_plugins = ["browser_fixtures"]
pytestmark = pytest.mark.slow

PHONE = {"width": 360, "height": 740}
DROP = """([name, text]) => {
  const files = new DataTransfer();
  files.items.add(new File([text], name));
  document.querySelector("[data-drop]").dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def site(tmp_path: Path, toy_task: Task) -> SmallSite:
    return small_site(tmp_path / "contest", toy_task)


@pytest.fixture
def enter(site: SmallSite, browser: Browser) -> Iterator[Enter]:
    """Give a function that opens a browser's context and signs somebody in; complaints of a page fail the test."""
    complaints: list[str] = []
    contexts = []
    with served(site) as address:

        def sign_in(who: str, **options: Any) -> Page:
            with site.small.store.writing() as transaction:
                code = new_code(transaction, site.people[who].id)
            context = browser.new_context(base_url=address, locale="en-US", **options)
            context.set_default_timeout(90_000)  # machines may be busy
            contexts.append(context)
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto("/")
            page.get_by_label("The code on your paper").fill(code)
            page.keyboard.press("Enter")
            page.wait_for_url(lambda url: "sign-in" not in url)
            return page

        yield sign_in
        for context in contexts:
            context.close()
    assert complaints == []


def grade(site: SmallSite, number: int) -> None:
    """Do what a worker does."""
    with site.small.store.writing() as transaction:
        queue.admit(transaction, number)
        (lease,) = queue.take(transaction, "worker", tasks=[TASK], most=1)
        queue.record_result(transaction, lease, result(points=73))


def test_a_student_signs_in_at_a_provider_and_comes_from_a_platform(
    tmp_path: Path, toy_task: Task, browser: Browser
) -> None:
    tables = '[oidc]\nissuer = "{0}"\nclient_id = "the contest"\n[[lti]]\nissuer = "{0}"\nclient_id = "the contest"\n'
    tables += 'deployments = ["d1"]\nlogin = "{0}/lti/auth"\nkeys = "{0}/keys"\ntoken = "{0}/lti/token"\n'
    with provider_on_a_port() as provider:
        provider.secret_by = "none"
        site = small_site(tmp_path / "contest", toy_task, rules=RULES + tables.format(provider.address))
        provider.now = site.seconds
        with site.small.store.writing() as transaction:
            transaction.connection.execute("UPDATE people SET email = lower(name) || '@example.org'")
        launch = f"/lti/login?iss={provider.address}&login_hint=7&lti_message_hint=a+%26+b"
        with served(site) as address:
            for begin, link, end in (
                ("/sign-in", "Sign in with single sign-on", "/tasks"),
                (launch, "Go", f"/task/{TASK}"),
            ):
                page = browser.new_context(base_url=address, locale="en-US").new_page()
                page.set_default_timeout(90_000)
                page.goto(begin)
                page.get_by_text(link).click()
                page.wait_for_url(f"**{end}")
                assert "Ada" in page.locator("footer").inner_text()
                page.context.close()


def test_a_student_drops_a_notebook_and_sees_the_verdict_come(site: SmallSite, enter: Enter) -> None:
    page = enter("student", viewport=PHONE)
    page.get_by_role("link", name="Toy: wrong labels").click()
    page.wait_for_url(f"**/task/{TASK}")
    page.evaluate(DROP, ["my work.ipynb", json.dumps({"cells": []})])
    page.get_by_role("button", name="Hand in").click()
    page.wait_for_url("**/attempt/1")
    assert "0 before it" in page.locator("#outcome").inner_text()
    grade(site, 1)
    page.get_by_text("73 of 100 points").wait_for()  # without a click
    page.get_by_text("Appeal against the verdict").click()
    page.get_by_label("What is wrong").fill("I think it deserves more.")
    page.get_by_role("button", name="Appeal").click()
    page.get_by_text("I think it deserves more.").wait_for()
    page.get_by_role("link", name="Leaderboard").click()
    assert "73" in page.get_by_role("row", name="Ada").inner_text()
    for path in ("/tasks", f"/task/{TASK}", "/attempt/1", "/board", "/questions"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    staff = enter("staff")
    staff.goto("/questions")
    staff.get_by_label("Answer", exact=True).fill("We looked again: 73 it is.")
    staff.get_by_role("button", name="Answer").click()
    staff.locator(".reply").wait_for()
    page.goto("/attempt/1")
    page.get_by_text("We looked again: 73 it is.").wait_for()


def test_all_works_without_scripts_and_by_keyboard(site: SmallSite, enter: Enter, tmp_path: Path) -> None:
    notebook = tmp_path / "my.ipynb"
    notebook.write_text("{}", encoding="utf-8")
    page = enter("student", java_script_enabled=False)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.goto(f"/task/{TASK}")
    page.get_by_label("Your notebook").set_input_files(notebook)
    page.get_by_role("button", name="Hand in").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/attempt/1")
    assert page.locator('meta[http-equiv="refresh"]').count() == 1  # the page follows by itself
    grade(site, 1)
    page.reload()
    assert "73 of 100 points" in page.locator("#outcome").inner_text()
    admin = enter("admin", java_script_enabled=False)
    admin.goto("/attempt/1")
    admin.get_by_label("Reason, which is kept").last.fill("copied from Bob")
    admin.get_by_role("button", name="Disqualify").click()
    admin.get_by_text("Take the disqualification back").first.wait_for()
    page.reload()
    assert "disqualified" in page.locator("#outcome").inner_text()
