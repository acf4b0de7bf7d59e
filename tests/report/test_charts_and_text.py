"""Texts, programs, differences and drawings come out whole, visible and without end."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.gradebook.metric import BALANCED_ACCURACY
from grader.gradebook.result import Metrics
from grader.report import charts
from grader.report.charts import Curve, Dot
from grader.report.feedback import duration, with_class_names
from grader.report.highlight import FAILED, PASSED, code_lines, marks_of
from grader.text import LONGEST, only_differences, printed, side_by_side, visible

SHARE = st.floats(0, 1)
TEXTS = st.text(st.characters(), max_size=300)


@given(TEXTS)
def test_nothing_invisible_is_left_and_nothing_visible_is_lost(text: str) -> None:
    shown = visible(text)
    assert all(char == "\n" or char.isprintable() for char in shown)
    assert shown.encode().decode() == shown
    left = iter(shown)
    assert all(char in left for char in text if char.isprintable())  # in their order
    assert visible(shown) == shown


def test_text_that_turns_itself_around_is_shown_as_what_it_is() -> None:
    assert visible("if admin\u202e:") == "if admin<U+202E>:"


def test_what_was_printed_looks_as_in_a_terminal() -> None:
    assert printed("\x1b[31mred\x1b[0m\r\n 10 %\r 50 %\r100 %\r\nend\n") == "red\n100 %\nend"


def test_what_was_printed_is_cut_in_the_middle() -> None:
    text = printed("a" * LONGEST + "b" * LONGEST)
    assert len(text) < LONGEST + 100
    assert "20000 characters omitted" in text
    assert (text[0], text[-1]) == ("a", "b")


@given(TEXTS)
def test_a_program_is_shown_whole_and_line_by_line(text: str) -> None:
    lines = code_lines(text)
    shown = "\n".join("".join(piece for _, piece in line.pieces) for line in lines)
    assert shown.rstrip("\n") == visible(text).rstrip("\n")
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))


def test_words_of_a_program_have_their_kinds() -> None:
    (first, second) = code_lines("def f(x):  # why\n    return len('a') + 1\n")
    assert ("k", "def") in first.pieces
    assert ("f", "f") in first.pieces
    assert any(kind == "c" for kind, _ in first.pieces)
    assert {"b", "s", "n"} <= {kind for kind, _ in second.pieces}


TRACEBACK = """your solution, line 9, in your_select_indices
    return helper(losses)
your solution, line 3, in helper
    return values[200]
IndexError: list index out of range

because of

