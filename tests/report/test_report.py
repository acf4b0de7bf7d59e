"""A report shows what it should, and nothing that a student could act with or should not see."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published import SEEDS, course, enrol
from recorded import result_named

from grader.errors import EXPLANATIONS, UsageError, Verdict
from grader.gradebook.gradebook import writing
from grader.gradebook.result import Seconds
from grader.gradebook.standings import Credit
from grader.report.advice import advice
from grader.report.confusion import confusion
from grader.report.feedback import feedback
from grader.report.page_renderer import PageRenderer
from grader.report.pages import write_public, write_report
from grader.report.run_files import RepeatView, RunFiles
from grader.task.score_table import Score
from grader.task.spec import load_task
from grader.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.task.spec import Task

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</pre></td>{{ 7*7 }}"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
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
FIRST = """def your_select_indices(targets, losses):
    chosen = []
    for loss in losses:
        order = loss.argsort()
        keep = max(1, int(0.7 * len(order)))
        chosen.append(order[:keep])
    return chosen[::-1]
"""
RENAMED = FIRST.replace("chosen", "out").replace("keep", "k").replace("order", "o")
RAISES = "def your_select_indices(targets, losses):\n    return helper(losses)\n\n\ndef helper(values):\n    return values[200]\n"
TRACEBACK = """your solution, line 2, in your_select_indices
    return helper(losses)
your solution, line 6, in helper
    return values[200]
IndexError: list index out of range"""
VOID = {"meta", "img", "input", "br"}


class Seen(HTMLParser):
    """The elements, attributes and text of a page; it fails where elements are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in {"style", "script"}:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task("noisy_labels")


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, task: Task) -> Path:
    """A folder of results of one task: scores, a copy, a renamed copy, and each kind of failure."""
    out = tmp_path_factory.mktemp("graded") / "results"
    with course(out, task) as made:
        made.scored(
            "ada", FIRST, recalls=(0.95, 0.8), printed="step <b>1</b>\n", edited="EPOCHS = 60\n", log=LOG,
            histories=[HISTORY] * 3,
        )  # fmt: skip
        made.scored("bob", FIRST, recalls=(0.8, 0.6), submitted="2001-03-01T10:00:00+00:00")
        made.scored("cyd", RENAMED, recalls=(0.6, 0.6), penalties=["repeat 1: one index too many"])
        made.failed(
            "dan",
            Verdict.SLOT_ERROR,
            "your_select_indices raised IndexError: list index out of range",
            slot=RAISES,
            traceback=TRACEBACK,
        )
        made.failed("eve", Verdict.INVALID_NOTEBOOK, "The file is not JSON.")
        made.failed("fay", Verdict.GRADER_ERROR, f"see {out}/runs/fay/run-1/repeat-0/trainer.log", slot=FIRST)
    enrol(out, [("ada", "Ada Lovelace", "ada@uni.example", "A"), ("bob", "Bob Rule", "", "B")])
    return out


@pytest.fixture(scope="module")
def reported(graded: Path, task: Task) -> Path:
    """The same folder with a report, to be looked at only."""
    write_report(graded, {task.id: task})
    return graded


@pytest.fixture
def published(graded: Path, tmp_path: Path) -> Path:
    """A copy of the folder that a test may spoil."""
    return shutil.copytree(graded, tmp_path / "results", ignore=shutil.ignore_patterns("report*"))


def page_of(out: Path, student: str) -> str:
    (path,) = (out / "report" / "feedback").glob(f"{student}-1-*.html")
    return path.read_text(encoding="utf-8")


def all_pages(out: Path) -> list[Path]:
    return sorted([*out.glob("report/**/*.html"), *out.glob("report_public/**/*")])


def test_a_report_is_a_first_page_and_one_page_for_each_submission(published: Path, task: Task) -> None:
    written = write_report(published, {task.id: task})
    assert written.index == published / "report" / "index.html"
    assert [page.student for page in written.pages] == ["ada", "bob", "cyd", "dan", "eve", "fay"]
    links = {link["href"] for link in Seen(written.index.read_text(encoding="utf-8")).all("a")}
    for page in written.pages:
        assert page.path.relative_to(written.index.parent).as_posix() in links


