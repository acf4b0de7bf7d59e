"""One process imports for all, and nothing of one student reaches another through it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil
import pytest
from sandbox_client import ENTRY, converse, eventually, function, play, processes_saying
from sandbox_fixtures import ROOMY, SMALL, go_without_walls

from grader.errors import GraderFault
from grader.sandbox import SlotSource, bwrap, find_bwrap, pool
from grader.sandbox.inside import forks, namespaces, rights
from grader.sandbox.pool import SandboxPool, SandboxSource
from grader.sandbox.proof import required_walls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_bwrap() is None, reason="no bubblewrap for this platform"),
]
MARK = f"mark-{uuid4()}"  # the command line of what imports holds its imports
IMPORTS = f"import numpy as np  # {MARK}\n"
ADDRESSES = function(
    "return [id(object()) for _ in range(50)] + [id([]) for _ in range(50)], id(np), len(gc.get_objects())"
)
# Where the head of somebody's text lies in this process's memory, and what follows it there. It is reversed, so as not to be
# found in this very program.
SEARCH = """
import ctypes, re
def after(reversed_head):
    head, found = reversed_head[::-1].encode(), []
    for line in open('/proc/self/maps'):
        bounds, rights = line.split()[:2]
        low, high = (int(bound, 16) for bound in bounds.split('-'))
        if rights.startswith('rw'):
            memory = (ctypes.c_char * (high - low)).from_address(low)
            found += [bytes(memory[match.end():match.end() + 16]) for match in re.finditer(head, memory)]
    return [text.decode('latin-1') for text in found]