your solution, line 1
KeyError: 'x'"""


def test_the_innermost_line_of_the_traceback_failed_and_the_others_lead_to_it() -> None:
    assert marks_of(TRACEBACK) == {9: PASSED, 3: FAILED}
    lines = code_lines("\n" * 8 + "x", marks_of(TRACEBACK))
    assert [line.number for line in lines if line.mark == FAILED] == [3]


@pytest.mark.parametrize("text", ["", "numpy.py, line 4", "ValueError: your solution, line 4"], ids=repr)
def test_a_traceback_without_a_line_of_the_slot_marks_nothing(text: str) -> None:
    assert marks_of(text) == {}


def test_a_syntax_error_marks_its_line() -> None:
    text = "your solution, line 2\n    def f(:\n          ^\nSyntaxError: invalid syntax"
    assert marks_of(text) == {2: FAILED}


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_off_a_comparison(left: str, right: str) -> None:
    pairs = side_by_side(left, right)
    for text, number, side in ((left, "left_number", "left"), (right, "right_number", "right")):
        lines = [getattr(pair, side) for pair in pairs if getattr(pair, number) is not None]
        assert lines == [line.rstrip() for line in visible(text).rstrip("\n").split("\n")]
    assert all(pair.left == pair.right for pair in pairs if pair.same)


def test_equal_lines_far_from_a_difference_are_left_out_and_counted() -> None:
    text = [f"line {number}" for number in range(40)]
    pairs = only_differences(side_by_side("\n".join(text), "\n".join([*text[:20], "new", *text[20:]])))
    assert [pair.left for pair in pairs if pair.left_number is None and pair.right_number is None] == [
        "17 equal lines",
        "17 equal lines",
    ]
    assert len(pairs) == 9


@given(st.lists(st.integers(0, 100)))
def test_the_bars_of_a_distribution_hold_everybody(points: list[int]) -> None:
    drawing = ET.fromstring(charts.histogram(points))
    counts = [int(text.text or "") for text in drawing.iter("text") if "value" in text.get("class", "")]
    assert sum(counts) == len(points)


@given(SHARE, SHARE, st.lists(SHARE, min_size=1, max_size=5), st.integers(0, 100))
def test_every_score_map_can_be_drawn(floor: float, span: float, repeats: list[float], points: int) -> None:
    ceiling = floor + 0.01 + span
    drawing = ET.fromstring(
        charts.score_map(
            floor,
            ceiling,
            Metrics.of(BALANCED_ACCURACY, repeats, [{"model": value} for value in repeats]),
            points,
        )
    )
    assert f"{points} points" in (drawing.get("aria-label") or "")
    assert len([line for line in drawing.iter("line") if line.get("class") == "repeat"]) == len(repeats)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 100), st.text()), min_size=1, max_size=9))
def test_every_scatter_plot_is_well_formed_whatever_the_labels(values: list[tuple[float, int, str]]) -> None:
    drawing = ET.fromstring(charts.scatter("Points", [Dot(x, y, label) for x, y, label in values], "seconds"))
    titles = [title.text or "" for title in drawing.iter("title")]
    assert titles == [visible(label) for _, _, label in values]


def test_a_drawing_says_what_it_shows_and_has_no_style_of_its_own() -> None:
    drawings = [
        charts.histogram([1, 50, 100]),
        charts.bars("Verdicts", [("scored", 3, "good"), ("slot error", 1, "bad")]),
        charts.scatter("Points", [Dot(1, 2, "a"), Dot(3, 4, "b")], "days", ("Monday", "Friday")),
        charts.score_map(0.8, 0.5, Metrics(0.65, {}, [0.6, 0.7], 0.07), 50),
        charts.curve(Curve("loss", "epoch", [[(1, 0.5), (2, 0.4)]])),
    ]
    for text in drawings:
        drawing = ET.fromstring(text)
        assert drawing.get("role") == "img"
        assert drawing.get("aria-label")
        assert all("style" not in element.attrib for element in drawing.iter())


@given(SHARE, SHARE, SHARE, SHARE)
def test_small_drawings_stay_within_their_frame(mean: float, spread: float, low: float, share: float) -> None:
    for text, width in (
        (charts.whisker(mean, spread, low, low + spread), 84),
        (charts.gauge(2 * share), 160),
    ):
        for element in ET.fromstring(text).iter():
            for name in ("x", "x1", "x2", "cx", "width"):
                assert 0 <= float(element.get(name, "0")) <= width


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0004, "0.4 ms"),
        (0.0029, "2.9 ms"),
        (0.25, "250 ms"),
        (1.5, "1.5 s"),
        (118.04, "118.0 s"),
        (125, "2 min"),
        (7200, "120 min"),
    ],
)
def test_a_time_is_written_as_people_write_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "kept 90% of label 0 and 40% of class 1,  2.4 s",
            "kept 90% of label 0 (safe) and 40% of class 1 (risky),  2.4 s",
        ),
        ("label 7, labels 0, a label", "label 7, labels 0, a label"),
    ],
)
def test_a_class_has_the_name_of_the_story_beside_its_number(text: str, shown: str) -> None:
    assert with_class_names(text, ("safe", "risky")) == shown
    assert with_class_names(text, ()) == text


def test_large_numbers_on_an_axis_have_no_exponent() -> None:
    long = charts.curve(Curve("loss", "step", [[(0.0, 1.0), (48_000.0, 0.5)]]))
    slow = charts.scatter("Points by grading time", [Dot(12.0, 5, "a"), Dot(7_200.0, 9, "b")], "seconds")
    assert "e+" not in long + slow
    assert "40000" in long
    assert "from 12 to 7200" in slow