def test_the_board_stands_by_rank_without_any_script(reported: Path) -> None:
    index = (reported / "report" / "index.html").read_text(encoding="utf-8")
    body = index[index.index("<tbody>") : index.index("</tbody>")]
    assert re.findall(r"html\">([\w ]+)</a>(?: <small>\w+</small>)?</th>", body) == [
        "Ada Lovelace",
        "Bob Rule",
        "cyd",
        "dan",
        "eve",
        "fay",
    ]
    assert index.count(" hidden>") >= 1  # the tools are there once the script runs


def test_the_first_page_says_what_the_instructor_must_know(reported: Path) -> None:
    seen = Seen((reported / "report" / "index.html").read_text(encoding="utf-8"))
    text = " ".join(seen.text.split())
    assert "1 submission could not be graded because the grader failed." in text
    assert "trainer.log" in text
    assert "Bob Rule (bob), Ada Lovelace (ada), cyd, fay100 %" in text
    assert "Ada Lovelace" in text
    labels = [drawing["aria-label"] for drawing in seen.all("svg") if "aria-label" in drawing]
    assert [label.split(".")[0] for label in labels] == [
        "Distribution of points",
        "Verdicts",
        "Points by grading time",
        "Points by submission time",
    ]


def test_programs_that_are_alike_stand_side_by_side(reported: Path) -> None:
    index = reported / "report" / "index.html"
    page = (index.parent / "similar.html").read_text(encoding="utf-8")
    seen = Seen(page)
    assert "Bob Rule (bob), Ada Lovelace (ada), cyd, fay" in seen.text
    assert "the same program" in seen.text
    assert "cyd beside Bob Rule (bob): 100 %" in seen.text
    assert page.count("<details") == 1, "one difference to the earliest for each program"
    (link,) = {link["href"] for link in Seen(index.read_text()).all("a") if "similar" in link["href"]}
    assert link.partition("#")[2] in {section.get("id") for section in seen.all("section")}


def test_a_page_about_alike_programs_goes_when_there_are_none(published: Path, task: Task) -> None:
    stale = published / "report" / "similar.html"
    write_report(published, {task.id: task})
    assert stale.exists()
    for student in ("ada", "bob", "cyd"):
        (published / "runs" / student / "run-1" / "slot.py").unlink()
    write_report(published, {task.id: task})
    assert not stale.exists()


def test_a_feedback_page_explains_a_score(reported: Path, task: Task) -> None:
    seen = Seen(page_of(reported, "ada"))
    text = " ".join(seen.text.split())
    assert EXPLANATIONS[Verdict.SCORED].sentence in text
    assert "The mean balanced accuracy of 3 complete evaluations is" in text
    score = task.spec.score
    assert f"Points rise linearly from 0 at {score.floor:g} to 100 at {score.ceiling:g}" in text
    assert "How balanced accuracy became points" in " ".join(
        svg.get("aria-label", "") for svg in seen.all("svg")
    )
    assert page_of(reported, "ada").count('class="curve ') == 3 * len(HISTORY["series"])
    assert "step <b>1</b>" in text
    assert "Output in every repeat" in text
    assert "EPOCHS = 60" in text
    assert "414 calls, 1.2 s, 2.9 ms each" in text
    assert "share of label 1 (risky) kept" in text, "the story's name of a class"
    assert "predicted safe" in text
    assert "predicted risky" in text
    assert "13.5 s" in text
    assert "300 s" in text
    assert "memory at its peak" in text
    assert "40 MB" in text
    assert "On the public leaderboard you are" in text


def test_a_run_without_a_history_or_with_a_damaged_one_shows_no_curves(tmp_path: Path, task: Task) -> None:
    """A run folder of an earlier version has none; what its cells printed is shown as before."""
    out = tmp_path / "results"
    with course(out, task) as made:
        made.scored("old", FIRST, log=LOG)
        made.scored("bad", FIRST, log=LOG, histories=[{**HISTORY, "x": "epoch"}] * 3)
        made.scored("hal", FIRST, log=LOG, histories=[HISTORY, {}, HISTORY])
    write_report(out, {task.id: task})
    for student in ("old", "bad"):
        page = page_of(out, student)
        assert 'class="curve' not in page
        assert "Output of the notebook in repeat 1" in page
    assert page_of(out, "hal").count('class="curve ') == 2 * len(HISTORY["series"])


