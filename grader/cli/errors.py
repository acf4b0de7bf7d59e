"""Return in one line why a command failed, what to do next, and the exit code; Ctrl-C included."""

from __future__ import annotations

import errno
import re
import traceback
from dataclasses import dataclass

import typer

from grader.errors import GraderFault, UsageError, nearest

_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EMFILE, errno.ENFILE}
_CHOICE = re.compile(r"'([^']*)' is not one of (.*)")
_GRADING = {"jupytext", "platformdirs", "pygments", "rapidfuzz", "scipy", "tomli_w"}  # packages of `grade`
_SERVING = {
    "anyio",
    "argon2",
    "cryptography",
    "joserfc",
    "markdown_it",
    "python_multipart",
    "starlette",
    "uvicorn",
}  # and of `serve`
INTERRUPTED = 130  # the exit code that a shell gives to a program that Ctrl-C ended


@dataclass(frozen=True)
class Complaint:
    """The line, the exit code, and the traceback of what nobody foresaw: a bug of ours, which it helps to fix."""

    line: str
    code: int
    traceback: str = ""


def complaint(error: Exception) -> Complaint:
    """Return the complaint about an exception that ended a command."""
    if isinstance(error, typer.TyperException):
        return Complaint(_of_words(error), 2)
    if isinstance(error, UsageError):
        return Complaint(str(error), 2)
    if isinstance(error, GraderFault):
        return Complaint(str(error), 3)
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        path = error.filename or "this machine"
        return Complaint(f"{path}: {error.strerror}; make room or give access, then repeat the command", 2)
    if isinstance(error, ModuleNotFoundError) and (advice := _missing((error.name or "").partition(".")[0])):
        return Complaint(advice, 2)
    line = "this is a bug in the grader, not in your input; please report it with the lines above"
    return Complaint(line, 3, "".join(traceback.format_exception(error)))


def _missing(package: str) -> str:
    """Return what to install where a package of an extra is missing; "" for what belongs to none."""
    if package in _GRADING:
        return f"{package} is missing, which `grader check` does not need: pip install 'notebook-olympiad[grade]'"
    if package in _SERVING:
        return f"{package} is missing, which contests need: pip install 'notebook-olympiad[grade,serve]'"
    return ""


def _of_words(error: typer.TyperException) -> str:
    """Return what typer found wrong with the words of a command, on one line."""
    message = " ".join(error.format_message().split()).removesuffix(".").replace("Value error, ", "")
    name = getattr(error, "option_name", "")
    if name and hasattr(error, "possibilities"):
        message = f"there is no option {name!r}{_near(name, error.possibilities or [])}"
    elif message.startswith("No such command"):
        message = "there is no command" + message.removeprefix("No such command").replace(". Did", "; did", 1)
    elif choice := _CHOICE.search(message):
        message += _near(choice[1], re.findall(r"'([^']*)'", choice[2]))
    message = (message[:1].lower() + message[1:]).replace(". Choose", "; choose", 1)
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    return f"{message}{' ' if message.endswith('?') else '; '}see: {context.command_path} --help"


def _near(name: str, possible: list[str]) -> str:
    question = nearest(name, possible)
    return f"; {question}" if question else ""
