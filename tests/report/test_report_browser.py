"""The report works in a real browser, from the disk, and asks nobody for anything."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
from published import course, enrol

from grader.errors import Verdict
from grader.gradebook.gradebook import Adjustment, writing
from grader.gradebook.late import LateRule
from grader.report.pages import write_public, write_report
from grader.task.spec import load_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Request, Response

    Open = Callable[..., Page]

pytest_plugins = ["browser_fixtures"]
pytestmark = pytest.mark.slow

PLANTED = "<script>window.planted = 1</script><img src=x onerror='window.planted = 2'><svg onload='window.planted = 3'>"
SLOT = f"""def your_select_indices(targets, losses):
    '''{PLANTED}'''
    chosen = []
    for loss in losses:
        order = loss.argsort()
        keep = max(1, int(0.7 * len(order)))
        chosen.append(order[:keep])
    return chosen[::-1]  # a line that is longer than a telephone is wide, and then some more words, and more
"""
RENAMED = SLOT.replace("chosen", "out").replace("order", "o").replace("keep", "k")
LOG = [
    f"epoch {step}: kept 90% of label 0 and {60 - 7 * step}% of label 1,  {2.4 * step:.1f} s"
    for step in range(1, 7)
]
HISTORY: dict[str, Any] = {
    "x": {"name": "epoch", "values": [1, 2, 3, 4, 5, 6]},
    "series": {
        "share of label 1 kept": [0.53, 0.46, 0.39, 0.32, 0.25, 0.18],
        "mean loss": [0.7, 0.6, 0.5, 0.5, 0.4, 0.4],
    },
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PHONE = {"width": 360, "height": 740}
TABLET = {"width": 768, "height": 1024}
WIDE = {"width": 1200, "height": 900}

# The lowest contrast of a text with what is behind it, in the order of WCAG 2.1, and where.
CONTRAST = """() => {
  const channels = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (top, bottom) => [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(channels(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), channels("Canvas"));
  };
  let worst = [99, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.textContent.trim() || !parent.checkVisibility() || parent.closest("title, script, style, .hidden, option")) continue;
    const style = getComputedStyle(parent);
    const back = behind(parent);
    const front = over(channels(parent.closest("svg") ? style.fill : style.color), back);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < worst[0]) worst = [ratio, `${parent.tagName} ${parent.className} ${node.textContent.trim().slice(0, 40)}`];
  }
  return worst;
}"""


@pytest.fixture(scope="module")
def results(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001 -- nothing is made without it
    """The reports of two tasks, with everything planted that a student can plant."""
    out, task, other = (
        tmp_path_factory.mktemp("course") / "results",
        load_task("noisy_labels"),
        load_task("image_al"),
    )
    with course(out, task) as made:
        made.scored(
            "ada", SLOT, recalls=(0.95, 0.8), printed=PLANTED, edited=f"# {PLANTED}\n", log=LOG, picture=PIXEL,
            histories=[{**HISTORY, "series": {**HISTORY["series"], PLANTED[:80]: [1, 2, 3, 4, 5, 6]}}] * 3,
        )  # fmt: skip
        made.scored(
            "bob", SLOT, recalls=(0.6, 0.62), submitted="2026-03-01T10:00:00+00:00", histories=[HISTORY] * 3
        )
        made.scored("cyd", RENAMED, recalls=(0.8, 0.7), penalties=[PLANTED], log=[*LOG, PLANTED])
        trace = f"your solution, line 6, in your_select_indices\n    {PLANTED}\nIndexError: {PLANTED}"
        made.failed(
            "dan",
            Verdict.SLOT_ERROR,
            f"your_select_indices raised {PLANTED}",
            slot=SLOT,
            traceback=trace,
            printed="x" * 400,
        )
        made.failed("eve", Verdict.INVALID_NOTEBOOK, "The file is not JSON.")
        made.failed("fay", Verdict.GRADER_ERROR, PLANTED)
        for number in range(30):
            made.scored(f"student_with_a_long_name_{number}", recalls=(0.5 + 0.01 * number, 0.6))
    with course(out, other) as made:
        made.scored("bob", "def query(a):\n    return a\n", recalls=(0.99, 0.99))
    enrol(out, [("ada", f"Ada {PLANTED}", "", "A"), ("bob", "Bob Rule", "", f"B {PLANTED}")])
    enrol(
        out,
        [
            ("student_with_a_long_name_5", f"Cyd {'Featherstonehaugh' * 3}", "", ""),
            ("zoe", f"Zoe {PLANTED}", "", ""),
        ],
    )
    with writing(out) as book:
        book.set_late_rule(task.id, LateRule.parse("2026-02-27T12:00+00:00", "-10%/day"))
        book.adjust(Adjustment(task.id, "ada", 77, f"ill {PLANTED}"))
        book.expect(task.id, ["ada", "bob", "zoe"])
    tasks = {task.id: task, other.id: other}
    write_report(out, tasks)
    write_public(out, tasks)
    return out


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Give a function that opens a file; at the end nothing must have gone wrong, run, or left the page."""
    said: list[str] = []
    pages: list[Page] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            said.append(f"request: {request.url}")

    def opened(path: Path, **settings: Any) -> Page:
        page = browser.new_context(**{"viewport": WIDE, **settings}).new_page()
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on("request", note)
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield opened
    for page in pages:
        if page.context.pages:
            assert not page.url.startswith("file:") or page.evaluate("window.planted") is None
        page.context.close()
    assert said == []


