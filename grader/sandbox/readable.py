"""What a slot may read: libraries of the system, of Python and of this environment, without this program's own traces."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from grader.sandbox.process import interpreter, site_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CORES = Path("/sys/devices/system/cpu")
SYSTEM = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib"),
    *("/etc/ld.so.cache", "/etc/alternatives", str(CORES)),
)
LIBRARY_FOLDERS = ("site-packages", "dist-packages")
# This program may be installed beside the libraries, with its tasks' solutions; the others name folders of the machine.
_HIDDEN_BESIDE_LIBRARIES = ("grader", "*.pth", "*.egg-link", "__editable__*", "*.dist-info/direct_url.json")
# How fast cores run, and how often they rest, tells how busy others are.
_HIDDEN_OF_CORES = (
    "cpufreq",
    "cpuidle",
    "cpu*/cpufreq",
    "cpu*/cpuidle",
    "cpu*/thermal_throttle",
    "cpu*/acpi_cppc",
)


def library_roots() -> list[Path]:
    """Return the files and folders that hold libraries and the interpreter; some lie in others."""
    base = Path(sys.base_prefix).resolve()
    of_base = [base / name for name in ("lib", "lib64") if (base / name).is_dir() and base != Path("/usr")]
    roots = [*map(Path, SYSTEM), *of_base, interpreter(), *site_folders()]
    return [path for path in dict.fromkeys(roots) if path.exists()]


def hidden_below(roots: Iterable[Path]) -> list[Path]:
    """Return what lies in `roots` and is no slot's to see, wherever it is seen from."""
    roots = [root.resolve() for root in roots]
    used = site_folders()
    libraries = [
        path
        for root in roots
        for name in LIBRARY_FOLDERS
        for path in (*root.glob(name), *root.glob(f"python*/{name}"))
    ]
    hidden = [
        path for path in libraries if path.resolve() not in used
    ]  # of another environment than this one
    hidden += [path for folder in used for name in _HIDDEN_BESIDE_LIBRARIES for path in folder.glob(name)]
    if CORES in roots:
        hidden += [path for name in _HIDDEN_OF_CORES for path in CORES.glob(name)]
    return sorted({path for path in hidden if not path.is_symlink()})


def readable_parts(roots: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield what may be read of `roots`, and whether it may be read whole; of the others, only names may be listed.

    A rule that opens a folder opens all that is in it: around what is hidden, each of its neighbours gets its own.
    """
    roots = list(dict.fromkeys(root.resolve() for root in roots))
    hidden = set(hidden_below(roots))
    above = {folder for path in hidden for folder in path.parents}
    pending = [root for root in roots if not any(other in root.parents for other in roots)]
    while pending:
        path = pending.pop()
        if path in hidden:
            continue
        yield path, path not in above
        if path in above:
            pending += [child for child in path.iterdir() if not child.is_symlink()]