def test_a_feedback_page_explains_a_failure_with_the_line_that_failed(reported: Path) -> None:
    page = page_of(reported, "dan")
    assert 'class="line failed" data-number="6"' in page
    assert 'class="line passed" data-number="2"' in page
    text = " ".join(Seen(page).text.split())
    assert "IndexError: list index out of range" in text
    assert EXPLANATIONS[Verdict.SLOT_ERROR].help in text
    assert "line 6 is marked below" in text
    assert "the error is in this line" in text


def test_a_failure_of_ours_tells_the_student_nothing_but_that(reported: Path) -> None:
    page = page_of(reported, "fay")
    assert "trainer.log" not in page
    assert EXPLANATIONS[Verdict.GRADER_ERROR].sentence in Seen(page).text
    assert "No points yet" in page


def test_penalties_are_told(reported: Path) -> None:
    assert "repeat 1: one index too many" in Seen(page_of(reported, "cyd")).text


def test_a_feedback_page_holds_no_seed_no_path_no_secret_and_nobody_else(published: Path, task: Task) -> None:
    """Also where the student printed them, or our own cells did."""
    answers = next(published.glob("evaluation/*/repeat-0/answers/answers.npz"))
    with course(published, task) as made:
        told = "\n".join([*map(str, SEEDS), str(answers), str(published.resolve() / "runs")])
        made.scored(
            "gil", "def your_select_indices(targets, losses):\n    return 1\n", printed=told, log=[told]
        )
    write_report(published, {task.id: task})
    students = ["ada", "bob", "cyd", "dan", "eve", "fay", "gil"]
    for student in students:
        page = page_of(published, student)
        assert not [seed for seed in SEEDS if str(seed) in page]
        assert str(published) not in page
        assert str(published.resolve()) not in page
        assert (published / "pseudonyms" / "secret").read_text().strip() not in page
        text = Seen(page).text
        others = [other for other in students if other != student and re.search(rf"\b{other}\b", text)]
        assert others == []
        assert "Lovelace" not in text or student == "ada"
        assert [link["href"] for link in Seen(page).all("a")] == ["#main"]


def test_the_public_report_holds_no_student_and_no_program(published: Path, task: Task) -> None:
    index = write_public(published, {task.id: task}).index
    assert [path.name for path in all_pages(published)] == ["index.html"]
    page = index.read_text(encoding="utf-8")
    for word in (
        "ada",
        "bob",
        "cyd",
        "dan",
        "eve",
        "fay",
        "Lovelace",
        "uni.example",
        "argsort",
        "trainer.log",
        "2001-03",
    ):
        assert not re.search(rf"\b{word}\b", page), word
    assert all(link["href"].startswith("#") for link in Seen(page).all("a"))


def test_a_pseudonym_is_the_same_in_every_report_and_on_the_students_page(
    published: Path, task: Task
) -> None:
    first = write_public(published, {task.id: task}).index.read_text(encoding="utf-8")
    with course(published, task) as made:
        made.scored("zoe")
    write_report(published, {task.id: task})
    (name,) = re.findall(r"you are <strong>([a-z-]+)</strong>", page_of(published, "ada"))
    assert name in first
    assert name in write_public(published, {task.id: task}).index.read_text(encoding="utf-8")


def test_the_same_gradebook_gives_the_same_pages(published: Path, task: Task) -> None:
    write_report(published, {task.id: task})
    first = {path: path.read_bytes() for path in all_pages(published)}
    write_report(published, {task.id: task})
    assert {path: path.read_bytes() for path in all_pages(published)} == first