"""


@pytest.fixture(scope="module", params=["namespaces", "landlock"])
def source(request: pytest.FixtureRequest) -> Iterator[SandboxSource]:
    go_without_walls(request.param)
    opened = SandboxSource(IMPORTS, SMALL, request.param)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def forking() -> Iterator[SandboxSource]:
    """Of a task that gives its slots processes and files."""
    opened = SandboxSource(IMPORTS, ROOMY, "namespaces")
    yield opened
    opened.close()


def answer(source: SandboxSource, slot: str, seed: int = 1) -> Any:
    with contextlib.closing(source.open(SMALL)) as sandbox:
        return play(sandbox, slot, seed=seed).answer


def importers() -> list[int]:
    """Return the processes that were started to import, and not those that were forked from them, nor bubblewrap itself."""
    processes = {pid: psutil.Process(pid) for pid in processes_saying(MARK)}
    parents = {pid: process.parent() for pid, process in processes.items() if process.name() != "bwrap"}
    return [
        pid
        for pid, parent in parents.items()
        if parent is None or parent.name() == "bwrap" or parent.pid not in processes
    ]


def test_one_import_serves_thirty_students_who_cannot_tell_which_of_them_they_are(
    source: SandboxSource,
) -> None:
    slot = "import gc\n" + ADDRESSES
    first = answer(source, slot)
    before = importers()
    assert len(before) == 1
    told = [first, *(answer(source, slot) for _ in range(29))]
    assert len({numpy for _, numpy, _ in told}) == 1
    # Addresses move by what happens meanwhile in one's own sandbox; counted on from one to the next they would be in order.
    addresses = [seen[0] for seen, _, _ in told]
    in_order = addresses in (sorted(addresses), sorted(addresses, reverse=True))
    assert len(set(addresses)) == 1 or not in_order, addresses
    assert importers() == before
    assert "torch" in str(
        answer(source, function("import sys\nreturn [name for name in sys.modules if name == 'torch']"))
    )


def test_memory_holds_nothing_of_a_student_before_or_beside(source: SandboxSource) -> None:
    head, tail = uuid4().hex[:12], uuid4().hex[:16]
    canary = f"# {head}{tail}\nKEPT = {head + tail!r}\n" + function("return 1")
    search = SEARCH + function(f"return after({head[::-1]!r})")
    with contextlib.closing(source.open(SMALL)) as sandbox:
        running = sandbox.start_slot(SlotSource("", canary, (ENTRY,), 77_777))
        assert converse(running, 1).verdict == "scored"
        assert tail not in str(answer(source, search)), "of one who runs"
        running.close()
    assert tail not in str(answer(source, search)), "of one who ran"
    own = SEARCH + f"KEPT = {head + tail!r}\n" + function(f"return after({head[::-1]!r})")
    assert tail in str(answer(source, own)), "the search finds what is there"


def test_two_students_at_once_find_nothing_of_each_other(forking: SandboxSource) -> None:
    leave = (
        "import os, time\nopen('/tmp/mine', 'w').write('x')\nopen('/dev/shm/mine', 'w').write('x')\n"
        "if not os.fork():\n    time.sleep(60)\n    os._exit(0)\n"
        + function("return os.getpid(), os.getuid()")
    )
    look = function(
        "import os, signal\nseen = os.listdir('/tmp'), os.listdir('/dev/shm'), os.listdir('/dev/pts'), sorted(filter(str.isdigit, os.listdir('/proc')))\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "try:\n    os.kill(-1, signal.SIGTERM)\nexcept ProcessLookupError:\n    pass\n"
        "for pid in range(2, 400):\n    try:\n        pid == os.getpid() or os.kill(pid, 9)\n    except OSError:\n        pass\n"
        "return *seen, [os.readlink('/proc/self/ns/' + name) for name in ('pid', 'net', 'ipc', 'mnt')], os.getuid()"
    )
    with contextlib.closing(forking.open(ROOMY)) as one, contextlib.closing(forking.open(ROOMY)) as other:
        running = one.start_slot(SlotSource("", leave, (ENTRY,), 1))
        _, user = converse(running, 1).answer
        tmp, shared, terminals, processes, spaces, other_user = play(other, look).answer
        assert (tmp, shared, terminals, processes) == ([], [], [], ["1", "2"])
        assert running.fault(0) is None, "the signals of the other end nobody here"
        running.close()
        own = play(
            one,
            function(
                "import os\nreturn [os.readlink('/proc/self/ns/' + name) for name in ('pid', 'net', 'ipc', 'mnt')]"
            ),
        )
        assert not set(own.answer) & set(spaces)
    if os.getuid() == 0:
        assert user != other_user


def test_the_limits_of_one_are_not_those_of_another(forking: SandboxSource) -> None:
    small, large = ROOMY, ROOMY.model_copy(update={"memory_mb": 300, "file_mb": 3})
    body = (
        "import os\nfree = os.statvfs('/tmp')\nreturn free.f_blocks * free.f_frsize, len(np.ones(200 << 17))"
    )
    with contextlib.closing(forking.open(large)) as roomy, contextlib.closing(forking.open(small)) as tight:
        assert play(roomy, function(body)).answer[0] == 3 << 20
        assert play(tight, function(body)).verdict == "memory_limit"


def test_a_source_whose_process_was_killed_starts_another() -> None:
    own = SandboxSource(f"import json  # {MARK}\n", SMALL, "namespaces")
    with contextlib.closing(own), contextlib.closing(own.open(SMALL)) as sandbox:
        assert play(sandbox, function("return 1")).answer == 1
        for pid in processes_saying(f"json  # {MARK}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: not sandbox.is_running())
        assert play(sandbox, function("return 2")).answer == 2
    assert processes_saying(f"json  # {MARK}") == []


def test_where_no_walls_can_be_built_below_bubblewrap_each_sandbox_has_one_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bwrap, "FORKING_RIGHTS", bwrap.SLOT_RIGHTS)
    monkeypatch.setattr(bwrap, "ALL_NAMESPACES", ("--unshare-all", "--unshare-user", "--disable-userns"))
    own, before = SandboxSource(IMPORTS, SMALL, "namespaces"), set(importers())
    with contextlib.closing(own), contextlib.closing(own.open(SMALL)) as sandbox:
        assert "unshare" in own.why_not_forked()
        status = str(play(sandbox, function("return open('/proc/self/status').read()")).answer)
        assert "Seccomp:\t2" in status
        assert "CapEff:\t0000000000000000" in status
        assert play(sandbox, function("import os\nreturn os.listdir('/tmp')")).answer == []
        assert len(set(importers()) - before) == 2, (
            "one that is used, and one that begins to import for the next"
        )
        with contextlib.closing(own.open(SMALL)) as following:
            assert play(following, function("return 2")).answer == 2
    assert set(importers()) <= before


@pytest.mark.skipif(os.getuid() != 0, reason="only root has users to hand out")
def test_a_slot_whose_walls_do_not_stand_never_reads_its_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slot that would stay root: to become user -1 means to stay who one is."""
    monkeypatch.setattr(pool, "spare_users", lambda: (0xFFFF_FFFF, 0x1_0000_0000))
    own = SandboxSource("", SMALL, "namespaces")
    with (
        contextlib.closing(own),
        contextlib.closing(own.open(SMALL)) as sandbox,
        pytest.raises(GraderFault, match="the walls of a slot do not stand: Uid 0 0 0 0"),
    ):
        sandbox.start_slot(SlotSource("", "print('ran')", (), 0))


