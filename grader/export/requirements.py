"""Read what this program needs to be installed: as its pyproject.toml has it in a clone, else as it was installed.

The metadata of an editable installation are those of the day it was made, so a clone is asked first.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

NAME = "notebook-olympiad"
_GRADING = "grade"  # the extra
_OF_GRADING = re.compile(rf"extra == ['\"]{_GRADING}['\"]")
_PROJECT = Path(__file__).resolve().parent.parent.parent / "pyproject.toml"


@dataclass(frozen=True)
class Needs:
    """The version, the packages for grading in their ranges, and the entry points by group and name."""

    version: str
    packages: tuple[str, ...]
    entry_points: dict[str, dict[str, str]]


def needs(project: Path = _PROJECT) -> Needs:
    """Return the requirements of this program."""
    if project.is_file():
        about = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if about.get("name") == NAME:
            packages = [*about["dependencies"], *about["optional-dependencies"][_GRADING]]
            return Needs(about["version"], tuple(packages), about["entry-points"])
    distribution = importlib.metadata.distribution(NAME)
    points: dict[str, dict[str, str]] = {}
    for point in distribution.entry_points:
        if point.group != "console_scripts":
            points.setdefault(point.group, {})[point.name] = point.value
    required = tuple(
        wanted.partition(";")[0].strip() if "extra ==" in wanted else wanted
        for wanted in distribution.requires or []
        if "extra ==" not in wanted or _OF_GRADING.search(wanted)
    )
    return Needs(distribution.version, required, points)


def installed() -> dict[str, str]:
    """Return the versions of all packages that are installed here, by name, without the labels of local builds."""
    versions = {
        dist.metadata["Name"].lower(): dist.version.partition("+")[0]
        for dist in importlib.metadata.distributions()
        if dist.metadata["Name"]
    }
    versions.pop(NAME, None)
    return dict(sorted(versions.items()))
