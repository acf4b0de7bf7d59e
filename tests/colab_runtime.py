"""A folder of packages as Colab has them: links to what is installed here and there, and to what that needs.

The versions are those of this machine; the names are Colab's.
"""

from __future__ import annotations

import functools
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import Distribution

    from packaging.utils import NormalizedName

LIST = Path(__file__).with_name("colab_packages.txt")


@functools.cache
def colabs() -> dict[NormalizedName, str]:
    """Return the version in Colab of each package that Colab has."""
    lines = (
        line.split("==") for line in LIST.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    )
    return {canonicalize_name(name): version for name, version in lines}


def link_packages(folder: Path) -> set[NormalizedName]:
    """Fill `folder` with links to Colab's packages and what they need here; return the names of all of them.

    A file or folder that also belongs to a package that Colab lacks would let that in: AssertionError.
    """
    folder.mkdir()
    installed = {canonicalize_name(dist.name): dist for dist in importlib.metadata.distributions()}
    wanted = _closure(colabs().keys() & installed.keys(), installed)
    others = {top: name for name in installed.keys() - wanted for top in _tops(installed[name])}
    for name in wanted:
        for top, target in _tops(installed[name]).items():
            assert top not in others, (
                f"{top} is a part of {name}, and of {others[top]}, which Colab does not have"
            )
            if not (folder / top).is_symlink():
                (folder / top).symlink_to(target)
    return wanted


def _closure(
    names: Iterable[NormalizedName], installed: dict[NormalizedName, Distribution]
) -> set[NormalizedName]:
    """Return `names` and all that they need here, extras included."""
    found: set[tuple[NormalizedName, str]] = set()
    left = [(name, "") for name in names]
    while left:
        name, extra = left.pop()
        if (name, extra) in found or name not in installed:
            continue
        found.add((name, extra))
        for needed in map(Requirement, installed[name].requires or []):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                left += [(canonicalize_name(needed.name), wanted) for wanted in ("", *needed.extras)]
    return {name for name, _ in found}


def _tops(dist: Distribution) -> dict[str, Path]:
    """Return what a package has at the top of site-packages, by name."""
    tops = {file.parts[0] for file in dist.files or [] if file.parts[0] not in {"..", "__pycache__"}}
    return {top: Path(str(dist.locate_file(top))) for top in tops}
