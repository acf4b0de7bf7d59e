"""Where graders run: as root or not, with the right to make namespaces or without it, and in a real container.

A container is podman's, over an overlay of this machine, with podman's capabilities and Docker's filter of system calls. Where there is none, tests are skipped with the reason, or fail if REQUIRE_CONTAINER is set.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from grader.sandbox import find_bwrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

REPO = Path(__file__).resolve().parent.parent
RIGHTS = Path(__file__).with_name("docker_rights.py")
USER = 41_234
SECONDS = 1800
INSTALLED = [Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), REPO]
PODMAN = (
    *("podman", "--runtime", "runc", "--cgroup-manager=cgroupfs", "run", "--rm", "--network", "none"),
    *("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=8192:8192", "--timeout", str(SECONDS)),
)


PODMANS_PROFILE = Path("/usr/share/containers/seccomp.json")
# What Docker's filter allows with CAP_SYS_ADMIN only: `clone` with these flags, `clone3` whatever its flags, and the rest.
NEW_NAMESPACES = 0x7E020000
FOR_ADMINISTRATORS = [
    "clone", "clone3", "unshare", "setns", "mount", "umount", "umount2", "pivot_root", "open_tree", "move_mount",
    "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "syslog", "keyctl",
]  # fmt: skip


@dataclass(frozen=True)
class State:
    """Who the grader is, and whether it may make namespaces."""

    root: bool
    namespaces: bool

    def __str__(self) -> str:
        return f"{'root' if self.root else 'user'} {'with' if self.namespaces else 'without'} namespaces"


STATES = [State(root, namespaces) for namespaces in (True, False) for root in (True, False)]


def closed_tops(paths: Iterable[Path]) -> list[Path]:
    """Return the uppermost folders above `paths` that are closed to others."""
    closed = {above for path in paths for above in path.parents if above.stat().st_mode & 0o005 != 0o005}
    return sorted(folder for folder in closed if not closed & set(folder.parents))


def reachable(shared: Path | None = None) -> list[str]:
    """Return bubblewrap's mounts that put an open folder in place of each closed one above what is installed.

    Only that is in it, to read, and `shared`, to write.
    """
    paths = dict.fromkeys(INSTALLED, "--ro-bind") | ({shared: "--bind"} if shared else {})
    words: list[str] = []
    for top in closed_tops(paths):
        words += ["--tmpfs", str(top)]
        for path, bind in paths.items():
            if top in path.parents:
                for above in reversed(path.parents):
                    words += ["--dir", str(above)] if top in above.parents else []
                words += [bind, str(path), str(path)]
    return words


def in_state(state: State, command: Sequence[str], shared: Path | None = None) -> list[str]:
    """Return how to run `command` in this state, or skip the test where this user or machine cannot get there.

    Root opens a way for the ordinary user to what is installed here, and to the folder `shared`, which becomes theirs.
    """
    if state.root and os.geteuid():
        pytest.skip("only root can try what root can do")
    if state == State(root=False, namespaces=True) and (refusal := refused_to_users()):
        pytest.skip(f"ordinary users cannot make user namespaces here: {refusal}")
    return _in_state(state, command, shared)


@functools.cache
def refused_to_users() -> str:
    """Return why an ordinary user of this machine can make no namespaces; an empty text where they can."""
    probe = [str(find_bwrap()), "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true"]
    command = _in_state(State(root=False, namespaces=True), probe, None)
    tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return tried.stderr.strip() if tried.returncode else ""


def _in_state(state: State, command: Sequence[str], shared: Path | None) -> list[str]:
    rights = ["--namespaces"] if state.namespaces else []
    if state.root or os.geteuid():
        return [sys.executable, "-I", str(RIGHTS), *rights, *command]
    bwrap = find_bwrap()
    if bwrap is None:
        pytest.skip("no bubblewrap for this platform, which lets root act as an ordinary user")
    if shared is not None:
        hand_over(shared, USER)
    outer = [str(bwrap), "--dev-bind", "/", "/", *reachable(shared), "--cap-add", "ALL", "--"]
    return [*outer, sys.executable, "-I", str(RIGHTS), "--user", str(USER), *rights, *command]


def hand_over(folder: Path, user: int) -> None:
    """Make everything below a folder, and itself, the user's."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def environment_of(state: State) -> dict[str, str]:
    """Return the environment of a command in this state: as now, but an ordinary user cannot write to root's home."""
    home = {} if state.root else {"HOME": "/tmp", "USER": "somebody"}
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **home}