@pytest.mark.parametrize("step", ["furnish", "drop_rights", "filter_calls", "hide"])
def test_a_wall_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Each step is made to fail where walls are tried; nothing is started then but what tries."""

    def fail(*_: object) -> None:
        raise OSError(1, f"{step}: refused")

    monkeypatch.setattr(namespaces, "separate", lambda **_: None)
    for module, names in ((namespaces, ["furnish"]), (rights, ["drop_rights", "filter_calls", "hide"])):
        for name in names:
            monkeypatch.setattr(module, name, fail if name == step else lambda *_: None)
    config = {"walls": "namespaces", "users": None, "private": ("/tmp",)}
    assert forks.try_walls(config) == f"[Errno 1] {step}: refused".encode()


def test_a_fork_that_the_system_refuses_costs_one_sandbox_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    asking, asked = socket.socketpair()
    wanted, control = socket.socketpair()
    with asking, asked, wanted, (tmp_path / "log").open("wb") as log:
        socket.send_fds(asking, [forks.FORK], [control.fileno(), log.fileno()])
        control.close()
        assert forks._fork_next(asked) == []
        assert wanted.recv(1) == b"", "whoever waits for the sandbox hears of its end"
        asking.send(forks.FORK)
        assert forks._fork_next(asked) == [], "without descriptors nothing is forked, and it goes on"
    assert (tmp_path / "log").read_text() == "no process could be forked: Resource temporarily unavailable"


def test_imports_that_start_threads_are_refused_with_the_reason() -> None:
    program = (
        "import socket, threading, time\nfrom grader.sandbox.inside import forks\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nforks.serve(socket.socketpair()[0], {})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert "the imports of the task start 1 threads" in ended.stderr


def test_sources_are_kept_for_the_next_batch_and_no_more_of_them_than_wanted() -> None:
    kept = SandboxPool(kept=1, choose=required_walls)
    with kept.source("", SMALL, "plain") as first, kept.source("", SMALL, "plain") as beside:
        assert first is not beside, "two batches at once"
    with kept.source("", SMALL, "plain") as again:
        assert again is first
    with kept.source("", SMALL.model_copy(update={"threads": 4}), "plain") as other:
        assert other is not first
    with pytest.raises(GraderFault, match="the sandboxes are closed"):
        first.start()
    kept.close()
    with pytest.raises(GraderFault, match="the sandboxes are closed"):
        other.start()


def test_torch_is_seeded_also_where_only_the_slot_imports_it() -> None:
    draw = "import torch\n" + function("return torch.rand(3).tolist() + [torch.get_num_threads()]")
    roomy, drawn = SMALL.model_copy(update={"memory_mb": 4000}), []
    for imports in ("", "import torch"):
        with contextlib.ExitStack() as stack:
            own = stack.enter_context(contextlib.closing(SandboxSource(imports, SMALL, "plain")))
            sandbox = stack.enter_context(contextlib.closing(own.open(roomy)))
            drawn.append(play(sandbox, draw, seed=5, seconds=60).answer)
    assert drawn[0] == drawn[1]
    assert drawn[0][-1] == 1
