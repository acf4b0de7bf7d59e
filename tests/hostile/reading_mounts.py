# attack: reading-mounts  expect: scored=honest
"""Learns host paths and devices from the list of mounts and goes there: siblings, device nodes, mount
options.
"""

import os
import pathlib
import stat

PRIVATE = ("/tmp", "/dev/shm")
disks, mounts = set(), [line.split() for line in open("/proc/self/mountinfo")]
places = {fields[4] for fields in mounts}
on_the_way = {above for place in places for above in (place, *map(str, pathlib.PurePath(place).parents))}
for fields in mounts:
    device, root, place, options = fields[2], fields[3], fields[4], fields[5].split(",")
    kind = fields[fields.index("-") + 1]
    if "rw" in options and place not in (*PRIVATE, "/proc") and not place.startswith("/dev/"):
        reached(f"a mount that can be written: {place}")
    if root == "/" and kind not in ("tmpfs", "proc", "devpts", "mqueue", "sysfs"):
        reached(f"a whole file system at {place}")
    if root not in ("/", place) and os.path.lexists(root):  # where it comes from on the host
        reached(f"the host's own path {root}")
    for folder in (os.path.dirname(place), os.path.dirname(root), f"{place}/..{os.path.dirname(root)}"):
        inside = any(folder.startswith(f"{other}/") or folder == other for other in places - {"/"})
        if os.path.isdir(folder) and not inside and os.path.realpath(folder) in on_the_way:
            beside = {f"{os.path.realpath(folder)}/{name}".replace("//", "/") for name in os.listdir(folder)}
            strange = {path for path in beside - on_the_way if not os.path.islink(path)}
            if strange:
                reached(f"what lies beside mounts: {sorted(strange)[:5]}")
    disks.add(device)
for line in open("/proc/partitions").readlines()[2:]:
    disks.add(":".join(line.split()[:2]))
for device in disks:
    number = os.makedev(*map(int, device.split(":")))
    for kind in (stat.S_IFBLK, stat.S_IFCHR):
        try:
            os.mknod(f"/tmp/disk-{device}", kind | 0o600, number)
            reached(f"a device node for {device}")
        except OSError:
            pass
for folder, _, names in os.walk("/dev"):
    for name in names:
        about = os.lstat(f"{folder}/{name}")
        if stat.S_ISBLK(about.st_mode):
            reached(f"the disk {folder}/{name}")
        if stat.S_ISREG(about.st_mode) and not folder.startswith("/dev/shm"):
            reached(f"a file among the devices: {folder}/{name}")
