# attack: program-reads-beyond-mounts  expect: scored=honest
"""From a folder that it may read, go on to those beside it: by dots, by descriptors, by /proc, by the folder above."""

import os

ways, opened = [], []
mounts = os.environ.get("GRADER_MOUNTS", "")
folders = [os.path.join(mounts, name) for name in ("models", "data", "public")] if mounts else []
for folder in [mounts, *folders] if mounts else []:
    for name in (
        "task.toml",
        "data.py",
        "notebook.py",
        "strategies",
        "../solutions",
        "../../solutions",
        "..",
        "../..",
    ):
        ways += [os.path.join(folder, name), os.path.join(folder, "..", name)]
        ways += [f"/proc/self/root{folder}/{name}", f"/proc/self/cwd/{name}"]
ways += [str(value) for value in TARGETS.values()]
for way in ways:
    try:
        opened.append(open(way, "rb").read(100))
    except (OSError, ValueError):
        continue
    reached(f"{way}: {opened[-1]!r}")
for folder in folders:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        continue
    for name in ("../task.toml", "../../secret", "../strategies/../data.py"):
        try:
            reached(os.read(os.open(name, os.O_RDONLY, dir_fd=descriptor), 100))
        except OSError:
            continue