def test_every_page_has_a_policy_under_which_it_works(published: Path, task: Task) -> None:
    with course(published, task) as made:
        made.scored("pia", picture=PIXEL, log=["fine"])
    write_report(published, {task.id: task})
    write_public(published, {task.id: task})
    for path in all_pages(published):
        page = path.read_text(encoding="utf-8")
        seen = Seen(page)
        (policy,) = [
            meta["content"]
            for meta in seen.all("meta")
            if meta.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "http" not in policy
        for tag, directive in (("style", "style-src"), ("script", "script-src")):
            texts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
            hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
            assert all(f"{directive} 'sha256-{found}'" in policy for found in hashes)
        assert len(seen.all("script")) == (path.name == "index.html")
        assert ("img-src" in policy) == bool(seen.all("img"))
        head = page.index("Content-Security-Policy")
        assert head < page.index("<style>")


def assert_harmless(page: str) -> None:
    """Fail where a page has anything that acts or asks for something from elsewhere."""
    for tag, attributes in Seen(page).elements:
        assert tag not in {"iframe", "object", "embed", "link", "base"}
        assert tag != "form" or attributes["class"] == "tools"
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in {"href", "src", "action", "srcset"}:
                assert re.match(r"#|feedback/|similar\.html|index\.html|data:image/png;base64,", value), value


def test_what_a_student_planted_stays_text_everywhere(tmp_path: Path, task: Task) -> None:
    out = tmp_path / "results"
    with course(out, task) as made:
        code = f"def your_select_indices(targets, losses):\n    '''{HOSTILE}'''\n"
        made.scored(
            "mal",
            code,
            printed=HOSTILE,
            edited=f"# {HOSTILE}\n",
            penalties=[HOSTILE],
            log=[HOSTILE],
            picture=HOSTILE,
        )
        made.scored("sue", f"{code}    # {HOSTILE}\n", picture=PIXEL, log=["fine"])
        made.failed("tom", Verdict.SLOT_ERROR, HOSTILE, slot=code, traceback=HOSTILE, printed=HOSTILE)
        made.failed("vic", Verdict.GRADER_ERROR, HOSTILE)
    enrol(out, [("mal", HOSTILE, HOSTILE, HOSTILE), ("sue", "Sue", "", "")])
    write_report(out, {task.id: task})
    for path in all_pages(out):
        page = path.read_text(encoding="utf-8")
        assert_harmless(page)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert len(Seen(page).all("img")) == (3 if "sue" in path.name else 0)
    assert HOSTILE in Seen(page_of(out, "mal")).text


def test_a_picture_that_our_cells_drew_is_shown_and_nothing_else_is(published: Path, task: Task) -> None:
    with course(published, task) as made:
        made.scored("pia", picture=PIXEL, log=["fine"])
        made.scored("quo", picture=base64.b64encode(b"<svg onload=alert(1)>").decode(), log=["fine"])
    write_report(published, {task.id: task})
    (first, *_) = Seen(page_of(published, "pia")).all("img")
    assert first["src"] == f"data:image/png;base64,{PIXEL}"
    assert first["alt"]
    assert Seen(page_of(published, "quo")).all("img") == []


ANY = st.text(max_size=80) | st.sampled_from(
    [HOSTILE, "</style>", "<!--", "]]>", "javascript:alert(1)", "\0\x1b[31m", "\ud800"]
)


@settings(max_examples=30)
@given(ANY, ANY, ANY, ANY, st.sampled_from(Verdict))
def test_any_text_of_a_student_stays_text(
    student: str, message: str, source: str, text: str, verdict: Verdict
) -> None:
    points = None if verdict is Verdict.GRADER_ERROR else 50 if verdict is Verdict.SCORED else 0
    result = dataclasses.replace(
        result_named("x", verdict, points), student=student, submission=text, message=message, traceback=text,
        penalties=[text], changed_cells=[text], device=text, task_version=text,
    )  # fmt: skip
    shown = RunFiles(source=source, repeats=[RepeatView(0, 1.0, text, [text], [])])
    page = PageRenderer().render(
        "feedback.html", feedback=feedback(result, shown, None, None), title=text, student=student, name=text,
        attempt=1, pseudonym="tola", recorded="now", credit=Credit(points, text),
    )  # fmt: skip
    assert_harmless(page)
    seen = Seen(page)
    assert {tag for tag, _ in seen.elements} <= {
        "html", "head", "meta", "title", "style", "body", "a", "header", "main", "p", "h1", "h2", "h3", "code", "section", "div", "span",
        "strong", "br", "ul", "li", "table", "caption", "thead", "tbody", "tr", "th", "td", "pre", "footer", "details", "summary",
        "svg", "line", "circle", "polyline", "text", "rect", "figure", "figcaption", "small", "dl", "dt", "dd",
    }  # fmt: skip
    assert visible(student) in seen.text
    if verdict is not Verdict.GRADER_ERROR and message != EXPLANATIONS[verdict].sentence:
        assert visible(message) in seen.text


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_advice_that_says_what_to_do(verdict: Verdict) -> None:
    points = None if verdict is Verdict.GRADER_ERROR else 40 if verdict is Verdict.SCORED else 0
    sentences = advice(result_named("a", verdict, points), Score(floor=0.5, ceiling=0.8))
    assert sentences
    assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({"memory_mb": [100.0, 1700.0]}, "used 1700 MB of its 2048 MB"),
        ({"memory_mb": [1600.0, None]}, ""),
        ({"memory_mb": []}, ""),
        ({"seconds": Seconds(600, 50, 540, 10)}, "took 250.0 s of its 300 s"),
        ({"seconds": Seconds(600, 540, 50, 10)}, ""),
    ],
    ids=["near the memory limit", "below it", "not measured", "near the time limit", "by the training"],
)
def test_a_score_near_a_limit_is_a_warning(task: Task, changes: dict[str, Any], warned: str) -> None:
    result = dataclasses.replace(result_named("a", Verdict.SCORED, 40), slot_calls=3, **changes)
    seconds = 250.0 if "seconds" in changes else 10.0
    shown = feedback(result, RunFiles(repeats=[RepeatView(0, seconds, "", [], [])]), task, 300.0)
    warnings = [sentence for sentence in shown.advice if " of its " in sentence]
    assert len(warnings) == bool(warned)
    assert warned in " ".join(warnings)
    assert shown.advice[len(warnings) :] == advice(result, Score(floor=0.5, ceiling=0.8))