def index_of(results: Path) -> Path:
    return results / "report" / "index.html"


def feedback_of(results: Path, student: str) -> Path:
    (path,) = (results / "report" / "feedback").glob(f"{student}-1-*.html")
    return path


def every_page(results: Path) -> list[Path]:
    pages = [
        feedback_of(results, student)
        for student in ("ada", "bob", "cyd", "dan", "eve", "fay")
        if student != "bob"
    ]
    return [
        index_of(results),
        results / "report" / "similar.html",
        results / "report_public" / "index.html",
        *pages,
    ]


def column(page: Page, place: int) -> list[str]:
    cells = page.locator(f"#task-noisy_labels [data-board] tbody tr:not([hidden]) > :nth-child({place})")
    return [" ".join(text.split()) for text in cells.all_inner_texts()]


def shown(page: Page) -> list[str]:
    return column(page, 2)


def test_a_click_sorts_by_a_column_and_a_second_one_turns_the_order_around(
    results: Path, open_page: Open
) -> None:
    page = open_page(index_of(results))
    board = page.locator("#task-noisy_labels")
    before = shown(page)
    head = board.get_by_role("columnheader", name="Points")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    points = [int(found[0]) for text in column(page, 4) if (found := re.match(r"\d+", text))]
    assert len(points) == 35
    assert points == sorted(points, reverse=True)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert shown(page)[-1] == "fay"  # who has no points comes last, either way
    board.get_by_role("columnheader", name="Student").get_by_role("button").click()
    assert shown(page) == sorted(before, key=str.casefold)
    assert head.get_attribute("aria-sort") is None
    board.get_by_role("columnheader", name="Rank").get_by_role("button").click()
    assert shown(page) == before


def test_the_board_is_sorted_with_the_keyboard_alone(results: Path, open_page: Open) -> None:
    page = open_page(index_of(results))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(60):
        page.keyboard.press("Tab")
        if (
            page.evaluate("document.activeElement.closest('#task-noisy_labels th')?.textContent ?? ''")
            == "Student"
        ):
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert shown(page) == sorted(shown(page), key=str.casefold)
    page.keyboard.press("Space")
    assert shown(page) == sorted(shown(page), key=str.casefold, reverse=True)


def test_a_word_and_a_verdict_filter_the_board_and_the_count_is_said(results: Path, open_page: Open) -> None:
    page = open_page(index_of(results))
    board = page.locator("#task-noisy_labels")
    board.get_by_label("Find a student").fill("RULE bob")
    assert shown(page) == ["Bob Rule bob late"]
    assert board.locator("output").inner_text() == "1 of 36 students"
    assert board.locator("output").get_attribute("aria-live") == "polite"
    board.get_by_label("Find a student").fill("")
    board.get_by_role("combobox", name="Verdict").select_option("slot_error")
    assert shown(page) == ["dan"]
    board.get_by_role("combobox", name="Verdict").select_option("")
    assert board.locator("output").inner_text() == "36 students"


