"""Find failures that may come from the version of Python: notebooks are written in newer ones than they are graded in."""

from __future__ import annotations

import platform
import re
import sys

# What a newer Python allows and an older one refuses: syntax, modules, attributes, names, arguments.
_OF_VERSIONS = re.compile(
    r"\b(SyntaxError|ImportError|ModuleNotFoundError|AttributeError|NameError|TypeError)\b"
)

_MODULE = re.compile(r"(?:\bfrom|\bmodule) '([\w.]+)'")


def version_hint(message: str, theirs: str) -> str:
    """Return the end of a sentence on a failure that may come from the version of Python; "" where it hardly does.

    `theirs` is the version that the notebook ran, "" where that is unknown.
    """
    kind = _OF_VERSIONS.search(message)
    if kind is None:
        return ""
    ours = platform.python_version()
    if is_newer(theirs):
        return f". Your notebook ran Python {theirs}, and this is Python {ours}: what the newer one added is not there"
    # Colab does not save which Python it runs.
    suspect = kind[0] == "SyntaxError" or (not theirs and _names_standard_module(message))
    return f" (this is Python {ours})" if suspect else ""


def _names_standard_module(message: str) -> bool:
    """Return whether a message says that a module of Python itself lacks something."""
    module = _MODULE.search(message)
    return module is not None and module[1].partition(".")[0] in sys.stdlib_module_names


def is_newer(theirs: str) -> bool:
    """Return whether the version `theirs`, "" where it is unknown, is newer than this Python's."""
    return bool(theirs) and minor(theirs) > minor(platform.python_version())


def series(version: str) -> str:
    """Return the part of a version that decides what Python allows: "3.11" for "3.11.7"."""
    return ".".join(version.split(".")[:2])


def minor(version: str) -> tuple[int, int]:
    """Return the two numbers of a version that decide what Python allows: (3, 11) for "3.11.7"."""
    first, second, *_ = [*(int(part) for part in version.split(".") if part.isdecimal()), 0, 0]
    return first, second
