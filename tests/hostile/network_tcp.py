# attack: network-tcp  expect: scored=honest
"""Connect by TCP to this machine under each of its names, to its neighbours, and to the metadata service of clouds."""

import socket

HOSTS = (
    "127.0.0.1",
    "0.0.0.0",
    "127.1.2.3",
    "169.254.169.254",
    "172.17.0.1",
    "10.0.2.2",
    "192.168.1.1",
    "8.8.8.8",
)
for family, hosts in (
    (socket.AF_INET, HOSTS),
    (socket.AF_INET6, ("::1", "::", "::ffff:127.0.0.1", "fd00:ec2::254", "fe80::1", "2001:4860:4860::8888")),
):
    for host in hosts:
        for port in (TARGETS["port"], 80, 53, 22):
            try:
                line = socket.socket(family, socket.SOCK_STREAM)
                line.settimeout(0.2)
                line.connect((host, port))
                reached(f"{host}:{port} by TCP")
                print(line.recv(1000))
            except OSError:
                pass
