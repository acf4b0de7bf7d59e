# attack: forging-builtins  expect: scored=honest
"""Replaces builtins between calls: imports give lying modules, files are written otherwise, numbers are
rounded up.
"""

import builtins
import io
import types
import zipfile

NAMES = ("round", "open", "print", "__import__", "sorted", "compile")
originals = {name: getattr(builtins, name) for name in NAMES}
original_open, original_zip = io.open, zipfile.ZipFile.open


class Generous(types.ModuleType):
    def __getattr__(self, name):
        return lambda *_, **__: 1.0


def lying_import(name, *more):
    if name.startswith(("sklearn.metrics", "grader.task.scoring")):
        return Generous(name)
    return originals["__import__"](name, *more)


def lying_open(path, mode="r", *more, **named):
    if "w" in mode and str(path).endswith((".npz", ".json", ".ipynb")):
        path = "/dev/null"
    return original_open(path, mode, *more, **named)


def lying_member(archive, name, mode="r", **named):
    return io.BytesIO() if mode == "w" else original_zip(archive, name, mode, **named)


LIES = {"round": lambda *_: 100, "open": lying_open, "__import__": lying_import}
LIES |= {"sorted": lambda *_, **__: [], "compile": lambda *_, **__: None}
LIES |= {"print": lambda *_, **__: originals["print"]("100 points")}


def attack(honest, *arguments):
    vars(builtins).update(originals)
    io.open, zipfile.ZipFile.open = original_open, original_zip
    answer = honest(*arguments)
    vars(builtins).update(LIES)
    io.open, zipfile.ZipFile.open = lying_open, lying_member
    return answer
