"""Ways around either kind of walls, one a line: none of them works, and the sandbox is fit for the next student."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import psutil
import pytest
from sandbox_client import ENTRY, converse, eventually, function, has_ended, play
from sandbox_fixtures import SMALL, go_without_walls

from grader.sandbox import SlotSource
from grader.sandbox.inside import landlock
from grader.sandbox.pool import SandboxSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.sandbox import Sandbox

pytest_plugins = ["sandbox_fixtures"]
pytestmark = pytest.mark.slow
TOOLS = """
import ctypes, errno, fcntl, json, mmap, os, platform, posix, resource, signal, socket, struct, sys, threading, time
X86 = platform.machine() == "x86_64"
LIBC = ctypes.CDLL(None, use_errno=True)
PARENT, ME = os.getppid(), os.getpid()
LIBRARY = np.__file__

def call(x86, arm, *arguments):
    number = x86 if X86 else arm
    result = LIBC.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def tried(action):
    try:
        return f"done: {action()!r}"[:200]
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]

def text(value):
    return value.encode() + b"\\0"

"""
# What a slot tries; each must raise. Numbers of calls are those of x86_64 and aarch64.
ATTACKS = {
    "limits of the parent": "resource.prlimit(PARENT, resource.RLIMIT_CPU, (1, 1))",
    "limits read of the parent": "resource.prlimit(PARENT, resource.RLIMIT_CPU)",
    "higher limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (9999, 9999))",
    "priority of a user": "os.setpriority(os.PRIO_USER, 0, 19)",
    "priority of a group": "os.setpriority(os.PRIO_PGRP, 0, 19)",
    "priority read of the parent": "os.getpriority(os.PRIO_PROCESS, PARENT)",
    "cores of the parent": "os.sched_setaffinity(PARENT, {0})",
    "scheduler of the parent": "call(144, 119, PARENT, 0, 0)",
    "group of the parent": "os.getpgid(PARENT)",
    "session of the parent": "os.getsid(PARENT)",
    "group of its own": "os.setpgid(0, PARENT)",
    "clock of the parent": "time.clock_gettime((~PARENT << 3) | 2)",
    "clock of process 1": "time.clock_gettime((~1 << 3) | 2)",
    "timer on the parent's clock": "call(222, 107, (~PARENT << 3) | 2, 0, ctypes.create_string_buffer(8))",
    "signal to the parent": "os.kill(PARENT, 0)",
    "signal to process 1": "os.kill(1, 9)",
    "signal to all": "os.kill(-1, 9)",
    "signal to a group": "os.killpg(PARENT, 9)",
    "thread signal": "call(234, 131, PARENT, PARENT, 9)",
    "old thread signal": "call(200, 130, PARENT, 9)",
    "queued signal": "call(129, 138, PARENT, 9, ctypes.create_string_buffer(128))",
    "queued thread signal": "call(297, 240, PARENT, PARENT, 9, ctypes.create_string_buffer(128))",
    "descriptor of the parent": "os.pidfd_open(PARENT)",
    "robust list of the parent": "call(274, 100, PARENT, ctypes.create_string_buffer(8), ctypes.create_string_buffer(8))",
    "no end with the parent": "call(157, 167, 1, 0, 0, 0, 0)",
    "to be looked into": "call(157, 167, 4, 1, 0, 0, 0)",
    "shared pages": "call(157, 167, 67, 1, 0, 0, 0)",
    "merged pages": "mmap.mmap(-1, 4096).madvise(12)",
    "another user": "os.setresuid(0, 0, 0)",
    "another group": "os.setgroups([0])",
    "rights": "call(126, 91, struct.pack('=Ii', 0x20080522, 0), struct.pack('=6I', 32, 32, 32, 0, 0, 0))",
    "a looser filter": "call(157, 167, 22, 2, 0, 0, 0)",
    "a fork": "posix.fork() or posix._exit(0)",
    "a vfork": "call(58, -1) or posix._exit(0)"
    if sys.maxsize and os.uname().machine == "x86_64"
    else "call(-1, -1)",
    "a child of the parent": "call(56, 220, 0x8000 | 17, 0, 0, 0, 0) or posix._exit(0)",
    "a child by clone3": "call(435, 435, ctypes.create_string_buffer(88), 88)",
    "a thread that shares nothing": "call(56, 220, 0x10000, 0, 0, 0, 0)",
    "a program": "posix.execv(sys.executable, [sys.executable, '-c', ''])",
    "a program by descriptor": "call(322, 281, os.open(LIBRARY, os.O_RDONLY), text(''), 0, 0, 0x1000)",
    "mode of a library": "os.chmod(LIBRARY, 0o666)",
    "mode by descriptor": "os.fchmod(os.open(LIBRARY, os.O_RDONLY), 0o666)",
    "times of a library": "os.utime(LIBRARY)",
    "times by descriptor": "os.utime(os.open(LIBRARY, os.O_RDONLY))",
    "owner of a library": "os.chown(LIBRARY, ME, ME)",
    "attributes": "os.setxattr(LIBRARY, 'user.a', b'1')",
    "an emptied library": "os.truncate(LIBRARY, 0)",
    "emptied while reading": "os.open(LIBRARY, os.O_RDONLY | os.O_TRUNC)",
    "opened for neither": "os.open(LIBRARY, 3)",
    "written": "os.open(LIBRARY, os.O_WRONLY)",
    "appended": "open(LIBRARY, 'ab')",
    "a nameless file": "os.open('/tmp', os.O_TMPFILE | os.O_RDWR)",
    "a file": "os.open('/tmp/a', os.O_CREAT | os.O_RDONLY)",
    "opened by openat2": "call(437, 437, -100, text(LIBRARY), struct.pack('=QQQ', 2, 0, 0), 24)",
    "a link": "os.symlink('/', '/tmp/a')",
    "another name": "os.rename(LIBRARY, LIBRARY + 'x')",
    "a removed library": "os.unlink(LIBRARY)",
    "a folder": "os.mkdir('/tmp/a')",
    "a lock": "fcntl.flock(os.open(LIBRARY, os.O_RDONLY), fcntl.LOCK_SH)",
    "a record's lock": "fcntl.lockf(os.open(LIBRARY, os.O_RDONLY), fcntl.LOCK_SH)",
    "who locks": "fcntl.fcntl(os.open(LIBRARY, os.O_RDONLY), fcntl.F_GETLK, struct.pack('hhqqi', 1, 0, 0, 0, 0))",
    "a lease": "fcntl.fcntl(os.open(LIBRARY, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
    "news of a folder": "fcntl.fcntl(os.open(os.path.dirname(LIBRARY), os.O_RDONLY), fcntl.F_NOTIFY, 1)",
    "a datagram": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "packets": "socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)",
    "sent elsewhere": "socket.socketpair()[0].sendto(b'x', '\\0abstract')",
    "a message elsewhere": "socket.socketpair()[0].sendmsg([b'x'], [], 0, '\\0abstract')",
    "who is at the other end": "socket.socket(fileno=os.dup(3)).getsockopt(socket.SOL_SOCKET, 17, 12)",
    "shared memory": "call(29, 194, 77, 4096, 0o1600)",
    "POSIX shared memory": "os.open('/dev/shm/a', os.O_CREAT | os.O_RDWR)",
    "memory by descriptor": "os.memfd_create('a')",
    "a message queue": "call(240, 180, text('/a'), 0o102, 0o600, 0)",
    "a semaphore": "call(64, 190, 77, 1, 0o1600)",
    "the root": "os.listdir('/') and open('/etc/passwd')",
    "a folder above": "os.open('../../../../etc/passwd', os.O_RDONLY, dir_fd=os.open(os.path.dirname(LIBRARY), os.O_RDONLY))",
    "a descriptor's name": "open(f'/proc/self/fd/{os.open(os.path.dirname(LIBRARY), os.O_RDONLY)}/../../grader/errors.py')",
    "this program": "[open(os.path.join(root, 'grader', 'errors.py')) for root in sys.path if os.access(root, os.R_OK)][0]",
    "where it is installed": "[open(os.path.join(os.path.dirname(os.path.dirname(LIBRARY)), name)) for name in os.listdir(os.path.dirname(os.path.dirname(LIBRARY))) if name.endswith('.pth')][0]",
    "the parent's memory": "open(f'/proc/{PARENT}/mem', 'rb')",
    "the parent's environment": "open(f'/proc/{PARENT}/environ')",
    "its own memory, to write": "open('/proc/self/mem', 'r+b')",
    "numbers of its user": "open('/proc/sys/kernel/pid_max', 'w')",
    "how many share a page": "open('/proc/self/smaps_rollup').read().splitlines()[99]",
    "news of files": "call(294, 26, 0)",
    "a handle": "call(303, 264, -100, text(LIBRARY), ctypes.create_string_buffer(200), ctypes.create_string_buffer(8), 0)",
    "pages in memory": "call(27, 232, 0, 4096, ctypes.create_string_buffer(8))",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_way_leads_around_the_walls(confined: Sandbox, attack: str) -> None:
    with Path(np.__file__).open("rb") as library:
        before = os.fstat(library.fileno())
    outcome = play(confined, TOOLS + function(f"return tried(lambda: {ATTACKS[attack]})"))
    assert outcome.verdict == "slot_crashed" or "done" not in outcome.answer, outcome
    after = Path(np.__file__).stat()
    assert (before.st_mode, before.st_mtime_ns, before.st_size) == (
        after.st_mode,
        after.st_mtime_ns,
        after.st_size,
    )


def test_what_a_slot_may_do_to_itself_works(confined: Sandbox) -> None:
    body = (
        "os.kill(ME, 0); os.nice(1); os.sched_getaffinity(0); os.getpgid(0); os.getsid(0)\n"
        "time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID); time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)\n"
        "signal.raise_signal(signal.SIGWINCH); signal.pthread_kill(threading.get_ident(), 0)\n"
        "call(157, 167, 15, text('named'), 0, 0, 0)\n"
        "one, other = socket.socketpair(); one.send(b'x'); other.recv(1)\n"
        "open('/dev/null', 'w').write('x'); open('/dev/urandom', 'rb').read(8)\n"
        "return [bool(open('/proc/self/' + name).read()) for name in ('maps', 'stat', 'statm', 'status')], bool(open('/proc/cpuinfo').read())"
    )
    assert play(confined, TOOLS + function(body)).answer == ([True] * 4, True)


@pytest.fixture(params=["namespaces", "landlock"])
def source(request: pytest.FixtureRequest) -> Iterator[SandboxSource]:
    go_without_walls(request.param)
    opened = SandboxSource("import numpy as np\n", SMALL, request.param)
    yield opened
    opened.close()


def test_of_two_students_at_once_neither_reaches_the_other(source: SandboxSource) -> None:
    """One waits; the other tries all that takes a number, with the first one's number as this machine knows it."""
    victim = "import os, time\nKEPT = 'labels of the first'\n" + function("return os.getpid(), os.getuid()")
    tries = (
        "said = []\nfor pid in [victim, *range(max(2, victim - 40), victim + 40)]:\n"
        "    if pid == ME: continue\n"
        "    for action in (lambda: os.kill(pid, 9), lambda: resource.prlimit(pid, resource.RLIMIT_AS, (1, 1)),\n"
        "                   lambda: os.sched_setaffinity(pid, {0}), lambda: open(f'/proc/{pid}/status').read(),\n"
        "                   lambda: open(f'/proc/{pid}/cmdline').read()[0], lambda: time.clock_gettime((~pid << 3) | 2),\n"
        "                   lambda: call(434, 434, pid, 0), lambda: os.setpriority(os.PRIO_PROCESS, pid, 19)):\n"
        "        said.append(tried(action))\n"
        "return [text for text in said if 'done' in text or 'labels' in text][:5]"
    )
    with contextlib.closing(source.open(SMALL)) as one, contextlib.closing(source.open(SMALL)) as other:
        running = one.start_slot(SlotSource("", victim, (ENTRY,), 1))
        number, _ = converse(running, 1).answer
        pid = next(iter(numbers_outside(number)), number)
        before = limits_of(pid)
        program = TOOLS.replace("LIBRARY = np.__file__\n", "") + f"victim = {pid}\n" + function(tries)
        assert play(other, program).answer == []
        assert limits_of(pid) == before
        assert running.fault(0) is None
        running.close()


