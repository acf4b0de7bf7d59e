"""A program with a GPU reaches that one and nothing else; every other slot has the walls that it had."""

from __future__ import annotations

import hashlib
import os
import struct
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_client import converse
from sandbox_fixtures import SMALL, go_without_walls
from stand_in import StandIn, stand_in

from grader.errors import GraderFault
from grader.sandbox import SlotSource, bwrap
from grader.sandbox.card import Card, clear_memory, installed_cards
from grader.sandbox.card_memory import MOST_LEFT, SMALLEST_BLOCK, fill
from grader.sandbox.cgroup import check_memory, limits_memory
from grader.sandbox.inside import seccomp
from grader.sandbox.pool import SandboxSource
from grader.sandbox.process import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.sandbox import Sandbox, Walls

WITH_GPU = SMALL.model_copy(update={"gpu": True, "memory_mb": 64})
# The filters of slots and of sandboxes as they were before any of them could have a GPU.
FILTERS = {
    "x86_64": "71ee7d7e9d09c8f7550ba3e8eb919b7d11c5c9b5f634863e0b07d0b5d2ca3fd6",
    "aarch64": "ad4a7ac82df908316097680f85867dea2b6e2f3e715e598e3ec883e5439bd584",
}
ROOMS = [
    seccomp.Room(4242, files=files, processes=several) for files in (False, True) for several in (False, True)
]
PROBE = """
import ctypes, fcntl, mmap, os, threading

def attempt(action, *arguments):
    try:
        action(*arguments)
    except (OSError, ValueError) as error:
        return type(error).__name__
    return "done"

def name_a_thread():
    going_on = threading.Event()
    thread = threading.Thread(target=going_on.wait)
    thread.start()
    try:
        with open(f"/proc/self/task/{thread.native_id}/comm", "r+") as file:
            file.write("cuda")
    finally:
        going_on.set()

def probe(ways, others):
    opened = [path for path in ways if attempt(os.open, path, os.O_RDWR | os.O_NOCTTY) == "done"]
    asked = None
    for path in opened:
        device = os.open(path, os.O_RDWR | os.O_NOCTTY)
        os.write(device, b"mine")
        asked = [attempt(os.get_terminal_size, device), attempt(fcntl.ioctl, device, 0x5412, b"x")]
    return {
        "opened": len(opened),
        "asked": asked,
        "others": [path for path in others if attempt(os.open, path, os.O_RDONLY | os.O_NOCTTY) == "done"],
        "nameless file": attempt(os.memfd_create, "x"),
        "name of a thread": attempt(name_a_thread),
        "own memory order": attempt(os.open, f"/proc/self/task/{os.getpid()}/oom_score_adj", os.O_WRONLY),
        "of the whole process": attempt(os.open, "/proc/self/oom_score_adj", os.O_WRONLY),
        "addresses": attempt(mmap.mmap, -1, 1 << 36, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, 0),
        "socket": attempt(__import__("socket").socket, 1),
        "device": os.environ["CUDA_VISIBLE_DEVICES"],
        "user": os.getuid(),
    }
"""
FILL = """
import os
def probe(ways, others):
    for number in range(60):
        descriptor = os.memfd_create("x")
        for _ in range(48):
            os.write(descriptor, bytes(1 << 20))
"""


@pytest.fixture(scope="module")
def device() -> Iterator[StandIn]:
    with stand_in() as made:
        yield made


@pytest.fixture(scope="module", params=["namespaces", "landlock"])
def on_card(request: pytest.FixtureRequest, device: StandIn) -> Iterator[Sandbox]:
    yield from opened(request.param, device.card)