def test_advice_names_the_noise_of_single_repeats_in_points() -> None:
    metrics = result_named("a", Verdict.SCORED, 40).metrics
    assert metrics is not None
    noisy = dataclasses.replace(metrics, per_repeat=[0.6, 0.7, 0.8], spread=0.1)
    told = advice(
        dataclasses.replace(result_named("a", Verdict.SCORED, 40), metrics=noisy),
        Score(floor=0.5, ceiling=0.8),
    )
    assert "vary by about 33" in told[0]


def test_several_tasks_stand_on_one_page_with_totals(tmp_path: Path, task: Task) -> None:
    out, other = tmp_path / "results", load_task("image_al")
    with course(out, task) as made:
        made.scored("ada", recalls=(0.7, 0.65))
        made.scored("bob", recalls=(0.6, 0.6))
    with course(out, other) as made:
        made.scored("bob", "def query(a):\n    return a\n", recalls=(0.99, 0.99))
    index = write_report(out, {task.id: task, other.id: other}).index.read_text(encoding="utf-8")
    table = index[index.index('id="total"') : index.index('id="task-')]
    assert re.findall(r'<th scope="row" class="name">(\w+)</th>', table) == ["bob", "ada"]
    assert task.spec.title in table
    assert other.spec.title in table


def test_ids_that_look_alike_are_marked_for_the_instructor_only(tmp_path: Path, task: Task) -> None:
    with course(tmp_path, task) as graded:
        graded.scored("anna")
        graded.scored("\u0430nna", FIRST)
    board = write_report(tmp_path, {task.id: task}).index.read_text()
    assert "easily taken for \u0430nna (U+0430)" in board
    assert "easily taken for anna" in board
    assert "easily taken" not in write_public(tmp_path, {task.id: task}).index.read_text()


def test_a_task_whose_folder_is_unknown_is_shown_without_its_map(published: Path) -> None:
    write_report(published, {})
    text = Seen(page_of(published, "ada")).text
    assert "noisy_labels" in text
    assert "Points rise linearly" not in text


def test_a_map_that_does_not_give_the_recorded_points_is_not_shown(published: Path, task: Task) -> None:
    changed = task.spec.model_copy(update={"score": Score(floor=0.1, ceiling=0.99)})
    write_report(published, {task.id: dataclasses.replace(task, spec=changed)})
    assert "Points rise linearly" not in Seen(page_of(published, "ada")).text


def test_a_report_needs_no_run_folders(tmp_path: Path, task: Task) -> None:
    with course(tmp_path, task) as made:
        made.scored("ada")
    shutil.rmtree(tmp_path / "runs")
    shutil.rmtree(tmp_path / "evaluation")
    write_report(tmp_path, {task.id: task})
    text = Seen(page_of(tmp_path, "ada")).text
    assert "Points rise linearly" in text
    assert "Your code" not in text


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"cells": [1]}', '{"cells": {}}', "{", '{"cells": [{"metadata": {"tags": ["slot"]}}], "metadata": []}'])  # fmt: skip
def test_a_damaged_executed_notebook_is_left_out(published: Path, task: Task, damage: str) -> None:
    for path in published.glob("runs/ada/run-1/repeat-*/executed.ipynb"):
        path.write_text(damage, encoding="utf-8")
    write_report(published, {task.id: task})
    assert "Points rise linearly" in Seen(page_of(published, "ada")).text


