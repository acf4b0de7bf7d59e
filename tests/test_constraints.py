"""What is pinned can be installed with the oldest Python that the kit promises, such as Debian 12's and that of Gradescope's image."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
OLDEST = "3.11.0"


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if not line.startswith("#")]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in wanted}


def test_the_oldest_python_that_is_promised_is_the_one_that_pins_are_held_to() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert SpecifierSet(project["requires-python"]).contains(OLDEST)
    assert not SpecifierSet(project["requires-python"]).contains("3.10.99")


def test_no_pinned_version_needs_a_later_python() -> None:
    looked_at, too_new = 0, {}
    for name, version in pins().items():
        try:
            installed = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        if installed.version == version:  # what another version needs says nothing of this one
            looked_at += 1
            needed = importlib.metadata.metadata(name)["Requires-Python"] or ""
            if not SpecifierSet(needed).contains(OLDEST):
                too_new[name] = needed
    assert looked_at > 50
    assert too_new == {}