@pytest.fixture(scope="module", params=["namespaces", "landlock"])
def without(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    yield from opened(request.param, None)


def opened(walls: Walls, card: Card | None) -> Iterator[Sandbox]:
    go_without_walls(walls)
    limits = WITH_GPU if card else SMALL
    if card and not limits_memory():
        pytest.skip("this user can make no control group that limits memory")
    with (
        closing(SandboxSource("", limits, walls, card=card)) as source,
        closing(source.open(limits)) as sandbox,
    ):
        yield sandbox


def ask(sandbox: Sandbox, device: StandIn, *, text: str = PROBE) -> Any:
    others = ["/dev/tty", "/dev/ptmx", "/dev/pts/ptmx", "/dev/kmsg", "/dev/mem", "/dev/nvidia0", "/dev/fuse"]
    with stand_in() as other, closing(sandbox.start_slot(SlotSource("", text, ("probe",), 0))) as running:
        running.socket.settimeout(60)
        return converse(running, 1, "probe", (device.ways, [*others, *other.ways]))


@pytest.mark.slow
def test_a_program_with_a_gpu_uses_it_and_nothing_else(on_card: Sandbox, device: StandIn) -> None:
    seen = ask(on_card, device).answer
    has_user_of_its_own = seen.pop("user") != os.getuid()
    assert seen == {
        "opened": 1,
        "asked": ["done", "OSError"],  # its size, and to type into it
        "others": [],
        "nameless file": "done",
        "name of a thread": "done",
        "own memory order": "PermissionError" if has_user_of_its_own else "done",
        "of the whole process": "PermissionError",
        "addresses": "done",
        "socket": "PermissionError",
        "device": "stand-in",
    }
    assert device.written() == "mine"


@pytest.mark.slow
def test_a_slot_without_a_gpu_reaches_none_of_it(without: Sandbox, device: StandIn) -> None:
    seen = ask(without, device).answer
    assert (seen["opened"], seen["others"], seen["device"]) == (0, [], "")
    assert (seen["nameless file"], seen["addresses"]) == ("PermissionError", "OSError")
    assert seen["name of a thread"] in {"PermissionError", "FileNotFoundError"}
    assert device.written() == ""


@pytest.mark.slow
def test_memory_that_is_no_data_is_limited_by_the_control_group(device: StandIn) -> None:
    for sandbox in opened("namespaces", device.card):
        outcome = ask(sandbox, device, text=FILL)
        assert (outcome.verdict, "together" in outcome.message) == ("memory_limit", True)


def test_an_older_landlock_guards_no_devices(device: StandIn) -> None:
    go_without_walls("landlock")
    with (
        closing(SandboxSource("", WITH_GPU, "landlock", card=device.card, landlock=4)) as source,
        pytest.raises(GraderFault, match="or version 5 of Landlock"),
    ):
        source.open(WITH_GPU)


def test_without_a_control_group_there_is_no_gpu() -> None:
    with pytest.raises(GraderFault, match="needs a control group that limits its memory"):
        check_memory(None, 1)


@pytest.mark.parametrize("machine", FILTERS)
def test_the_filters_of_all_others_are_what_they_were(machine: str) -> None:
    filters = [seccomp.program(machine, room) for room in (None, *ROOMS)]
    assert hashlib.sha256(b"".join(filters)).hexdigest() == FILTERS[machine]


def test_a_gpu_adds_its_nodes_to_what_a_slot_sees_and_changes_nothing_else() -> None:
    card = Card("GPU-1", (Path("/dev/nvidia3"), Path("/dev/nvidiactl")))
    before, after = bwrap.visible(0), bwrap.visible(0, (), card)
    place = after.index("--dev-bind")
    added = ["--dev-bind", "/dev/nvidia3", "/dev/nvidia3", "--dev-bind", "/dev/nvidiactl", "/dev/nvidiactl"]
    assert after[place : place + 6] == added
    assert after[:place] + after[place + 6 :] == before
    assert "--dev-bind" not in before
    changed = dict(environment("/tmp", SMALL, card=card).items() - environment("/tmp", SMALL).items())
    assert changed == {"CUDA_VISIBLE_DEVICES": "GPU-1"}


def allows(program: bytes, number: int, second: int) -> bool:
    """Return what a filter says of a call on x86_64, its second argument being that: an interpreter of what is used of BPF."""
    data = struct.pack("=II6QQ", number, seccomp.ARCHITECTURES["x86_64"], 0, 0, second, 0, 0, 0, 0)
    steps, place, value = list(struct.iter_unpack("=HBBI", program)), 0, 0
    while True:
        code, if_true, if_false, operand = steps[place]
        if code == seccomp.RETURN:
            return bool(operand == seccomp.ALLOW)
        jumps = {
            seccomp.JUMP_EQUAL: value == operand,
            seccomp.JUMP_AT_LEAST: value >= operand,
            seccomp.JUMP_ANY_BIT: bool(value & operand),
        }
        place += 1 + ((if_true if jumps[code] else if_false) if code in jumps else 0)
        if code == seccomp.LOAD:
            (value,) = struct.unpack_from("=I", data, operand)
        elif code == seccomp.AND:
            value &= operand


@pytest.mark.parametrize(
    ("request_number", "of_a_card"),
    [
        pytest.param(0xC0384627, True, id="a command for the driver"),
        pytest.param(0x30000001, True, id="the beginning of unified memory"),
        pytest.param(25, True, id="a command for unified memory"),
        pytest.param(0x5412, False, id="typing into a terminal"),
        pytest.param(0x541C, False, id="pasting into a console"),
        pytest.param(0xAE01, False, id="a virtual machine"),
        pytest.param(0xC0086420, False, id="a screen"),
        pytest.param(0x4004667F, False, id="a file system"),
    ],
)
def test_a_gpu_opens_requests_to_its_driver_only(request_number: int, of_a_card: bool) -> None:
    ioctl = 16
    for room in (None, *ROOMS):
        assert allows(seccomp.program("x86_64", room, card=True), ioctl, request_number) is of_a_card
        assert not allows(seccomp.program("x86_64", room), ioctl, request_number)


def test_which_nodes_are_those_of_a_gpu_says_the_driver(tmp_path: Path) -> None:
    for folder, name, minor in (("a", "GPU-b", 1), ("b", "GPU-a", 0), ("c", "GPU-c", 2)):
        (tmp_path / "gpus" / folder).mkdir(parents=True)
        text = f"Model: \t\t NVIDIA H200\nGPU UUID: \t {name}\nDevice Minor: \t {minor}\n"
        (tmp_path / "gpus" / folder / "information").write_text(text)
    for node in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"):
        (tmp_path / node).touch()
    cards = installed_cards(tmp_path, tmp_path)
    own = {name: card.nodes[0].name for name, card in cards.items()}
    assert own == {"GPU-b": "nvidia1", "GPU-a": "nvidia0"}, "of the third, the node is not there"
    assert installed_cards(tmp_path / "none", tmp_path) == {}


class Torch:
    """As much of torch as fills a GPU: of `free` bytes, of which `stuck` cannot be had."""

    uint8 = "uint8"

    def __init__(self, free: int, stuck: int) -> None:
        self.free, self.stuck, self.cuda = free, stuck, self

    class OutOfMemoryError(Exception):
        pass

    def zeros(self, size: int, *, dtype: str, device: str) -> bytes:
        assert (dtype, device) == ("uint8", "cuda")
        if size > self.free - self.stuck:
            raise self.OutOfMemoryError
        self.free -= size
        return b""

    def synchronize(self) -> None:
        pass

    def mem_get_info(self) -> tuple[int, int]:
        return self.free, 6 << 30


def test_all_free_memory_is_filled_or_it_is_a_failure() -> None:
    torch = Torch((5 << 30) + (77 << 20) + 1, 0)
    fill(torch)
    assert torch.free < SMALLEST_BLOCK
    with pytest.raises(RuntimeError, match="33 MB of 33 MB could not be filled"):
        fill(Torch((5 << 30) + MOST_LEFT + (1 << 20), MOST_LEFT + (1 << 20)))
    with pytest.raises(RuntimeError, match="2048 MB of 6144 MB are in use"):
        fill(Torch(4 << 30, 0), settling_seconds=0)


@pytest.mark.slow
def test_a_gpu_that_is_not_there_is_not_cleared() -> None:
    with pytest.raises(GraderFault, match=r"the memory of GPU-0 was not cleared: .*\w"):
        clear_memory(Card("GPU-0", ()))