def limits_of(pid: int) -> tuple[str, int, set[int]]:
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    return limits, os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid)


def numbers_outside(number: int) -> list[int]:
    """Return the numbers as seen from here of what has `number` inside a namespace."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(OSError, psutil.Error):
            words = (
                Path(f"/proc/{process.pid}/status")
                .read_text(encoding="ascii")
                .split("NSpid:")[1]
                .split("\n")[0]
                .split()
            )
            if len(words) > 1 and int(words[-1]) == number:
                found.append(process.pid)
    return found


def test_threads_with_tiny_stacks_end_their_slot_and_nobody_else(source: SandboxSource) -> None:
    """Each takes 4 kB: the limit of memory would be met by thousands of them, that of threads by eight."""
    slot = TOOLS.replace("LIBRARY = np.__file__\n", "") + function(
        "import _thread\nLIBC.pthread_create.restype = ctypes.c_int\n"
        "attribute = ctypes.create_string_buffer(64)\nLIBC.pthread_attr_init(attribute)\nLIBC.pthread_attr_setstacksize(attribute, ctypes.c_size_t(16384))\n"
        "thread = ctypes.c_ulong()\n"
        "made = 0\nfor _ in range(100000):\n    made += LIBC.pthread_create(ctypes.byref(thread), attribute, LIBC.pause, None) == 0\n"
        "time.sleep(5)\nreturn made"
    )
    with contextlib.closing(source.open(SMALL)) as one, contextlib.closing(source.open(SMALL)) as other:
        neighbour = other.start_slot(SlotSource("", function("return 1"), (ENTRY,), 1))
        outcome = play(one, slot, seconds=30)
        assert outcome.verdict == "slot_crashed" or outcome.answer < SMALL.threads, outcome
        assert converse(neighbour, 1).answer == 1
        neighbour.close()


def test_a_slot_whose_main_thread_ended_is_ended_with_its_sandbox(source: SandboxSource) -> None:
    mark = f"{uuid4()}"
    slot = f"MARK = {mark!r}\nimport ctypes, threading, time\n" + function(
        "threading.Thread(target=time.sleep, args=(600,)).start()\nctypes.CDLL(None).pthread_exit(None)"
    )
    with contextlib.closing(source.open(SMALL)) as sandbox:
        before = {child.pid for child in psutil.Process().children(recursive=True)}
        assert play(sandbox, slot, seconds=2).verdict in {"time_limit", "slot_crashed"}
        assert play(sandbox, function("return 1")).answer == 1
    assert eventually(lambda: not ({c.pid for c in psutil.Process().children(recursive=True)} - before))


def test_nothing_survives_the_end_of_what_forked_it() -> None:
    """Without namespaces, the slot's own death signal does what the end of process 1 does."""
    go_without_walls("landlock")
    source = SandboxSource("import numpy as np\n", SMALL, "landlock")
    sandbox = source.open(SMALL)
    slot = "import ctypes, os\nctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\n" + function(
        "return os.getpid(), os.getppid()"
    )
    running = sandbox.start_slot(SlotSource("", slot, (ENTRY,), 1))
    pid, server = converse(running, 1).answer
    os.kill(server, signal.SIGKILL)
    assert eventually(lambda: has_ended(pid))
    with contextlib.suppress(Exception):
        running.close()
    with contextlib.suppress(Exception):
        sandbox.close()
    source.close()


