"""The walls without namespaces: Landlock, the filter of system calls, an own user where there is one, limits.

Each slot puts them up itself, in a fork of a process that stands outside. For containers, Kubernetes, Colab and clusters, and
wherever else the system lets nobody make namespaces.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import GraderFault
from grader.sandbox import process
from grader.sandbox.inside import landlock, seccomp
from grader.sandbox.readable import library_roots, readable_parts
from grader.sandbox.users import closed_folder, spare_users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.sandbox.card import Card
    from grader.task.limits import Limits

KNOWS_DEVICES = 5  # the first version of Landlock with a right to make requests to devices
HOME = "/tmp"  # noqa: S108 -- a name that libraries ask for; nothing can be written in it


def library_command(
    imports: str,
    limits: Limits,
    control_fd: int,
    facts_fd: int,
    *,
    mounts: Sequence[Path] = (),
    card: Card | None = None,
    most: int = landlock.LATEST,
) -> process.ServerCommand:
    """Return how to start a process that forks slots behind walls of their own; of Landlock they use version `most` at most.

    Raises GraderFault where this machine lacks what the walls are made of.
    """
    del facts_fd  # of bubblewrap
    required(limits, most=most)
    nodes = [str(node) for node in card.nodes] if card else []
    roots = library_roots()
    readable = [(str(path), _rights(path, whole=whole)) for path, whole in readable_parts(roots)]
    readable += [(str(path), _rights(path, whole=True)) for path in mounts]
    of_proc = landlock.READ_FILE | (
        landlock.WRITE_FILE if card else 0
    )  # the slot's own rules leave the names of its threads
    ruleset = landlock.rules([*readable, ("/proc", of_proc)], (), nodes=nodes, most=most)
    config = {
        "walls": "landlock",
        "forks": True,
        "users": False,
        "private": (),
        "control_fd": control_fd,
        "imports": imports,
        "rules_fd": ruleset,
        "beside_proc": _beside_proc(),
        "landlock": most,
        "shown": [
            *(str(path) for path in (*roots, *mounts)),
            *nodes,
            *(landlock.OF_THE_DRIVER if card else ()),
        ],
        **({"card": nodes} if card else {}),
    }
    argv = process.command(process.SERVER, process.FILES, process.site_folders(), config)
    variables = process.environment(HOME, limits, mounts=process.parent_of(mounts), card=card)
    return process.ServerCommand(argv, variables, "/", (ruleset,))


def _rights(path: Path, *, whole: bool) -> int:
    listing = landlock.READ_DIR if path.is_dir() else 0
    return listing | (landlock.READ_FILE if whole else 0)


def _beside_proc() -> list[tuple[str, int]]:
    """Return the rights of a slot's own rules, which leave it of /proc what is its own: they can only be made in its process."""
    folders = [
        path
        for path in Path("/").iterdir()
        if path.is_dir() and not path.is_symlink() and path.name != "proc"
    ]
    return [(str(path), _rights(path, whole=True)) for path in folders]


def users(mounts: Sequence[Path] = ()) -> tuple[int, int] | None:
    """Return the range that slots' own users are drawn from; None where they run as the grader's own.

    Another user could not load libraries below a folder that is closed to others, such as the home of root: no mount shows
    them elsewhere, and no more what a task `mounts`. The walls hold for the grader's own user as well.
    """
    return spare_users() if closed_folder([*library_roots(), *mounts]) is None else None


def required(limits: Limits, *, most: int = landlock.LATEST) -> None:
    """Raise GraderFault where the task needs namespaces, or this kernel has not what the walls are made of."""
    if limits.need_namespaces:
        raise GraderFault(
            f"the task's {limits.need_namespaces} needs namespaces, which this machine does not give"
        )
    if refusal := landlock.problem():
        raise GraderFault(f"this kernel has no Landlock: {refusal}")
    if limits.gpu and min(landlock.version(), most) < KNOWS_DEVICES:
        raise GraderFault(
            f"a GPU takes namespaces, or version {KNOWS_DEVICES} of Landlock, which guards devices"
        )
    if platform.machine() not in seccomp.ARCHITECTURES:
        raise GraderFault(f"there is no filter of system calls for {platform.machine()}")
