"""What a slot cannot reach behind any walls: the network, files, other processes, the environment, rights."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sandbox_client import ENTRY, IMPORTS, eventually, function, play, processes_of, processes_saying
from sandbox_fixtures import ROOMY, SMALL

from grader.sandbox import Sandbox, SlotSource, bwrap, find_bwrap, landlocked, open_sandbox, prove
from grader.sandbox.cgroup import enter, make_group
from grader.sandbox.inside import landlock, seccomp
from grader.sandbox.inside.system_calls import ALLOWED, KILLED, REFUSED
from grader.sandbox.pool import SandboxSource
from grader.sandbox.users import spare_users
from grader.task.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.sandbox import Walls

pytest_plugins = ["sandbox_fixtures"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_bwrap() is None, reason="no bubblewrap for this platform"),
]
REPO = Path(__file__).resolve().parent.parent.parent
BEGAN = "return open('/proc/1/stat').read().rpartition(')')[2].split()[19]"  # when process 1 was started
SPACE = "import os\nreturn os.readlink('/proc/self/ns/pid')"  # of two that run at once, each has its own
TRIED = """
import os
def tried(action, *arguments):
    try:
        return f"done: {action(*arguments)!r}"[:200]
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]

"""


@pytest.fixture(scope="module")
def unforked() -> Iterator[Sandbox]:
    """A sandbox of a machine where none can be forked: its process serves one slot after the other."""
    source = SandboxSource(IMPORTS, ROOMY, "namespaces")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bwrap, "FORKING_RIGHTS", bwrap.SLOT_RIGHTS)
        patched.setattr(bwrap, "ALL_NAMESPACES", ("--unshare-all", "--unshare-user", "--disable-userns"))
        assert source.why_not_forked()
    opened = source.open(ROOMY)
    yield opened
    opened.close()
    source.close()


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"])
def test_a_slot_cannot_make_a_socket(confined: Sandbox, family: str) -> None:
    kind = "SOCK_RAW" if family in ("AF_NETLINK", "AF_PACKET") else "SOCK_STREAM"
    body = f"import socket\nreturn tried(socket.socket, socket.{family}, socket.{kind})"
    assert play(confined, TRIED + function(body)).answer.startswith("PermissionError")


def test_a_slot_sees_no_listener_of_this_machine(confined: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as abstract:
        name = str(uuid4())
        abstract.bind(f"\0{name}")
        abstract.listen()
        body = "return str([tried(lambda name: open(name).read(), '/proc/' + name) for name in ('self/net/tcp', 'self/net/unix', 'net/dev')])"
        seen = play(confined, TRIED.replace("[:200]", "") + function(body)).answer
        assert f":{listener.getsockname()[1]:04X}" not in seen
        assert name not in seen
        assert "eth" not in seen


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/usr/lib",
        "/etc",
        "/run/slot",
        "/dev",
        "/work",
        "/proc",
        "/sys",
        "/proc/sys/kernel",
        sys.base_prefix + "/lib",
    ],
)
def test_a_slot_cannot_write_outside_its_private_folders(confined: Sandbox, path: str) -> None:
    answer = play(confined, TRIED + function(f"return tried(open, {path!r} + '/new', 'w')")).answer
    assert answer.startswith(("OSError", "PermissionError", "FileNotFoundError")), answer


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_a_private_folder_is_writable_small_and_empty_for_the_next_slot(
    forking: Sandbox, folder: str
) -> None:
    path = f"{folder}/{uuid4()}"
    write = f"import os\nopen({path!r}, 'w').write('x')\nfree = os.statvfs({path!r})\nreturn free.f_blocks * free.f_frsize"
    assert play(forking, function(write)).answer == ROOMY.file_mb << 20
    assert not Path(path).exists()
    assert (
        play(forking, function("import os\nreturn os.listdir('/tmp') + os.listdir('/dev/shm')")).answer == []
    )


@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/etc/passwd", str(REPO / "pyproject.toml"), str(REPO / "grader" / "errors.py"), "/root/.bashrc",
     str(REPO / "tasks"), str(Path.home() / ".bashrc"), "/var", "/home", "/proc/1/environ", "/proc/1/root", "/proc/1/mem",
     "/proc/1/fd", "/proc/1/maps", "/proc/kcore", "/proc/kmsg", "/dev/mem", "/dev/kmsg", "/dev/nvidia0", "/sys/fs"],
)  # fmt: skip
def test_a_slot_cannot_read_what_is_not_its_own(confined: Sandbox, path: str) -> None:
    body = f"import os\nreturn tried(os.listdir if os.path.isdir({path!r}) else open, {path!r})"
    answer = play(confined, TRIED + function(body)).answer
    assert answer.startswith(("FileNotFoundError", "PermissionError")) or answer == "done: []", answer


def test_a_file_written_here_is_not_there(confined: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "labels.csv"
    secret.write_text("secret")
    secret.chmod(0o644)
    said = play(
        confined, TRIED + function(f"return tried(open, {str(secret)!r}), os.path.exists({str(secret)!r})")
    ).answer
    assert said[0].startswith(("FileNotFoundError", "PermissionError"))
    assert not said[1]


def test_a_slot_can_use_the_libraries_of_the_system_and_the_interpreter(forking: Sandbox) -> None:
    body = "import os, subprocess, sys\nreturn len(os.listdir('/usr/lib')), subprocess.check_output([sys.executable, '-c', 'print(6 * 7)'], text=True)"
    files, printed = play(forking, function(body)).answer
    assert files > 0
    assert printed == "42\n"


def test_a_slot_gets_no_environment_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "labels")
    opened = open_sandbox(SMALL, imports=IMPORTS, walls="namespaces")
    try:
        body = "import os\nreturn dict(os.environ)"
        assert "labels" not in str(play(opened, function(body)).answer)
    finally:
        opened.close()


def test_a_slot_sees_itself_and_process_one_at_most(confined: Sandbox) -> None:
    body = "return tried(lambda: sorted(int(name) for name in os.listdir('/proc') if name.isdigit())), os.getpid()"
    said, own = play(confined, TRIED + function(body)).answer
    if confined.name == "namespaces":
        assert said == f"done: [1, {own}]"
    else:
        assert said.startswith("PermissionError")


def test_a_slot_has_no_rights_and_cannot_get_any(confined: Sandbox) -> None:
    body = "import os\nreturn open('/proc/self/status').read(), os.getuid(), os.getgroups(), os.getresuid(), os.getresgid()"
    status, user, groups, users, _ = play(confined, function(body)).answer
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    assert set(users) == {user}
    if confined.name == "namespaces" or landlocked.users():
        assert user not in (0, os.getuid())
    if os.getuid() == 0 and user:  # an ordinary user cannot leave their groups, which own nothing in there
        assert groups == []
    again = "import os\nreturn [tried(os.setuid, 0), tried(os.setgid, 0), tried(os.setgroups, [0]), tried(os.chroot, '/tmp')]"
    outcome = play(confined, TRIED + function(again))
    assert outcome.verdict == "slot_crashed"  # chroot; what comes before it is refused
    assert all(
        "done" not in said
        for said in play(confined, TRIED + function(again.replace(", tried(os.chroot, '/tmp')", ""))).answer
    )


def test_a_slot_inherits_its_own_descriptors_only(confined: Sandbox) -> None:
    body = "import os, stat\nkinds = {}\nfor number in range(3000):\n    try:\n        kinds[str(number)] = stat.S_IFMT(os.fstat(number).st_mode)\n    except OSError:\n        pass\nreturn kinds"
    kinds = play(confined, function(body)).answer
    assert kinds == {"0": stat.S_IFCHR, "1": stat.S_IFIFO, "2": stat.S_IFIFO, "3": stat.S_IFSOCK}


def test_two_slots_of_one_sandbox_are_different_users(confined: Sandbox) -> None:
    if not (spare_users() if confined.name == "namespaces" else landlocked.users()):
        pytest.skip("there are no users to hand out")
    users = {play(confined, function("import os\nreturn os.getuid()")).answer for _ in range(2)}
    assert len(users) == 2


@pytest.mark.parametrize(
    "call",
    ["unshare(0x10000000)", "setns(3, 0)", "mount(0, 0, 0, 0, 0)", "ptrace(0, 0, 0, 0)", "syscall(101 if X86 else 117, 0)",
     "syscall(425, 1, 0)", "process_vm_readv(1, 0, 0, 0, 0, 0)", "syscall(321 if X86 else 280, 0, 0, 0)", "syscall(323 if X86 else 282, 0)",
     "syscall(438, 3, 0, 0)", "syscall(250 if X86 else 219, 0, 0, 0)", "syscall(428, 0, 0, 0)"],
)  # fmt: skip
def test_a_forbidden_system_call_ends_the_slot(confined: Sandbox, call: str) -> None:
    body = f"import ctypes, platform\nX86 = platform.machine() == 'x86_64'\nlibc = ctypes.CDLL(None)\nlibc.{call}"
    outcome = play(confined, function(body))
    assert outcome.verdict == "slot_crashed"
    assert outcome.message == "your code made a system call that is not allowed"


def test_a_slot_cannot_make_a_namespace_by_clone(confined: Sandbox, forking: Sandbox) -> None:
    body = (
        "import ctypes, platform\nlibc = ctypes.CDLL(None, use_errno=True)\nnumber = 56 if platform.machine() == 'x86_64' else 220\n"
        "return libc.syscall(number, 0x10000000 | 17, 0, 0, 0, 0), ctypes.get_errno(), libc.syscall(435, 0, 0), ctypes.get_errno()"
    )
    assert play(confined, function(body)).answer == (-1, 13, -1, 38), "only threads are cloned"
    assert play(forking, function(body)).answer == (-1, 1, -1, 38)


def test_a_call_that_is_in_no_list_does_not_exist_for_a_slot(confined: Sandbox) -> None:
    """fanotify_mark, memfd_secret, io_setup and inotify_init1, which numeric code has no use for."""
    numbers = [(301, 263), (447, 447), (206, 0), (294, 26)]
    body = (
        f"import ctypes, errno, platform\ncolumn = 0 if platform.machine() == 'x86_64' else 1\n"
        f"libc = ctypes.CDLL(None, use_errno=True)\nsaid = []\nfor numbers in {numbers!r}:\n"
        "    assert libc.syscall(numbers[column], 0, 0, 0, 0, 0) == -1\n"
        "    said.append(errno.errorcode[ctypes.get_errno()])\nreturn said"
    )
    assert play(confined, function(body)).answer == ["ENOSYS"] * len(numbers)


def test_the_lists_of_system_calls_are_apart_and_cover_both_machines() -> None:
    for column in (0, 1):
        numbers = [
            one[column] for calls in (ALLOWED, KILLED, REFUSED) for one in calls.values() if one[column] >= 0
        ]
        assert len(set(numbers)) == len(numbers)
    assert all(len(seccomp.program(machine)) // 8 < 4096 for machine in seccomp.ARCHITECTURES)
    assert seccomp.program("riscv64") == b""


@pytest.mark.parametrize("request_number", [0x5412, 0x541D, 0x5423], ids=["TIOCSTI", "TIOCCONS", "TIOCSETD"])
def test_a_slot_cannot_ask_a_device_for_more_than_its_state(confined: Sandbox, request_number: int) -> None:
    body = f"import fcntl\nreturn tried(fcntl.ioctl, 1, {request_number}, b'x')"
    assert "Inappropriate ioctl" in play(confined, TRIED + function(body)).answer


def test_a_pair_of_sockets_leads_nowhere_else(confined: Sandbox) -> None:
    body = (
        "import socket\none, other = socket.socketpair()\none.send(b'x')\n"
        "return other.recv(1), tried(socket.socketpair, 30), tried(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM), "
        "tried(one.sendto, b'x', '\\0abstract'), tried(one.sendmsg, [b'x'], [], 0, '\\0abstract'), tried(one.connect, '/x'), "
        "tried(one.getsockopt, socket.SOL_SOCKET, 17, 12)"
    )
    said = play(confined, TRIED + function(body.replace("other.recv(1)", "other.recv(1).decode()"))).answer
    assert said[0] == "x"
    assert all("done" not in one for one in said[1:]), said


@pytest.mark.parametrize(
    "count",
    ["threading.Thread(target=int).start()", "open('/tmp/x', 'w')", "os.waitpid(os.fork() or os._exit(0), 0)"],
    ids=["threads", "files", "processes"],
)  # fmt: skip
def test_no_number_tells_a_slot_what_an_earlier_one_did(unforked: Sandbox, count: str) -> None:
    """Processes and files are numbered on and on; whoever used some gets a new sandbox for the next run."""
    first = play(unforked, function(f"import os, threading\n{count}\n{SPACE}")).answer
    assert play(unforked, function(SPACE)).answer != first


def test_a_slot_that_starts_nothing_leaves_its_sandbox_as_it_was(unforked: Sandbox) -> None:
    """Else each repeat would wait for a new one."""
    body = f"np.ones(3).sum()\ntorch.ones(3).sum()\n{SPACE}"
    assert len({play(unforked, function(body)).answer for _ in range(3)}) == 1


def test_each_slot_has_a_sandbox_that_nobody_used(forking: Sandbox) -> None:
    """Faults, times and limits of process 1 would tell a slot about the one before, and cannot be reset."""
    body = "import os\nos.system('true')\n" + BEGAN
    assert len({play(forking, function(body)).answer for _ in range(3)}) == 3


@pytest.mark.parametrize(
    "call",
    ["resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))", "resource.prlimit(1, resource.RLIMIT_CPU)", "os.sched_setaffinity(1, {0})",
     "os.setpriority(os.PRIO_PROCESS, 1, 5)", "os.setpriority(os.PRIO_USER, 0, 5)"],
)  # fmt: skip
def test_a_slot_can_change_the_limits_of_nobody_else(confined: Sandbox, call: str) -> None:
    name, _, rest = call.partition("(")
    body = f"import os, resource\nreturn tried({name}, {rest[:-1]})"
    assert play(confined, TRIED + function(body)).answer.startswith("PermissionError")
    own = "import os, resource\nos.setpriority(os.PRIO_PROCESS, 0, 19)\nos.sched_setaffinity(0, os.sched_getaffinity(0))\n"
    own += "resource.setrlimit(resource.RLIMIT_CPU, (60, 60))\nreturn os.nice(0)"
    assert play(confined, function(own)).answer == 19


def test_a_program_that_a_slot_starts_has_no_more_memory_than_the_slot(forking: Sandbox) -> None:
    program = "taken = []\nfor _ in range(200):\n    taken.append(b'x' * (10 << 20))\nprint(len(taken))"
    body = (
        f"import subprocess, sys\ndone = subprocess.run([sys.executable, '-S', '-c', {program!r}], capture_output=True, text=True)\n"
        "return done.stdout, done.stderr[-100:]"
    )
    printed, error = play(forking, function(body)).answer
    assert (printed, "MemoryError" in error) == ("", True)


def test_files_without_content_have_a_limit_too(forking: Sandbox) -> None:
    body = "import os\nfree = os.statvfs('/tmp').f_files, os.statvfs('/dev/shm').f_files\nreturn max(free)"
    assert play(forking, function(body)).answer <= 1 << 14


def test_where_memory_runs_out_a_slot_goes_first_and_leaves_no_image(forking: Sandbox) -> None:
    body = "import resource\nreturn open('/proc/self/oom_score_adj').read().strip(), open('/proc/1/oom_score_adj').read().strip(), resource.getrlimit(resource.RLIMIT_CORE)"
    slot, first, core = play(forking, function(body)).answer
    assert slot == "1000"
    assert first == ("0" if os.getuid() == 0 else "1000")
    assert tuple(core) == (1, 1), (
        "0 would bind no program that the system hands the memory of a crashed process to"
    )


def test_landlock_is_a_wall_of_its_own(tmp_path: Path) -> None:
    """Tried without any other wall: a process of this user that may read everything and write in one folder."""
    if not landlock.version():
        pytest.skip("no Landlock in this kernel")
    (tmp_path / "open").mkdir()
    program = (
        "import ctypes, os, signal, socket, sys\nfrom grader.sandbox.inside import landlock\n"
        "parent = os.getppid()\nctypes.CDLL(None).prctl(38, 1, 0, 0, 0)\nlandlock.confine([('/', landlock.READ_FILE | landlock.READ_DIR)], [sys.argv[1] + '/open'])\n"
        + TRIED
        + "open(sys.argv[1] + '/open/mine', 'w').write('x')\nopen('/dev/null', 'w').write('x')\nopen(os.__file__).read()\n"
        "print(tried(open, sys.argv[1] + '/new', 'w'), tried(os.mkdir, sys.argv[1] + '/new'), tried(os.kill, parent, 0),\n"
        "      tried(socket.create_connection, ('127.0.0.1', int(sys.argv[2])), 2), tried(os.truncate, sys.argv[1] + '/old', 0), sep='|')"
    )
    (tmp_path / "old").write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-c", program, str(tmp_path), str(listener.getsockname()[1])]
        done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.strip().split("|")
    since = {0: 1, 1: 1, 2: 6, 3: 4, 4: 3}
    expected = [one for one in range(5) if landlock.version() >= since[one]]
    assert all(said[one].startswith("PermissionError") for one in expected), said
    assert (tmp_path / "old").read_text() == "x" or landlock.version() < 3


def test_nothing_is_left_of_a_closed_slot_or_sandbox() -> None:
    mark = f"mark-{uuid4()}"  # the command line of a sandbox holds its imports
    opened = open_sandbox(ROOMY, imports=f"{IMPORTS}# {mark}", walls="namespaces")
    slot = (
        "import os, time\n"
        "if not os.fork():\n    os.setsid()\n    if not os.fork():\n        time.sleep(600)\n    time.sleep(600)\n"
        f"print(os.readlink('/proc/self/ns/pid'))\ndef {ENTRY}(targets, losses): pass\n"
    )
    running = opened.start_slot(SlotSource(IMPORTS, slot, (ENTRY,), 0))
    assert eventually(lambda: "pid:" in running.output())
    namespace = running.output().strip()
    if not os.getuid():  # an ordinary user may not look into other namespaces
        assert eventually(lambda: len(processes_of(namespace)) == 4)
    assert processes_saying(mark)
    running.close()
    # Killed at once, gone a moment later; what forked the slot waits to be ended with its sandbox.
    assert eventually(lambda: len(processes_of(namespace)) <= 1)
    opened.close()
    assert processes_of(namespace) == []
    assert processes_saying(mark) == []


@pytest.mark.xdist_group("alone")  # it counts the control groups of this machine
def test_many_processes_together_stay_within_one_limit() -> None:
    group = make_group(1 << 30, processes=8)
    if group is None:
        pytest.skip("this user or machine cannot make control groups")
    group.remove()
    assert not any(folder.exists() for folder in group.folders.values())
    limits = Limits(memory_mb=500, processes=8, file_mb=8)
    opened = open_sandbox(limits, imports=IMPORTS, walls="namespaces")
    grow = "import os, time\nfor _ in range(7):\n    if not os.fork():\n        kept = b'x' * (400 << 20)\n        time.sleep(60)\n"
    outcome = play(opened, function(grow + "return os.wait()[1]"))
    assert (
        outcome.verdict == "memory_limit" or outcome.answer == 9
    )  # the kernel chooses whom of them it kills
    above = next(iter(group.folders.values())).parent
    folders = list(above.glob("slot-*"))
    opened.close()
    assert len(list(above.glob("slot-*"))) < len(folders)


def test_the_number_of_processes_of_a_sandbox_has_one_limit() -> None:
    group = make_group(1 << 30, processes=4)
    if group is None or "pids" not in group.folders:
        pytest.skip("this user or machine cannot make such control groups")
    fork = (
        "import os, sys, time\nsys.stdin.read()\nfor _ in range(20):\n    try:\n        child = os.fork()\n"
        "    except BlockingIOError:\n        os._exit(3)\n    if not child:\n        time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", fork], stdin=subprocess.PIPE) as process:
        group.add(process.pid)
        process.communicate()
    assert process.returncode == 3
    for pid in (group.folders["pids"] / "cgroup.procs").read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    group.remove()
    assert not group.folders["pids"].exists()


def test_a_sandbox_has_one_core_and_the_weight_of_one_process() -> None:
    group = make_group(1 << 30, processes=4)
    if group is None or "cpu" not in group.folders:
        pytest.skip("this user or machine cannot make such control groups")
    folder = group.folders["cpu"]
    names = (
        ("cpu.cfs_quota_us", "cpu.shares") if (folder / "cpu.shares").exists() else ("cpu.max", "cpu.weight")
    )
    values = [(folder / name).read_text().split() for name in names]
    group.remove()
    assert values in ([["100000"], ["1024"]], [["100000", "100000"], ["100"]])


@pytest.mark.parametrize("divided", [True, False], ids=["cores are divided", "without a control group"])
def test_a_slot_without_a_share_of_the_cores_gives_way_to_others(divided: bool) -> None:
    group = make_group(1 << 30, processes=4) if divided else None
    if divided and (group is None or "cpu" not in group.folders):
        pytest.skip("this user or machine cannot make such control groups")
    command = [
        "nice",
        "-n",
        "7",
        sys.executable,
        "-c",
        "print(flush=True); input()",
    ]  # as where the grader itself gives way
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        before = os.getpriority(os.PRIO_PROCESS, process.pid)
        enter(group, process.pid)
        lowered = os.getpriority(os.PRIO_PROCESS, process.pid) - before
        inside = (group.folders["cpu"] / "cgroup.procs").read_text().split() if group else []
        process.communicate(b"\n")
    if group is not None:
        group.remove()
    assert (lowered, inside) == ((0, [str(process.pid)]) if divided else (min(5, 19 - before), []))


def test_processor_time_that_no_parent_is_told_of_is_counted(forking: Sandbox) -> None:
    group = make_group(1 << 30, processes=4)
    if group is None or group.cpu_seconds() is None:
        pytest.skip("this user or machine cannot make such control groups")
    group.remove()
    slot = (
        "import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nfor _ in range(10):\n"
        "    if not os.fork():\n        while time.process_time() < 0.1:\n            pass\n        os._exit(0)\n"
        "    try:\n        os.wait()\n    except ChildProcessError:\n        pass\n"
        f"print('done')\ndef {ENTRY}(targets, losses): pass\n"
    )
    running = forking.start_slot(SlotSource(IMPORTS, slot, (ENTRY,), 0))
    assert eventually(lambda: "done" in running.output(), 30)
    assert running.cpu_seconds() > 0.9
    running.close()


def test_a_sandbox_outlives_the_thread_that_opened_it() -> None:
    opened: list[Sandbox] = []
    thread = threading.Thread(
        target=lambda: opened.append(open_sandbox(SMALL, imports=IMPORTS, walls="namespaces"))
    )
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert play(opened[0], function("return 1")).answer == 1
    opened[0].close()


def test_a_sandbox_dies_with_its_parent() -> None:
    mark = f"mark-{uuid4()}"
    code = (
        "import sys, time\nfrom grader.sandbox import open_sandbox\nfrom grader.task.spec import Limits\n"
        "open_sandbox(Limits(), imports='import os  # ' + sys.stdin.readline(), walls='namespaces')\n"
        "print('up', flush=True)\ntime.sleep(600)"
    )
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    with subprocess.Popen(command, cwd=REPO, text=True, stdin=pipe, stdout=pipe) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(f"{mark}\n")
        parent.stdin.flush()
        parent.stdout.readline()
        assert eventually(lambda: processes_saying(mark))
        parent.kill()
    assert eventually(lambda: processes_saying(mark) == [])


def test_the_doctors_proof_agrees(confined: Sandbox) -> None:
    walls: Walls = "namespaces" if confined.name == "namespaces" else "landlock"
    assert [check for check in prove(walls) if not check.ok] == []
    plain = {check.name: check.ok for check in prove("plain")}
    assert plain["starts"]
    assert not plain["no other processes"]
