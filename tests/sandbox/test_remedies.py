"""A machine that cannot build walls gets advice for what is seen of it, and nothing that would not help."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from containers import RIGHTS

from grader.sandbox import find_bwrap
from grader.sandbox.inside import landlock
from grader.sandbox.remedies import PAGE, MachineFacts, container_of, look, remedies

ROOT = Path(__file__).resolve().parent.parent.parent
USER = MachineFacts(root=False, kernel="6.8.0-31-generic", machine="x86_64")
ADMIN = replace(USER, root=True)
APPARMOR = f"allow bubblewrap namespaces: install the AppArmor profile of {PAGE}"
MORE = "allow more user namespaces: sysctl user.max_user_namespaces=15000"
OLD_PROFILE = "allow Landlock, which the filter of system calls around this container refuses: "
CAPABILITIES = (
    "for walls with namespaces, start the container as root with --cap-add SYS_ADMIN --cap-add NET_ADMIN"
)
MACHINES = {
    "Ubuntu, an ordinary user": (replace(USER, apparmor_restricts=1, max_user_namespaces=63_000), [APPARMOR]),
    "Ubuntu, bubblewrap's package is missing": (
        replace(USER, apparmor_restricts=1, bubblewrap=False),
        ["install your system's package bubblewrap", APPARMOR],
    ),
    "root without its rights": (
        replace(ADMIN, apparmor_restricts=1, userns_clone=0),
        ["give the grader the capabilities SYS_ADMIN and NET_ADMIN"],
    ),
    "Debian, namespaces are off": (
        replace(USER, userns_clone=0),
        ["allow ordinary users namespaces: sysctl kernel.unprivileged_userns_clone=1"],
    ),
    "hardened, no namespaces at all": (replace(ADMIN, max_user_namespaces=0), [MORE]),
    "in somebody's namespace with a limit": (
        replace(USER, max_user_namespaces=9, refusal="bwrap: Creating new namespace failed: No space left on device"),
        [MORE],
    ),
    "RHEL 8": (
        replace(USER, kernel="4.18.0-553.el8.x86_64", landlock_error=errno.ENOSYS, max_user_namespaces=0),
        ["use Linux 5.13 or newer; this is 4.18.0-553.el8.x86_64", MORE],
    ),
    "a kernel without Landlock": (
        replace(ADMIN, kernel="6.1.0", landlock_error=errno.ENOSYS, max_user_namespaces=0),
        ["use a kernel that was built with Landlock (CONFIG_SECURITY_LANDLOCK); 6.1.0 was not", MORE],
    ),
    "WSL2 with a list of its own": (
        replace(
            USER, kernel="6.6.87.2-microsoft-standard-WSL2", landlock_error=errno.EOPNOTSUPP,
            security_modules=("capability", "yama"), max_user_namespaces=0,
        ),
        ["switch Landlock on: start the kernel with the parameter lsm=landlock,capability,yama", MORE],
    ),
    "Docker 20.10": (
        replace(ADMIN, container="Docker", landlock_error=errno.EPERM),
        [f"{OLD_PROFILE}Docker 23 or newer allows it", CAPABILITIES],
    ),
    "Docker on Ubuntu": (
        replace(ADMIN, container="Docker", apparmor_restricts=1),
        [f"{CAPABILITIES} --security-opt apparmor=unconfined"],
    ),
    "Docker, with the capabilities": (
        replace(ADMIN, container="Docker", refusal="bwrap: Can't mount proc on /newroot/proc: Operation not permitted"),
        [f"{CAPABILITIES} --security-opt systempaths=unconfined"],
    ),
    "Podman 4.1": (
        replace(ADMIN, container="Podman", landlock_error=errno.EPERM),
        [f"{OLD_PROFILE}Podman 4.2 or newer allows it", CAPABILITIES],
    ),
    "Podman, with the capabilities": (
        replace(ADMIN, container="Podman", refusal="bwrap: Can't mount proc on /newroot/proc: Operation not permitted"),
        [f"{CAPABILITIES} --security-opt unmask=ALL"],
    ),
    "Kubernetes with an old containerd": (
        replace(ADMIN, container="Kubernetes", landlock_error=errno.EPERM),
        [
            f"{OLD_PROFILE}containerd 1.6 or newer allows it",
            "for walls with namespaces, add the capabilities SYS_ADMIN and NET_ADMIN to the security context of the pod, and run it as root",
        ],
    ),
    "gVisor": (
        replace(ADMIN, container="Docker", kernel="4.4.0", landlock_error=errno.ENOSYS),
        ["run the container with the runtime runc: this looks like gVisor, which has no Landlock", CAPABILITIES],
    ),
    "a filter around no known container": (
        replace(USER, landlock_error=errno.EPERM, userns_clone=1),
        [f"{OLD_PROFILE}newer ones allow it", "allow this user to make user namespaces, or grade as root"],
    ),
    "another processor": (
        replace(USER, machine="riscv64", max_user_namespaces=0),
        ["grade on x86_64 or aarch64: there is no filter of system calls for riscv64"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "advice"), MACHINES.values(), ids=MACHINES)
def test_advice_follows_from_what_is_seen(facts: MachineFacts, advice: list[str]) -> None:
    assert remedies(facts) == advice


def test_this_machine_is_seen_as_it_is() -> None:
    facts = look("bwrap: no")
    assert (facts.kernel, facts.machine) == (platform.release(), platform.machine())
    assert facts.root is (os.geteuid() == 0)
    assert facts.refusal == "bwrap: no"
    assert facts.bubblewrap is (find_bwrap() is not None)
    limit = Path("/proc/sys/user/max_user_namespaces")
    assert facts.max_user_namespaces == (int(limit.read_text()) if limit.exists() else None)


def test_the_error_of_a_kernel_without_landlock_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look("").landlock_error == (0 if landlock.version() else ctypes.get_errno())
    monkeypatch.setattr(landlock, "CREATE_RULESET", 999)  # a call that no kernel has
    assert look("").landlock_error == errno.ENOSYS


def test_settings_and_signs_are_read_where_there_are_some(tmp_path: Path) -> None:
    files = {
        "proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
        "proc/sys/kernel/unprivileged_userns_clone": "0\n",
        "proc/sys/user/max_user_namespaces": "many\n",
        "sys/kernel/security/lsm": "lockdown,yama",
        ".dockerenv": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    facts = look("", tmp_path)
    assert (facts.apparmor_restricts, facts.userns_clone, facts.max_user_namespaces) == (1, 0, None)
    assert (facts.security_modules, facts.container) == (("lockdown", "yama"), "Docker")
    bare = look("", tmp_path / "nothing")
    assert (bare.apparmor_restricts, bare.security_modules, bare.container) == (None, (), "")


@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
def test_an_old_filter_of_system_calls_is_known_by_its_refusal() -> None:
    program = "import json; from grader.sandbox.remedies import *; print(json.dumps(remedies(look(''))))"
    command = [sys.executable, "-I", str(RIGHTS), "--old", sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout)[0].startswith(OLD_PROFILE)


@pytest.mark.parametrize(
    ("sign", "variables", "kind"),
    [
        ("nothing", {}, ""),
        (".dockerenv", {}, "Docker"),
        ("run/.containerenv", {}, "Podman"),
        (".dockerenv", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "Kubernetes"),
    ],
)
def test_a_container_is_known_by_its_signs(
    sign: str, variables: dict[str, str], kind: str, tmp_path: Path
) -> None:
    (tmp_path / sign).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / sign).touch()
    assert container_of(variables, tmp_path) == kind


def test_the_page_has_the_profile_that_is_named() -> None:
    assert "profile bwrap /usr/bin/bwrap flags=(unconfined) {\n  userns," in (ROOT / PAGE).read_text("utf-8")
