"""Sockets of this machine's own network, for systems whose processes cannot hand each other descriptors."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "127.0.0.1"


class LoopbackSocket(socket.socket):
    """A connection that moves several buffers at a call, as the wire does, also where the system has no such call."""

    def sendmsg(self, buffers: Sequence[Any], *_: Any) -> int:  # type: ignore[override]
        """Send of the first buffer what can be sent; return how many bytes that were."""
        return self.send(buffers[0])

    def recvmsg_into(self, buffers: Sequence[Any], *_: Any) -> tuple[int, list[Any], int, Any]:  # type: ignore[override]
        """Fill the first buffer as far as there is something; return how many bytes that were, first of four."""
        return self.recv_into(buffers[0]), [], 0, None


def connect(port: int, secret: str) -> LoopbackSocket:
    """Return a connection to `port` of this machine, on which `secret`, hexadecimal, was sent to show who calls."""
    connection = LoopbackSocket(socket.AF_INET, socket.SOCK_STREAM)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.connect((HOST, port))
    connection.sendall(bytes.fromhex(secret))
    return connection