def test_a_student_is_found_by_the_pseudonym(results: Path, open_page: Open) -> None:
    page = open_page(feedback_of(results, "cyd"))
    name = page.locator("footer strong").inner_text()
    page = open_page(index_of(results))
    page.locator("#task-noisy_labels").get_by_label("Find a student").fill(name)
    assert shown(page) == ["cyd"]


def test_without_script_the_board_is_complete_and_by_rank(results: Path, open_page: Open) -> None:
    page = open_page(index_of(results), java_script_enabled=False)
    assert len(shown(page)) == 36
    assert shown(page)[0].startswith("Ada ")
    assert not page.get_by_label("Find a student").first.is_visible()
    page.context.close()


def test_a_feedback_page_opens_from_the_board(results: Path, open_page: Open) -> None:
    page = open_page(index_of(results))
    page.locator("#task-noisy_labels").get_by_role("link", name="dan", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/feedback/dan-1-*.html")
    assert page.get_by_role("heading", level=1).inner_text() == "Noise in Data Labels"
    assert "Your code raised an exception." in page.get_by_role("main").inner_text()
    failed = page.locator(".line.failed")
    assert failed.get_attribute("data-number") == "6"
    assert "keep = max" in failed.inner_text()


def test_the_total_over_tasks_is_a_board_of_its_own(results: Path, open_page: Open) -> None:
    page = open_page(index_of(results))
    total = page.locator("#total")
    assert total.locator("tbody th").first.inner_text().split() == ["Bob", "Rule", "bob"]
    total.get_by_role("columnheader", name="Student").get_by_role("button").click()
    assert total.locator("tbody th").first.inner_text().startswith("Ada ")


def test_what_was_planted_stays_text(results: Path, open_page: Open) -> None:
    for path in every_page(results):
        page = open_page(path)
        assert page.locator("script").count() == (path.name == "index.html")
        assert page.locator("img[src=x], [onload], [onerror]").count() == 0
        if path.parent.name == "feedback" and path.name[:3] in {"ada", "dan"}:
            assert PLANTED in page.locator("pre.code").inner_text()


def test_the_policy_stops_what_would_get_past_the_escaping(
    results: Path, browser: Browser, tmp_path: Path
) -> None:
    bad = (
        "<script>window.planted = 1</script><img src=x onerror='window.planted = 2'><p id=p style='color: red'>p</p>"
        "<img src='https://example.invalid/x.png'><style>p { color: red }</style><iframe src='https://example.invalid'></iframe>"
        "<script src='https://example.invalid/x.js'></script>"
    )
    for source in (index_of(results), feedback_of(results, "eve")):
        path = tmp_path / source.name
        path.write_text(
            source.read_text(encoding="utf-8").replace("<header>", f"{bad}<header>"), encoding="utf-8"
        )
        page = browser.new_page()
        answered: list[str] = []

        def note(response: Response, answered: list[str] = answered) -> None:
            answered.append(response.url)

        page.on("response", note)
        page.goto(path.as_uri())
        assert page.evaluate("window.planted") is None
        assert page.evaluate("getComputedStyle(document.querySelector('#p')).color") != "rgb(255, 0, 0)"
        assert answered == [path.as_uri()]
        page.close()


@pytest.mark.parametrize(
    "size",
    [PHONE, *(pytest.param(size, marks=pytest.mark.nightly) for size in (TABLET, WIDE))],
    ids=["telephone", "tablet", "desk"],
)
def test_no_page_is_wider_than_its_window(results: Path, open_page: Open, size: dict[str, int]) -> None:
    for path in every_page(results):
        page = open_page(path, viewport=size)
        page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path.name


def test_no_column_is_cut_at_the_width_of_a_small_notebook(results: Path, open_page: Open) -> None:
    for path in every_page(results):
        page = open_page(path, viewport={"width": 1280, "height": 900})
        cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel)"
        assert page.locator(".scroll").evaluate_all(cut) == [], path.name


