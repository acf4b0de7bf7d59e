"""Read the corpus of hostile submissions, one attack a file, and build what each hands in, for any task.

The first line of a file names the attack and what it may end with, separated by bars:

    # attack: reading-frames  expect: scored=honest|slot_error  alone: slot_crashed

What stands behind `alone` is also allowed where the task grants its slots neither processes nor files, which ends some attacks
before they have begun.

Then a docstring says what the attack tries, and the rest is the attack. It is put after the task's baseline slot. If it
defines `attack`, that is called in place of each entry function, as `attack(honest, *arguments)`. A file of the class
`notebook` defines `submit(notebook, slot)` instead, which returns the file to hand in. It runs here, with the
caller's rights, so a corpus is trusted like a task.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError, Verdict, instead
from grader.files import READ, reporting_os_errors
from grader.notebooks.program import defined_names
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot
from grader.notebooks.slots import entry_names
from grader.notebooks.whole_program import is_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.notebooks.reading import Json
    from grader.task.limits import Limits
    from grader.task.spec import Kind

CLASSES = (
    *("reading", "forging", "wire", "stopping", "flooding"),
    *("network", "privilege", "smuggling", "program", "notebook"),
)
AS_HONEST = "scored=honest"  # with exactly the value of the baseline slot
WITHIN_BAND = "scored<=baseline"  # with a value not above the band of the baseline slot
ENDINGS = (
    AS_HONEST,
    WITHIN_BAND,
    *(verdict.value for verdict in Verdict if verdict not in {Verdict.SCORED, Verdict.GRADER_ERROR}),
)
REACHED = "REACHED "  # an attack that got something prints this, and what it got
_HEADER = re.compile(
    r"# attack: (?P<name>[a-z0-9]+(?:-[a-z0-9]+)+) +expect: (?P<expected>\S+) *"
    r"(?:alone: (?P<alone>\S+) *)?(?:once: (?P<once>\S+) *)?"
)
_HEAD = '''TARGETS = {targets!r}


def reached(what):
    """Say that the attack got something that it must not get."""
    print("REACHED", what, flush=True)


{honest}


{attack}
'''


# Puts the attack around a function, and around each public method of a class.
_WRAPPED = """

def _attacked(honest):
    if not isinstance(honest, type):
        return lambda *arguments, **named: attack(lambda *passed: honest(*passed, **named), *arguments)

    def around(method):
        return lambda self, *arguments, **named: attack(
            lambda *passed: method(self, *passed, **named), *arguments
        )

    methods = {name: value for name, value in vars(honest).items() if callable(value) and name[0] != "_"}
    return type(honest.__name__, (honest,), {name: around(value) for name, value in methods.items()})
"""


# A program of several cells as the function that attacks are put around.
_CELLS = """def {entry}(**given):
    names = globals() | given
    exec(compile({cells!r}, "cells", "exec"), names)
    return names["predictions"] if "predictions" in names else names["{entry}"](**given)
