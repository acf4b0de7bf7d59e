# attack: network-udp  expect: scored=honest
"""Send datagrams to this machine and beyond, with and without being connected, and wait for one back."""

import socket

for family, hosts in (
    (socket.AF_INET, ("127.0.0.1", "255.255.255.255", "224.0.0.1", "8.8.8.8")),
    (socket.AF_INET6, ("::1", "ff02::1", "::ffff:127.0.0.1")),
):
    for host in hosts:
        for port in (TARGETS["port"], 53):
            try:
                line = socket.socket(family, socket.SOCK_DGRAM)
                reached("a socket for UDP")
                line.settimeout(0.2)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                line.sendto(b"hello", (host, port))
                line.connect((host, port))
                line.send(b"hello")
                print(line.recv(1000))
                reached(f"an answer of {host}:{port} by UDP")
            except OSError:
                pass
