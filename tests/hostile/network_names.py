# attack: network-names  expect: scored=honest
"""Ask for addresses of names, with the resolver, with libc's own ways, and with whatever services lists of names."""

import ctypes
import socket

NAMES = (
    "example.com",
    "www.python.org",
    "metadata.google.internal",
    "host.docker.internal",
)
socket.setdefaulttimeout(1)
for name in NAMES:
    for look_up in (socket.gethostbyname, socket.gethostbyname_ex, lambda one: socket.getaddrinfo(one, 80)):
        try:
            reached(f"an address of {name}: {look_up(name)}")
        except OSError:
            pass
libc = ctypes.CDLL(None)
libc.gethostbyname.restype = ctypes.c_void_p
if libc.gethostbyname(b"example.com"):
    reached("an address by libc")
try:
    reached(
        f"the names of this machine's interfaces: {[one for one in socket.if_nameindex() if one[1] != 'lo']}"
    )
except OSError:
    pass
socket.setdefaulttimeout(None)
