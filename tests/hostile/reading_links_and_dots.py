# attack: reading-links-and-dots  expect: scored=honest  alone: slot_error
"""Escapes by names: symlinks, links of links, hard links, dots from held folders, folders moved away while
inside.

Every name ends at the sandbox's own root, because nothing else is mounted.
"""

import os

KEYS = ("answers", "inputs", "secret", "gradebook", "canary_file", "repository")


def is_there(path, way, **where):
    try:
        os.stat(path, **where)
    except OSError:
        return
    reached(f"{path} by {way}")


os.makedirs("/tmp/inner/deep/deeper", exist_ok=True)
held = os.open("/tmp/inner/deep/deeper", os.O_PATH)
os.chdir("/tmp/inner/deep/deeper")
os.rename("/tmp/inner/deep", "/dev/shm/../../tmp/outer")  # the working folder is elsewhere now
for key in KEYS:
    target = TARGETS[key]
    link, second = f"/tmp/link-{key}", f"/dev/shm/link-{key}"
    os.symlink(target, link)
    os.symlink(link, second)
    is_there(link, "a symlink")
    is_there(f"{second}/.", "a symlink of a symlink")
    os.symlink("../" * 30 + target, f"/tmp/up-{key}")
    is_there(f"/tmp/up-{key}", "a symlink of dots")
    os.symlink(f"/proc/self/cwd/{'../' * 30}{target}", f"/tmp/proc-{key}")
    is_there(f"/tmp/proc-{key}", "a symlink through /proc")
    is_there("../" * 30 + target, "dots")
    is_there("../" * 30 + target, "dots from a held folder", dir_fd=held)
    for flags in (os.O_RDONLY, os.O_PATH, os.O_PATH | os.O_NOFOLLOW):
        try:
            found = os.open("../" * 40 + target[1:], flags | os.O_NONBLOCK, dir_fd=held)
            reached(f"{key} by openat")
            is_there(f"/proc/self/fd/{found}", "a descriptor opened again")
        except OSError:
            pass
    try:
        os.link(target, f"/tmp/hard-{key}")
        reached(f"a hard link to {key}")
    except OSError:
        pass
os.chdir("/tmp")
for folder in ("/usr/lib", "/lib", "/run/slot", "/dev", "/sys/devices/system/cpu"):
    try:
        beside = set(os.listdir(f"{folder}/..")) if os.path.isdir(folder) else set()
    except OSError:
        continue
    if beside & {"sbin", "bin", "home", "virtual", "docker.sock", "lock", "user"}:
        reached(f"what lies beside {folder}: {sorted(beside)[:9]}")
