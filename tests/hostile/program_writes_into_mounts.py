# attack: program-writes-into-mounts  expect: scored=honest
"""Change what others will read: open, cut, rename, remove, link, date and open up each file of the folders that are shared."""

import os

mounts = os.environ.get("GRADER_MOUNTS", "")
tries = {
    "append": lambda path: open(path, "ab"),
    "cut": lambda path: os.truncate(path, 0),
    "rename": lambda path: os.rename(path, f"{path}.old"),
    "remove": os.unlink,
    "link": lambda path: os.link(path, f"{path}.again"),
    "symlink": lambda path: os.symlink("/etc/passwd", f"{path}.link"),
    "folder": lambda path: os.mkdir(f"{path}.folder"),
    "date": lambda path: os.utime(path, (1, 1)),
    "mode": lambda path: os.chmod(path, 0o666),
    "mark": lambda path: os.setxattr(path, "user.note", b"1"),
}
for name in ("models", "data", "public") if mounts else ():
    for folder, _, files in os.walk(os.path.join(mounts, name)):
        for path in [folder, *(os.path.join(folder, file) for file in files)]:
            for what, action in tries.items():
                try:
                    action(path)
                except OSError:
                    continue
                reached(f"{what}: {path}")
