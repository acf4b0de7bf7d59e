"""A traceback quotes the line that failed, whatever other characters end a line elsewhere."""

from __future__ import annotations

import linecache

import pytest

from grader.sandbox.inside.tracebacks import SLOT_NAME, describe, remember_source

ENDS = {
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "file separator": "\x1c",
    "group separator": "\x1d",
    "record separator": "\x1e",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
}
BEFORE = {
    "a comment": "# one{end}two\n",
    "a text": "text = 'one{end}two'\n",
    "a text of several lines": "text = '''one{end}\ntwo{end}{end}\n'''\n",
    "a docstring": 'def helper():\n    """Return{end}one."""\n',
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE.keys())
def test_the_line_that_failed_is_quoted(before: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linecache, "cache", {})
    source = f"{before.format(end=end)}first = []\nfirst[3]  # this one\nlast = 1\n"
    remember_source(SLOT_NAME, source)
    with pytest.raises(IndexError) as caught:
        exec(compile(source, SLOT_NAME, "exec"), {})
    frames = describe(caught.value).frames
    assert "first[3]  # this one" in frames
    assert f"line {source[: source.index('first[3]')].count(chr(10)) + 1}" in frames
