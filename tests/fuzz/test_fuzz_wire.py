"""Fuzzing of the boundary: no frame takes more memory than its caps, hangs its reader, or raises what is not its own.

The slot's process reads with the same decoder, frames that the trainer sends.
"""

from __future__ import annotations

import contextlib
import socket
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from fuzzing import examples, kept
from hostile_frames import CAPS, frames
from hypothesis import given
from hypothesis import strategies as st

from grader.sandbox.inside import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    Receive = Callable[[socket.socket, wire.Caps], Any]

TIMES_HEADER = 64  # Python's values take some forty times the text that they are written as
SILENCE = 0.01  # seconds
SECONDS = 20
RECEIVERS = pytest.mark.parametrize("receive", [wire.receive, wire.receive_outline], ids=["whole", "outline"])


def received(receive: Receive, data: bytes, caps: wire.Caps = CAPS, *, leaves: bool = True) -> Any:
    """Return what is received of `data`, within its memory, from a peer that leaves, or that stays and says no more."""
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        right.settimeout(SECONDS if leaves else SILENCE)
        with contextlib.suppress(BlockingIOError):  # more than anybody reads
            left.sendall(data)
        if leaves:
            left.close()
        tracemalloc.start()
        try:
            value = receive(right, caps)
        finally:
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert most < 2 * caps.payload_bytes + TIMES_HEADER * caps.header_bytes + (1 << 16)
        taken = wire.PREFIX.size + sum(wire.PREFIX.unpack_from(data)[1:])
        assert not leaves or right.recv(100) == data[taken:][:100]  # not a byte of the next frame was taken
        return value


def arrays_of(value: Any) -> list[np.ndarray[Any, Any]]:
    """Return the arrays and tensors in a value, as arrays."""
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return [np.asarray(value)] if value.dtype != torch.bfloat16 else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [array for item in inner for array in arrays_of(item)]


def check_frame(data: bytes, receive: Receive) -> None:
    """Receive a frame: it gives a value that can be sent, or raises an error of the wire's; a silent peer is waited for."""
    value: Any = None
    with contextlib.suppress(wire.WireError):
        value = received(receive, data)
    with contextlib.suppress(wire.WireError, TimeoutError):
        received(receive, data, leaves=False)
    assert all(array.view(np.uint8).max(initial=0) <= 1 for array in arrays_of(value) if array.dtype == bool)
    again = wire.frame(value)
    assert wire.frame(received(wire.receive, again, wire.DEFAULT_CAPS)) == again


@pytest.mark.slow
@RECEIVERS
@examples(8)
@given(data=frames())
def test_any_damage_to_a_frame_is_a_value_or_an_error_of_the_wire(data: bytes, receive: Receive) -> None:
    with kept(data, ".frames"):
        check_frame(data, receive)


@RECEIVERS
@examples(1)
@given(noise=st.binary(max_size=200))
def test_random_bytes_never_do_more_than_raise_a_wire_error(noise: bytes, receive: Receive) -> None:
    header, of_bytes = (b'[["a"],[["%b","uint8",[%d]]]]' % (kind, len(noise)) for kind in (b"n", b"b"))
    for data in (
        noise,
        wire.PREFIX.pack(wire.MAGIC, len(of_bytes), len(noise)) + of_bytes + noise,
        wire.PREFIX.pack(wire.MAGIC, len(noise), 0) + noise,
        wire.PREFIX.pack(wire.MAGIC, len(header), len(noise)) + header + noise,
    ):
        with kept(data, ".frames"):
            check_frame(data, receive)


LARGE = {
    "empty lists": b"[[%b],[]]" % b",".join([b"[]"] * 2_700),
    "empty dicts": b"[[%b],[]]" % b",".join([b"{}"] * 2_700),
    "small dicts": b"[[%b],[]]" % b",".join([b'{"a":0}'] * 1_000),
    "dicts of other keys": b"[[%b],[]]" % b",".join(b'{"%d":""}' % number for number in range(700)),
    "one large dict": b"[{%b},[]]" % b",".join(b'"%d":0' % number for number in range(900)),
    "numbers": b"[[%b],[]]" % b",".join([b"1e9"] * 2_000),
    "texts": b'["l",%b]' % b",".join(['"\u0100"'.encode()] * 1_500),
    "one wide text": '["\U0001f600%b"]'.encode() % (b"a" * 8_000),
    "empty arrays": b'[["l",%b],[%b]]' % (b",".join([b'["a"]'] * 250), b",".join([b'["n","int8",[0]]'] * 250)),
    "arrays of no use": b"[0,[%b]]" % b",".join([b'["n","int8",[0]]'] * 480),
    "depth": b'["l",' * 800 + b"]" * 800,
    "long numbers": b"[[%b],[]]" % b",".join([b"9" * 4_000] * 2),
}  # fmt: skip


@RECEIVERS
@pytest.mark.parametrize("header", LARGE.values(), ids=LARGE.keys())
def test_the_largest_headers_take_memory_in_proportion(header: bytes, receive: Receive) -> None:
    assert len(header) <= CAPS.header_bytes
    check_frame(wire.PREFIX.pack(wire.MAGIC, len(header), 0) + header, receive)
