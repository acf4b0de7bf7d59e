"""The training history that notebooks save, as it is read for feedback pages: bounded, checked, and never an error."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.report import charts
from grader.report.training_curves import (
    MAX_BYTES,
    MAX_SERIES,
    MAX_STEPS,
    MAX_VALUE,
    History,
    curves,
    read_history,
)

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "x": {"name": "epoch", "values": [1, 2, 3]},
    "series": {"mean loss": [0.7, 0.5, 0.25], "share kept": [None, 0.5, 1]},
}
INVALID: dict[str, Any] = {
    "no object": [1, 2],
    "no axis": {"series": GOOD["series"]},
    "a key too many": {**GOOD, "html": "<b>"},
    "no series": {"x": GOOD["x"]},
    "an axis without a name": {**GOOD, "x": {"name": "", "values": [1, 2, 3]}},
    "one step": {"x": {"name": "epoch", "values": [1]}, "series": {"loss": [1.0]}},
    "steps that fall": {**GOOD, "x": {"name": "epoch", "values": [1, 3, 2]}},
    "a step twice": {**GOOD, "x": {"name": "epoch", "values": [1, 2, 2]}},
    "a value too few": {**GOOD, "series": {"loss": [1.0, 2.0]}},
    "a text for a number": {**GOOD, "series": {"loss": ["1.0", 2.0, 3.0]}},
    "a truth for a number": {**GOOD, "series": {"loss": [True, 2.0, 3.0]}},
    "not a number": {**GOOD, "series": {"loss": [math.nan, 2.0, 3.0]}},
    "a number that no axis can show": {**GOOD, "series": {"loss": [1e300, 2.0, 3.0]}},
    "infinite": {**GOOD, "series": {"loss": [math.inf, 2.0, 3.0]}},
    "a list in a list": {**GOOD, "series": {"loss": [[1.0], 2.0, 3.0]}},
    "a long name": {**GOOD, "series": {"n" * 81: [1.0, 2.0, 3.0]}},
    "too many series": {**GOOD, "series": {f"loss {n}": [1, 2, 3] for n in range(MAX_SERIES + 1)}},
    "too many steps": {
        "x": {"name": "epoch", "values": list(range(MAX_STEPS + 1))},
        "series": {"loss": [0.5] * (MAX_STEPS + 1)},
    },
}


def history(changes: dict[str, Any] | None = None) -> History:
    """Return the good history with other values."""
    return History.model_validate_json(json.dumps(GOOD | (changes or {})))


def test_a_history_becomes_a_curve_for_each_series_with_a_line_for_each_repeat() -> None:
    other = history({"series": {"share kept": [0.1, 0.2, 0.3], "mean loss": [3, 2, 1]}})
    loss, share = curves([history(), other])
    assert (loss.name, loss.step, share.name) == ("mean loss", "epoch", "share kept")
    assert list(loss.lines) == [[(1, 0.7), (2, 0.5), (3, 0.25)], [(1, 3), (2, 2), (3, 1)]]
    assert share.lines[0] == [(2, 0.5), (3, 1)]  # null: no value at this step


def test_only_what_every_repeat_has_is_drawn() -> None:
    assert [curve.name for curve in curves([history(), history({"series": {"mean loss": [3, 2, 1]}})])] == [
        "mean loss"
    ]
    assert (
        curves([history(), history({"series": {"mean loss": [None, None, 1]}})]) == []
    )  # one point is no line
    assert curves([history(), history({"x": {"name": "round", "values": [1, 2, 3]}})]) == []
    assert curves([]) == []


def test_a_file_is_read_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(json.dumps(GOOD))
    assert read_history(path) == history()


@pytest.mark.parametrize("content", INVALID.values(), ids=INVALID)
def test_a_file_that_is_not_valid_is_no_history(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(json.dumps(content))
    assert read_history(path) is None


def test_a_file_that_is_missing_cut_off_too_large_or_too_deep_is_no_history(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    assert read_history(path) is None
    assert read_history(tmp_path) is None
    for text in (json.dumps(GOOD)[:-1], json.dumps(GOOD) + " " * MAX_BYTES, "[" * 100_000, "\xff\x00", ""):
        path.write_text(text, encoding="latin-1")
        assert read_history(path) is None


@given(st.binary(max_size=200) | st.builds(lambda value: json.dumps(value).encode(), st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["x", "series", "name", "values"]), inner),
)))  # fmt: skip
def test_any_file_gives_curves_that_can_be_drawn_or_none(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("history") / "history.json"
    path.write_bytes(data)
    read = read_history(path)
    for curve in curves([read]) if read else []:
        ET.fromstring(charts.curve(curve))


NUMBERS = st.none() | st.integers(-(10**6), 10**6) | st.floats(-MAX_VALUE, MAX_VALUE)


@given(st.lists(st.lists(NUMBERS, min_size=2, max_size=9), min_size=1, max_size=3))
def test_any_numbers_have_curves_that_can_be_drawn(lines: list[list[float | None]]) -> None:
    histories = [
        history({"x": {"name": "epoch", "values": list(range(len(line)))}, "series": {"a < b": line}})
        for line in lines
    ]
    for curve in curves(histories):
        ET.fromstring(charts.curve(curve))
