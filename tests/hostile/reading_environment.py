# attack: reading-environment  expect: scored=honest
"""Reads the environment from Python, from C, from the kernel's copies, and from whatever memory still holds
one.
"""

import ctypes
import os
import re
import subprocess

libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
name = TARGETS["variable"]
if name in os.environ or libc.getenv(name.encode()):
    reached(f"{name} in the environment")
texts, entry = list(os.environb.values()), 0
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
while environ[entry]:
    texts.append(environ[entry])
    entry += 1
libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: then /proc/self may be read again
for place in ("self", "1", "thread-self", os.getppid(), TARGETS["grader_pid"]):
    try:
        texts.append(open(f"/proc/{place}/environ", "rb").read())
    except OSError:
        pass
OWN_PYTHON = ["/proc/self/exe", "-c", "import os; print(os.environ)"]
for command in (["/usr/bin/env"], ["/bin/sh", "-c", "set"], OWN_PYTHON):
    try:
        texts.append(subprocess.run(command, capture_output=True, timeout=10).stdout)
    except OSError:
        pass
for text in texts:
    if name.encode() in text or re.search(rb"GRADER|SECRET|TOKEN|PASSWORD|API_?KEY", text):
        reached(f"in an environment: {text[:200]!r}")

for line in open("/proc/self/maps"):
    fields = line.split()
    start, end = (int(number, 16) for number in fields[0].split("-"))
    if fields[1][:2] != "rw" or (len(fields) > 5 and fields[5] not in ("[heap]", "[stack]")):
        continue
    for place in range(start, end, 1 << 24):
        text = ctypes.string_at(place, min(1 << 24, end - place))
        found = text.find(name.encode())
        while found >= 0:
            value = text[found + len(name) : found + 100]
            if value[:1] == b"=":
                reached(f"memory that once was an environment: {value!r}")
            found = text.find(name.encode(), found + 1)
