"""What to change on a machine that cannot build a slot's walls: from what is seen of it to one sentence of advice each.

Whether walls hold is never read off these facts: that is tried, by building them. Facts only explain a failure. The page
`docs/where_it_runs.md` gives the same advice at length.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.sandbox.bwrap import find_bwrap
from grader.sandbox.inside import landlock

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_KERNEL = (5, 13)  # that has Landlock
MACHINES = ("x86_64", "aarch64")  # that the filter of system calls is written for
GVISOR_KERNEL = "4.4.0"  # what gVisor says it is, whatever the machine runs
PAGE = "docs/where_it_runs.md"
_SIGNS = {"/.dockerenv": "Docker", "/run/.containerenv": "Podman"}  # files that give a container away
_ALLOWS_LANDLOCK = {  # since moby#43199, containers/common#1081 and containerd#6494
    "Docker": "Docker 23 or newer allows it",
    "Podman": "Podman 4.2 or newer allows it",
    "Kubernetes": "containerd 1.6 or newer allows it",
}


@dataclass(frozen=True)
class MachineFacts:
    """What is seen of a machine. A setting of the kernel is None where there is no such setting.

    `container` is empty outside of one. `landlock_error` is the number of the error with which the kernel refuses to tell its
    version of Landlock, 0 where it tells it. `refusal` is what was said when walls with namespaces were tried.
    """

    root: bool
    kernel: str
    machine: str
    container: str = ""
    bubblewrap: bool = True
    landlock_error: int = 0
    refusal: str = ""
    apparmor_restricts: int | None = None
    max_user_namespaces: int | None = None
    userns_clone: int | None = None
    security_modules: tuple[str, ...] = ()


def look(refusal: str, root: Path = Path("/")) -> MachineFacts:
    """Return what is seen of this machine, whose files are read below `root`."""
    settings = root / "proc/sys"
    version = landlock.version()
    return MachineFacts(
        root=os.geteuid() == 0,
        kernel=platform.release(),
        machine=platform.machine(),
        container=container_of(os.environ, root),
        bubblewrap=find_bwrap() is not None,
        landlock_error=0 if version else ctypes.get_errno(),
        refusal=refusal,
        apparmor_restricts=_number(settings / "kernel/apparmor_restrict_unprivileged_userns"),
        max_user_namespaces=_number(settings / "user/max_user_namespaces"),
        userns_clone=_number(settings / "kernel/unprivileged_userns_clone"),
        security_modules=tuple(filter(None, _text(root / "sys/kernel/security/lsm").split(","))),
    )


def container_of(environment: Mapping[str, str], root: Path = Path("/")) -> str:
    """Return what kind of container this process runs in; an empty text where nothing gives one away."""
    if "KUBERNETES_SERVICE_HOST" in environment:
        return "Kubernetes"
    return next((name for path, name in _SIGNS.items() if (root / path.lstrip("/")).exists()), "")


def remedies(facts: MachineFacts) -> list[str]:
    """Return what to change so that either kind of walls can be built: Landlock's first, then those with namespaces."""
    if facts.machine not in MACHINES:
        return [f"grade on {' or '.join(MACHINES)}: there is no filter of system calls for {facts.machine}"]
    return [*_for_landlock(facts), *_for_namespaces(facts)]


def _for_landlock(facts: MachineFacts) -> list[str]:
    if not facts.landlock_error:
        return []
    if facts.landlock_error == errno.EPERM:
        newer = _ALLOWS_LANDLOCK.get(facts.container, "newer ones allow it")
        return [f"allow Landlock, which the filter of system calls around this container refuses: {newer}"]
    if facts.landlock_error == errno.EOPNOTSUPP:
        modules = ",".join(("landlock", *facts.security_modules))
        return [f"switch Landlock on: start the kernel with the parameter lsm={modules}"]
    if facts.kernel == GVISOR_KERNEL:
        return ["run the container with the runtime runc: this looks like gVisor, which has no Landlock"]
    if tuple(int(part) for part in re.findall(r"\d+", facts.kernel)[:2]) < FIRST_KERNEL:
        return [f"use Linux {'.'.join(map(str, FIRST_KERNEL))} or newer; this is {facts.kernel}"]
    return [f"use a kernel that was built with Landlock (CONFIG_SECURITY_LANDLOCK); {facts.kernel} was not"]


def _for_namespaces(facts: MachineFacts) -> list[str]:
    advice = [] if facts.bubblewrap else ["install your system's package bubblewrap"]
    if facts.max_user_namespaces == 0 or "No space left on device" in facts.refusal:
        advice.append("allow more user namespaces: sysctl user.max_user_namespaces=15000")
    if facts.userns_clone == 0 and not facts.root:
        advice.append("allow ordinary users namespaces: sysctl kernel.unprivileged_userns_clone=1")
    if facts.apparmor_restricts == 1 and not facts.root:
        advice.append(f"allow bubblewrap namespaces: install the AppArmor profile of {PAGE}")
    if facts.container:
        advice.append(_for_container(facts))
    if facts.root:
        return advice or ["give the grader the capabilities SYS_ADMIN and NET_ADMIN"]
    return advice or ["allow this user to make user namespaces, or grade as root"]


def _for_container(facts: MachineFacts) -> str:
    if facts.container == "Kubernetes":
        return "for walls with namespaces, add the capabilities SYS_ADMIN and NET_ADMIN to the security context of the pod, and run it as root"
    options = ["--cap-add SYS_ADMIN", "--cap-add NET_ADMIN"]
    if facts.apparmor_restricts is not None or "apparmor" in facts.security_modules:
        options.append("--security-opt apparmor=unconfined")  # Docker's own profile refuses mounts
    if "mount proc" in facts.refusal:
        options.append(
            f"--security-opt {'unmask=ALL' if facts.container == 'Podman' else 'systempaths=unconfined'}"
        )
    return f"for walls with namespaces, start the container as root with {' '.join(options)}"


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
