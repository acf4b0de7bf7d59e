"""Say in one line why a command did not do what it should, what to do next, and with which code it exits."""

from __future__ import annotations

import errno
import re
import traceback
from dataclasses import dataclass

import typer

from grader.errors import GraderFault, UsageError, nearest

_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EMFILE, errno.ENFILE}
_CHOICE = re.compile(r"'([^']*)' is not one of (.*)")


@dataclass(frozen=True)
class Complaint:
    """The line, the exit code, and the traceback of what nobody foresaw: a bug of ours, which that mends."""

    line: str
    code: int
    traceback: str = ""


def complaint(error: Exception) -> Complaint:
    """Return what to say of an exception that ended a command."""
    if isinstance(error, typer.TyperException):
        return Complaint(_of_words(error), 2)
    if isinstance(error, UsageError):
        return Complaint(str(error), 2)
    if isinstance(error, GraderFault):
        return Complaint(str(error), 3)
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        place = error.filename or "this machine"
        return Complaint(f"{place}: {error.strerror}; give room or access, and repeat the command", 2)
    told = "".join(traceback.format_exception(error))
    line = "this is a bug of the grader, not of your input; please report it with the lines above"
    return Complaint(line, 3, told)


def _of_words(error: typer.TyperException) -> str:
    """Return what typer found wrong with the words of a command, on one line."""
    said = " ".join(error.format_message().split()).removesuffix(".").replace("Value error, ", "")
    name = getattr(error, "option_name", "")
    if name and hasattr(error, "possibilities"):
        said = f"there is no option {name!r}{_near(name, error.possibilities or [])}"
    elif said.startswith("No such command"):
        said = "there is no command" + said.removeprefix("No such command").replace(". Did", "; did", 1)
    elif choice := _CHOICE.search(said):
        said += _near(choice[1], re.findall(r"'([^']*)'", choice[2]))
    said = (said[:1].lower() + said[1:]).replace(". Choose", "; choose", 1)
    context = getattr(error, "ctx", None)
    if context is None:
        return said
    return f"{said}{' ' if said.endswith('?') else '; '}see: {context.command_path} --help"


def _near(name: str, possible: list[str]) -> str:
    question = nearest(name, possible)
    return f"; {question}" if question else ""
