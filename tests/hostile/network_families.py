# attack: network-families  expect: scored=honest
"""A socket of every family and kind there is: raw, packets, netlink, virtual machines, ciphers, buses."""

import socket

for family in range(1, 48):
    for kind in (1, 2, 3, 4, 5, 6, 10):
        for protocol in (0, 1, 6, 17, 255):
            for flags in (0, socket.SOCK_CLOEXEC):
                try:
                    socket.socket(family, kind | flags, protocol).close()
                except (OSError, ValueError):
                    continue
                reached(f"a socket of family {family}, kind {kind}, protocol {protocol}")
