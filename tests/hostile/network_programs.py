# attack: network-programs  expect: scored=honest
"""Let other programs do it: a shell's own /dev/tcp, clients of all kinds, a fresh interpreter, the loader itself."""

import glob
import os
import subprocess
import sys

PORT = TARGETS["port"]
DIAL = f"import socket; print(socket.create_connection(('127.0.0.1', {PORT}), 1).recv(99)); print('LINKED')"
COMMANDS = [
    [shell, "-c", f"cat < /dev/tcp/127.0.0.1/{PORT} && echo LINKED"] for shell in ("bash", "/bin/bash", "sh")
]
COMMANDS += [
    ["sh", "-c", f"{tool} && echo LINKED"]
    for tool in (f"nc -w1 127.0.0.1 {PORT}", f"curl -m1 127.0.0.1:{PORT}")
]
COMMANDS += [["perl", "-MIO::Socket", "-e", f"IO::Socket::INET->new('127.0.0.1:{PORT}') and print 'LINKED'"]]
COMMANDS += [[sys.executable, "-I", "-S", "-c", DIAL], ["/proc/self/exe", "-c", DIAL]]
COMMANDS += [[loader, sys.executable, "-I", "-c", DIAL] for loader in glob.glob("/lib*/ld-linux*")]
COMMANDS += [["/run/slot/" + os.path.basename(sys.executable), "-c", DIAL]]
for command in COMMANDS:
    try:
        said = subprocess.run(command, capture_output=True, timeout=5).stdout
    except (OSError, subprocess.TimeoutExpired):
        continue
    if b"LINKED" in said:
        reached(f"{command[0]} has connected: {said}")