def run_here(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Return how `command` ended, run in this clone, and what it printed."""
    return subprocess.run(
        command, env=environment, cwd=REPO, capture_output=True, text=True, check=False, timeout=seconds
    )


def output_of(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, seconds: float = SECONDS
) -> str:
    """Return what `command` prints, run in this clone; the test fails where it does not end with success."""
    done = run_here(command, environment, seconds=seconds)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


@dataclass(frozen=True)
class Container:
    """A container over an overlay of this machine, without a network.

    `open` is an empty folder that all may enter, shown in place of each one that is closed above what is installed here.
    `profile` is the filter of system calls, podman's default where it is None.
    """

    open: Path
    profile: Path | None

    def command(self, words: Sequence[str], shared: Path | None = None, *, user: int = 0) -> list[str]:
        """Return how to run `words` in it. What that writes stays in there, but for `shared`, which becomes the user's."""
        variables = {"HOME": "/tmp", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        options = [*PODMAN, "--user", f"{user}:{user}", "--workdir", str(REPO)]
        options += [word for pair in variables.items() for word in ("--env", "=".join(pair))]
        options += ["--security-opt", f"seccomp={self.profile}"] if self.profile else []
        for top in closed_tops(INSTALLED if shared is None else [*INSTALLED, shared]):
            options += ["--volume", f"{self.open}:{top}:O"]
        options += [word for path in INSTALLED for word in ("--volume", f"{path}:{path}:ro")]
        if shared is not None:
            hand_over(shared, user)
            options += ["--volume", f"{shared}:{shared}"]
        return [*options, "--rootfs", "/:O", *words]


def dockers_profile() -> dict[str, Any]:
    """Return Docker's default filter: podman's without namespaces and mounts, which Docker keeps for CAP_SYS_ADMIN.

    Docker answers "Operation not permitted" to what it does not allow, podman "Function not implemented".
    """
    profile: dict[str, Any] = json.loads(PODMANS_PROFILE.read_text(encoding="utf-8"))
    profile |= {"defaultErrno": "EPERM", "defaultErrnoRet": errno.EPERM}
    for rule in profile["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name not in FOR_ADMINISTRATORS]
    profile["syscalls"] = [rule for rule in profile["syscalls"] if rule["names"]]
    refused = {"action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM, "names": FOR_ADMINISTRATORS[2:]}
    no_flags = {"index": 0, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    clone = {"action": "SCMP_ACT_ALLOW", "names": ["clone"], "args": [no_flags]}
    clone3 = {"action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS, "names": ["clone3"]}
    profile["syscalls"] += [refused, clone, clone3]
    return profile


def go_without(reason: str, environment: Mapping[str, str]) -> NoReturn:
    """Skip the test, unless this is a place where no test of a container may be skipped."""
    if environment.get("REQUIRE_CONTAINER"):
        pytest.fail(f"{reason}; REQUIRE_CONTAINER is set, so that is a failure", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def container(tmp_path_factory: pytest.TempPathFactory) -> Container:
    """A container with Docker's default filter of system calls."""
    if os.geteuid():
        go_without("only root starts containers here", os.environ)
    missing = [name for name in ("podman", "runc") if shutil.which(name) is None]
    if missing:
        go_without(f"{' and '.join(missing)} not installed", os.environ)
    if not PODMANS_PROFILE.is_file():
        go_without(f"podman's filter of system calls is not in {PODMANS_PROFILE}", os.environ)
    folder = tmp_path_factory.mktemp("docker")
    (folder / "open").mkdir(mode=0o755)
    (folder / "seccomp.json").write_text(json.dumps(dockers_profile()), encoding="utf-8")
    made = Container(folder / "open", folder / "seccomp.json")
    probe = made.command([sys.executable, "-c", "import grader"])
    tried = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=SECONDS)
    if tried.returncode:
        go_without(f"podman starts no container here: {tried.stderr.strip()[-500:]}", os.environ)
    return made