@pytest.mark.parametrize("version", range(1, landlock.version() + 1) if landlock.version() else [])
def test_an_older_landlock_is_wall_enough(version: int) -> None:
    """What it does not know yet, the filter of system calls refuses."""
    go_without_walls("landlock")
    names = (
        "signal to the parent",
        "an emptied library",
        "emptied while reading",
        "written",
        "a datagram",
        "sent elsewhere",
        "the root",
        "this program",
        "a link",
    )
    tries = ", ".join(f"tried(lambda: {ATTACKS[name]})" for name in names)
    own = SandboxSource("import numpy as np\n", SMALL, "landlock", landlock=version)
    with contextlib.closing(own), contextlib.closing(own.open(SMALL)) as sandbox:
        running = sandbox.start_slot(
            SlotSource("import numpy as np\n", TOOLS + function(f"return [{tries}]"), (ENTRY,), 1)
        )
        said = converse(running, 1).answer
        running.close()
    assert [text for text in said if "done" in text] == []


def test_a_wall_that_cannot_be_put_up_runs_nothing() -> None:
    """Landlock that gives no rules, and a filter that is refused: the slot never reads its program."""
    go_without_walls("landlock")
    program = (
        "import sys\nfrom grader.sandbox.inside import landlock, rights\n"
        "if '{name}' == 'filter_calls': landlock.enforce = landlock.confine = lambda *_, **__: None\n"
        "def fail(*_, **__): raise OSError(1, '{name}: refused')\n{module}.{name} = fail\n"
        "from grader.sandbox.inside import slot\nimport socket, os\n"
        "pairs = [socket.socketpair() for _ in range(2)]\nread, write = os.pipe()\n"
        "child = os.fork()\n"
        "config = dict(walls='landlock', user=0, users=False, memory_mb=64, threads=4, processes=1, file_mb=0, crossing=dict(), cpu_seconds=9,"
        " rules_fd=os.open('/dev/null', 0), beside_proc=[], landlock=7, shown=[], private=())\n"
        "if not child:\n    slot.run(config, (pairs[0][1].fileno(), write, pairs[1][1].fileno()), os.getppid())\n"
        "print(pairs[1][0].recv(4096).decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    for module, name in (
        ("rights", "drop_rights"),
        ("rights", "hide"),
        ("rights", "gain_nothing"),
        ("landlock", "enforce"),
        ("rights", "filter_calls"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program.format(module=module, name=name)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stdout.strip() == f"PermissionError: [Errno 1] {name}: refused 1", (
            done.stdout,
            done.stderr,
        )