def test_a_telephone_shows_names_in_one_line_and_the_two_programs_one_above_the_other(
    results: Path, open_page: Open
) -> None:
    page = open_page(index_of(results), viewport=PHONE)
    name = page.locator("#task-noisy_labels").get_by_role("link", name="Bob Rule", exact=True)
    assert name.evaluate("one => one.getClientRects().length") == 1
    page = open_page(index_of(results).with_name("similar.html"), viewport=PHONE)
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    line = page.locator("table.diff tr:not(.same) td.left").first
    box, table = line.bounding_box(), page.locator("table.diff").first.bounding_box()
    assert box is not None
    assert table is not None
    assert box["width"] > 0.9 * table["width"]


def test_a_telephone_shows_each_verdict_whole(results: Path, open_page: Open) -> None:
    page = open_page(index_of(results), viewport=PHONE)
    board = page.locator("#task-noisy_labels")
    board.get_by_role("combobox", name="Verdict").select_option("slot_error")
    shown = board.locator("tr:not([hidden]) .verdict")
    box, text = shown.bounding_box(), shown.inner_text()
    assert text == "slot error"
    assert box is not None
    assert box["x"] + box["width"] <= PHONE["width"]


def test_the_curves_say_which_line_is_which_repeat(results: Path, open_page: Open) -> None:
    page = open_page(feedback_of(results, "ada"))
    names = page.locator(".key").all_inner_texts()
    assert names == [f"repeat {number}" for number in range(1, len(names) + 1)]
    lines = page.locator("figure:has(.curve) >> nth=0").locator(".curve")
    assert lines.count() == len(names) > 1
    colours = lines.evaluate_all("all => all.map((one) => getComputedStyle(one).stroke)")
    keys = page.locator(".key").evaluate_all(
        "all => all.map((one) => getComputedStyle(one, '::before').backgroundColor)"
    )
    assert colours == keys


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(results: Path, open_page: Open, scheme: str) -> None:
    """Contrast of 4.5 to 1, WCAG 2.1 level AA for text of any size."""
    backgrounds = set()
    for path in every_page(results):
        page = open_page(path, color_scheme=scheme)
        page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        ratio, where = page.evaluate(CONTRAST)
        assert ratio >= 4.5, f"{path.name}: {where}"
        backgrounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    (background,) = backgrounds
    assert (min(map(int, background.removeprefix("rgb(").removesuffix(")").split(", "))) > 128) == (
        scheme == "light"
    )


def test_whoever_does_not_see_the_page_is_told_what_is_there(results: Path, open_page: Open) -> None:
    for path in every_page(results):
        page = open_page(path)
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.get_by_role("main").count() == 1
        assert page.get_by_role("heading", level=1).count() == 1
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('svg:not([aria-hidden]), img, [role=region], input, select, section, a, button')].filter((one) =>
                !(one.getAttribute('aria-label') || one.getAttribute('alt') || one.labels?.length || one.textContent.trim()
                  && ['A', 'BUTTON'].includes(one.tagName)
                  || document.getElementById(one.getAttribute('aria-labelledby'))?.textContent.trim())).map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert nameless == [], path.name
        doubled = page.evaluate(
            "[...document.querySelectorAll('[id]')].map((one) => one.id).filter((id, place, all) => all.indexOf(id) !== place)"
        )
        assert doubled == []
        levels = page.evaluate(
            "[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))"
        )
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_a_table_that_scrolls_can_be_scrolled_with_the_keyboard(results: Path, open_page: Open) -> None:
    page = open_page(index_of(results), viewport=PHONE)
    stuck = page.evaluate(
        "[...document.querySelectorAll('*')].filter((one) => one.scrollWidth > one.clientWidth + 1"
        " && ['auto', 'scroll'].includes(getComputedStyle(one).overflowX) && one.tabIndex < 0).length"
    )
    assert stuck == 0