"""


@dataclass(frozen=True)
class Attack:
    """One file of the corpus.

    `endings` are those of `ENDINGS` that it may have, `alone` those without processes and files, and `once` those where
    no call follows that the attack could disturb.
    """

    name: str
    path: Path
    endings: tuple[str, ...]
    text: str
    alone: tuple[str, ...] = ()
    once: tuple[str, ...] = ()

    def within(self, limits: Limits, *, once: bool = False) -> Attack:
        """Return the attack with the endings that it may have on a task with these limits, whose slot is perhaps called `once`."""
        more = (*(() if limits.granted else self.alone), *(self.once if once else ()))
        return replace(self, endings=(*self.endings, *more))

    @property
    def kind(self) -> str:
        """Its class, one of `CLASSES`."""
        return self.name.partition("-")[0]


def corpus_folder() -> Path:
    """Return the folder of the corpus: the one shipped in this package, else, in a clone, that of its tests."""
    package = Path(__file__).resolve().parent.parent
    bundled = package / "bundled" / "hostile"
    return bundled if bundled.is_dir() else package.parent / "tests" / "hostile"


def read_corpus(folder: Path, names: Sequence[str] | None = None, kind: Kind = "function") -> list[Attack]:
    """Return the attacks of `folder` by class and name, or only those in `names`, which may name classes.

    Those in a folder in it are for tasks of the `kind` of that name alone. Raises UsageError where a file cannot be read, or a name is
    missing.
    """
    paths = sorted([*folder.glob("*.py"), *folder.glob(f"{kind}/*.py")], key=lambda path: path.name)
    attacks = {attack.name: attack for attack in map(read_attack, paths)}
    if not attacks:
        raise UsageError(f"{folder} holds no attacks")
    chosen: list[Attack] = []
    for name in names or CLASSES:
        named = [attack for attack in attacks.values() if name in {attack.name, attack.kind}]
        if not named and names:
            near = difflib.get_close_matches(name, [*CLASSES, *attacks])
            hint = instead(name, near or CLASSES)
            raise UsageError(f"{folder} has no attack {name!r}; {hint}")
        chosen += named
    return list(dict.fromkeys(chosen))


def read_attack(path: Path) -> Attack:
    """Read one file of the corpus.

    Raises UsageError, one line, where the file is not an attack.
    """
    try:
        with reporting_os_errors(READ, path):
            text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start})") from error
    first, _, rest = text.partition("\n")
    header = _HEADER.fullmatch(first)
    if header is None:
        raise UsageError(f"{path}: the first line must be '# attack: CLASS-NAME  expect: ENDING|ENDING'")
    name = header["name"]
    endings, alone, once = (
        tuple(header[part].split("|")) if header[part] else () for part in ("expected", "alone", "once")
    )
    if name != path.stem.replace("_", "-"):
        raise UsageError(f"{path}: the first line calls it {name!r}, which is not the file's name")
    attack = Attack(name, path, endings, text, alone, once)
    if attack.kind not in CLASSES:
        raise UsageError(f"{path}: there is no class {attack.kind!r}; the classes are: {', '.join(CLASSES)}")
    for ending in (*endings, *alone, *once):
        if ending not in ENDINGS:
            raise UsageError(f"{path}: {ending!r} is not an ending; the endings are: {', '.join(ENDINGS)}")
    if not rest.lstrip().startswith('"""'):
        raise UsageError(f"{path}: after the first line, a docstring must say what is tried")
    if ("\ndef submit(" in text) != (attack.kind == "notebook"):
        raise UsageError(f"{path}: an attack of the class notebook, and no other, defines submit")
    return attack


def handed_in(attack: Attack, starter: Json, targets: Mapping[str, str | int]) -> bytes:
    """Return the file that `attack` hands in for the task of `starter`; `targets` is what the slot learns.

    Raises UsageError where an attack on the notebook cannot build its file.
    """
    honest = find_slot(starter, starter)
    if is_whole(starter) and attack.kind != "notebook":
        honest = _CELLS.format(cells=honest, entry=entry_names(starter)[0])
    if attack.kind == "notebook":
        return _submitted(attack, rebuild(starter, honest), honest)
    text = _HEAD.format(targets=dict(targets), honest=honest, attack=attack.text)
    if _wraps(attack.text):
        text += _WRAPPED
        for entry in entry_names(starter):
            text += f"\n\n{entry} = _attacked({entry})\n"
    return json.dumps(rebuild(starter, text)).encode()


def _wraps(text: str) -> bool:
    try:
        return "attack" in defined_names(text)
    except SyntaxError:
        return False  # then it is the text itself that attacks


def _submitted(attack: Attack, notebook: Json, slot: str) -> bytes:
    names: dict[str, Any] = {"__name__": attack.path.stem}
    try:
        exec(compile(attack.text, str(attack.path), "exec", dont_inherit=True), names)  # noqa: S102 -- ours
        made = names["submit"](notebook, slot)
        return made if isinstance(made, bytes) else json.dumps(made).encode()
    except Exception as error:
        what = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise UsageError(f"{attack.path} cannot build its notebook: {what}") from error
