"""Describe what a result was made with: the versions of what it may depend on, and the machine."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

_VERSIONED = ("notebook-olympiad", "torch", "torchvision", "numpy", "scikit-learn", "papermill")


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a score may depend on."""
    installed = {"python": platform.python_version()}
    for name in _VERSIONED:
        installed[name] = importlib.metadata.version(name)
    return installed


def machine() -> dict[str, Any]:
    """Return what identifies the machine of a run: name, processor architecture, kernel and cores."""
    name = platform.uname()
    return {
        "node": name.node,
        "machine": name.machine,
        "system": f"{name.system} {name.release}",
        "cores": os.cpu_count(),
    }


def processor() -> str:
    """Return the name of the processor, as far as the system tells it."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
