# attack: reading-main-module  expect: scored=honest
"""Looks for the notebook behind `__main__`, `sys.modules`, builtins, IPython's singletons and the command
line.
"""

import builtins
import importlib
import json
import sys

NAMES_OF_A_NOTEBOOK = ("PREDICTIONS_PATH", "DATA_PATH", "SEED", "DEVICE", "In", "Out", "_ih", "exit_code")
KERNEL = "ipykernel.kernelapp ipykernel.ipkernel IPython.core.interactiveshell papermill".split()
KERNEL += "nbclient".split()
main = importlib.import_module("__main__")
for name in NAMES_OF_A_NOTEBOOK:
    if hasattr(main, name):
        reached(f"{name} of the notebook in __main__")
for module in list(sys.modules.values()):
    for name in ("PREDICTIONS_PATH", "DATA_PATH"):
        if name in getattr(module, "__dict__", {}):
            reached(f"{name} in the module {module.__name__}")
if hasattr(builtins, "get_ipython") or hasattr(builtins, "display"):
    reached("IPython's builtins")
for name in KERNEL:
    if name in sys.modules:
        reached(f"the module {name}, imported by a kernel")
said = json.dumps([sys.argv, sys.orig_argv, sys.path, sys.flags, sys.exec_prefix], default=str)
for key in ("answers", "inputs", "secret", "gradebook", "runs"):
    if TARGETS[key] in said:
        reached(f"the path of {key} on the command line")


def attack(honest, *arguments):
    for frame_globals in (sys._getframe(1).f_globals, sys._getframe(2).f_globals):
        if "open_slot" in frame_globals or "get_ipython" in frame_globals:
            reached("the namespace of the trainer's kernel")
    return honest(*arguments)
