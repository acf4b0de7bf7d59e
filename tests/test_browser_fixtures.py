"""Where there is no browser, its tests are skipped with a reason; where one is required, they fail with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser_fixtures import find_chromium, go_without

if TYPE_CHECKING:
    from pathlib import Path


def program(path: Path) -> Path:
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_browser_is_the_one_that_is_named_else_that_of_the_system(tmp_path: Path) -> None:
    own = program(tmp_path / "my_own")
    assert find_chromium({"PATH": str(tmp_path)}) is None
    system = program(tmp_path / "chromium")
    assert find_chromium({"PATH": str(tmp_path)}) == str(system)
    assert find_chromium({"PATH": str(tmp_path), "CHROMIUM": str(own)}) == str(own)
    assert find_chromium({"PATH": str(tmp_path), "CHROMIUM": "/nowhere/chromium"}) is None


def test_without_a_browser_a_test_is_skipped_unless_one_is_required() -> None:
    with pytest.raises(pytest.skip.Exception, match="there is none"):
        go_without("there is none", {})
    with pytest.raises(pytest.fail.Exception, match="there is none; REQUIRE_BROWSER is set"):
        go_without("there is none", {"REQUIRE_BROWSER": "1"})
