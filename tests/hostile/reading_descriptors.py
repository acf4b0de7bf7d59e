# attack: reading-descriptors  expect: scored=honest
"""Uses every inherited descriptor: what it is, who is at its other end, and what can be opened again through
it.
"""

import os
import signal
import socket
import stat

PEER_CREDENTIALS, PEER_GROUPS, PEER_PROCESS, PEER_LABEL = 17, 59, 77, 31
for fd in range(4, 1 << 12):
    try:
        about = os.fstat(fd)
    except OSError:
        continue
    reached(f"an inherited descriptor: {fd}, {stat.filemode(about.st_mode)}")
for fd in range(3):
    for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY):
        try:
            again = os.open(f"/proc/self/fd/{fd}", flags | os.O_NONBLOCK)
        except OSError:
            continue
        if stat.S_ISREG(os.fstat(again).st_mode):
            reached(f"a file behind descriptor {fd}: {os.readlink(f'/proc/self/fd/{fd}')}")
        os.close(again)
for fd in (0, 1, 2, 3):
    for above in (f"/proc/self/fd/{fd}/..", f"/proc/self/fd/{fd}/../../.."):
        try:
            reached(f"a folder by descriptor {fd}: {os.listdir(above)[:5]}")
        except OSError:
            pass
try:
    peer = socket.socket(fileno=os.dup(3))
except OSError:
    peer = None
if peer is not None:
    try:
        credentials = peer.getsockopt(socket.SOL_SOCKET, PEER_CREDENTIALS, 12)
    except OSError:
        credentials = bytes(12)
    process, user, group = np.frombuffer(credentials, np.int32)
    if process not in (0, os.getpid()):
        reached(f"the process at the other end: {process}")
    if peer.getpeername() or peer.getsockname():
        reached(f"a socket with a name: {peer.getpeername()!r}")
    try:
        handle = int.from_bytes(peer.getsockopt(socket.SOL_SOCKET, PEER_PROCESS, 4), "little")
        about = open(f"/proc/self/fdinfo/{handle}").read()
        if any(line.startswith("Pid:") and int(line.split()[1]) > 0 for line in about.splitlines()):
            reached(f"a handle on the process at the other end: {about}")
        signal.pidfd_send_signal(handle, 0)  # refused: the process is of no namespace below this one
        reached("a signal to the process at the other end")
    except OSError:
        pass
    try:
        with socket.socket(fileno=os.dup(3)) as again:
            again.setblocking(False)
            _, control, _, _ = again.recvmsg(1, 4096, socket.MSG_PEEK)
            if control:
                reached("descriptors that came with a message")
    except OSError:
        pass
    os.set_blocking(3, True)