def test_a_report_of_nothing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no gradebook"):
        write_report(tmp_path, {})
    with writing(tmp_path):
        pass
    with pytest.raises(UsageError, match="no results yet"):
        write_report(tmp_path, {})


def test_a_report_that_cannot_be_written_is_one_line(published: Path, task: Task) -> None:
    (published / "report").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(published, {task.id: task})


def test_a_report_can_be_written_while_a_batch_is_running(published: Path, task: Task) -> None:
    with writing(published):
        assert write_report(published, {task.id: task}).pages


def test_the_shares_of_classes_are_those_of_the_files(tmp_path: Path) -> None:
    labels = np.repeat([0, 1], 50)
    given = labels.copy()
    given[:10] = 1
    np.savez(tmp_path / "p.npz", allow_pickle=False, one=given, two=labels)
    np.savez(tmp_path / "a.npz", allow_pickle=False, labels=labels)
    found = confusion([(tmp_path / "p.npz", tmp_path / "a.npz")], [0.95])
    assert found is not None
    assert (found.classes, found.shares) == ([0, 1], [[90, 10], [0, 100]])


@pytest.mark.parametrize(
    ("change", "recorded"),
    [
        (lambda labels: labels, 0.8),  # not the answers that were scored
        (lambda labels: np.where(np.arange(len(labels)) < 10, 2, labels), None),  # fewer than 20 images of a class
        (lambda labels: np.arange(len(labels)) // 4, None),  # too many classes
    ],
    ids=["other answers", "a rare class", "many classes"],
)  # fmt: skip
def test_shares_that_could_tell_a_label_are_left_out(
    tmp_path: Path, change: Callable[[Any], Any], recorded: float | None
) -> None:
    labels = change(np.repeat([0, 1], [40, 60]))
    for name, array in (("p", labels), ("a", labels)):
        np.savez(tmp_path / f"{name}.npz", allow_pickle=False, labels=array)
    assert (
        confusion([(tmp_path / "p.npz", tmp_path / "a.npz")], [1.0 if recorded is None else recorded]) is None
    )


def test_shares_need_all_files(tmp_path: Path) -> None:
    assert confusion([], []) is None
    assert confusion([(tmp_path / "p.npz", tmp_path / "a.npz")], [1.0]) is None


def test_the_pages_of_a_copy_show_the_shares_of_the_run_that_was_executed(
    published: Path, task: Task
) -> None:
    """And say that it was not run again, but not whose it is."""
    from grader.gradebook.gradebook import SubmissionRecord, reading

    with reading(published) as book:
        (original,) = [one for one in book.current() if one.result.student == "ada"]
    folder = published / "runs" / "hal" / "run-1"
    folder.mkdir(parents=True)
    (folder / "slot.py").write_text(f"# mine\n{FIRST}", encoding="utf-8")
    copied = dataclasses.replace(
        original.result, student="hal", submission="inbox/hal.ipynb", run_folder=str(folder), changed_cells=[],
        identical_to="ada (inbox/ada.ipynb)",
    )  # fmt: skip
    with writing(published) as book:
        (identity,) = book.enter([SubmissionRecord(task.id, "hal", "inbox/hal.ipynb", "d")])
        book.record(original.run, identity, copied, original.key, identical_to=original.id)
    write_report(published, {task.id: task})
    text = Seen(page_of(published, "hal")).text
    assert "predicted safe" in text
    assert "so this one was not run again" in text
    assert "# mine" in text
    assert "ada" not in re.findall(r"\w+", text)


def test_the_notebooks_of_the_tests_hold_what_the_pages_must_not_show(graded: Path) -> None:
    """Else the tests above would prove nothing."""
    text = next(graded.glob("runs/ada/run-1/repeat-0/executed.ipynb")).read_text(encoding="utf-8")
    assert str(SEEDS[0]) in text
    assert str(graded.resolve()) in text
    assert json.loads(text)["metadata"]["papermill"]["duration"]
