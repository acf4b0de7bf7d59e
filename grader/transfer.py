"""Move bytes through a socket, all of them or none that count; and what is wrong where that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

BUFFERS_PER_CALL = 512  # the kernel takes at most IOV_MAX = 1024


class WireError(Exception):
    """A frame that breaks the rules, hostile or too large; the message is one sentence."""


class Closed(WireError):  # noqa: N818 -- the peer's state, not a mistake
    """The peer is gone."""


def receive_exactly(sock: socket.socket, count: int) -> bytearray:
    """Return the next `count` bytes. Raises Closed where the peer is gone."""
    data = bytearray(count)
    receive_all(sock, [memoryview(data)] if count else [])
    return data


def receive_all(sock: socket.socket, buffers: list[memoryview]) -> None:
    """Fill all of `buffers` (none empty). Raises Closed where the peer is gone."""
    move(lambda some: sock.recvmsg_into(some)[0], buffers)


def move(transfer: Callable[[list[memoryview]], int], buffers: list[memoryview]) -> None:
    """Call `transfer` until all of `buffers` (none empty) went through. Raises Closed where the peer is gone."""
    first = 0
    while first < len(buffers):
        try:
            count = transfer(buffers[first : first + BUFFERS_PER_CALL])
        except ConnectionError:
            count = 0
        if not count:
            raise Closed("the other process is gone")
        while first < len(buffers) and count >= len(buffers[first]):
            count -= len(buffers[first])
            first += 1
        if count:
            buffers[first] = buffers[first][count:]
