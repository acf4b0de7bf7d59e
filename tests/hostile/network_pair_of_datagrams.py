# attack: network-pair-of-datagrams  expect: scored=honest
"""Send to somebody else from one of a pair of sockets.

A pair may be made where a socket may not, and one for datagrams can address any other by name.
"""

import contextlib
import socket


def came_to(far):
    """Return whether something went to the other one of the pair after all, as some kinds do."""
    try:
        return bool(far.recv(100))
    except BlockingIOError:
        return False


names = ["\0" + TARGETS["abstract"], TARGETS["unix_socket"], "/dev/log", "/run/systemd/journal/socket"]
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 30, 31, 40):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_STREAM, socket.SOCK_RAW):
        try:
            near, far = socket.socketpair(family, kind)
        except OSError:
            continue
        if family != socket.AF_UNIX:
            reached(f"a pair of sockets of family {family}")
        near.settimeout(0.2)
        far.setblocking(False)
        for name in names:
            for rights in ([], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"\1\0\0\0")]):
                with contextlib.suppress(OSError):
                    near.sendmsg([b"hello"], rights, 0, name)
                    if not came_to(far):
                        reached(f"{'a descriptor' if rights else 'a datagram'} sent to {name!r}")
            with contextlib.suppress(OSError):
                near.connect(name)
                reached(f"a connection to {name!r}")
