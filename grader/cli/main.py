"""The program `grader`. Only the files of commands print, and only they decide exit codes.

0: done, whatever the verdicts; 1: something was looked for and found wrong; 2: wrong usage or input of the caller;
3: some result is `grader_error`.
"""

from __future__ import annotations

import gc
import importlib.metadata
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from grader.cli import output
from grader.cli.commands import COMMANDS, Audience
from grader.cli.console import plain_help
from grader.cli.contest_commands import CONTEST, CONTEST_COMMANDS, CONTEST_SUMMARY
from grader.cli.errors import complaint
from grader.cli.interrupts import interrupt_main_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter

DISTRIBUTION = "notebook-olympiad"
EXAMPLES = (
    "grader check my_notebook.ipynb",
    "grader grade noisy_labels submissions/ --out results",
)


class GroupedCommands(TyperGroup):
    """The commands under the headings of their audiences, in plain text too."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 -- typer calls it so
        """Write a section for each audience, all with their summaries in one column."""
        width = max(len(row.name) for row in COMMANDS)
        for audience in Audience:
            rows = [(f"{row.name:<{width}}", row.summary) for row in COMMANDS if row.audience is audience]
            if audience is Audience.INSTRUCTORS:
                rows.append((f"{CONTEST:<{width}}", CONTEST_SUMMARY))
            with formatter.section(audience):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 -- typer calls it so
        """Write the examples, a line each."""
        with formatter.section("Examples"):
            for example in EXAMPLES:
                formatter.write_text(example)


def _show_version(wanted: bool) -> None:
    if wanted:
        output.say(f"grader {importlib.metadata.version(DISTRIBUTION)}")
        raise typer.Exit


def _grader(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Grade competition notebooks: the student's function runs in a sandbox of its own."""


def _application() -> typer.Typer:
    application = typer.Typer(
        cls=GroupedCommands,
        callback=_grader,
        epilog="\n\n".join(("Examples:", *EXAMPLES)),
        pretty_exceptions_enable=False,
        rich_markup_mode=None if plain_help else "rich",
        context_settings={"help_option_names": ["-h", "--help"]} | ({"color": False} if plain_help else {}),
    )
    for row in COMMANDS:
        application.command(row.name, short_help=row.summary, rich_help_panel=row.audience)(row.callback())
    application.add_typer(
        _contest(), name=CONTEST, short_help=CONTEST_SUMMARY, rich_help_panel=Audience.INSTRUCTORS
    )
    return application


def _contest() -> typer.Typer:
    """Return the commands of contests, which stand behind a word of their own."""
    commands = typer.Typer(help=CONTEST_SUMMARY, rich_markup_mode=None if plain_help else "rich")
    for row in CONTEST_COMMANDS:
        commands.command(row.name, short_help=row.summary)(row.callback())
    return commands


app = _application()


_OBJECTS = 10_000  # between collections; at 700 an import takes a tenth longer, looking for garbage that it does not make
_SWALLOWED_SECONDS = 0.05  # until then the callback has ended


class Stop:
    """What Ctrl-C and SIGTERM do: say so at once, for the clean-up may take some seconds, and raise KeyboardInterrupt."""

    def __init__(self) -> None:
        self._announced = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Handle the signal."""
        if not self._announced:
            self._announced = True
            with suppress(RuntimeError):  # it interrupted a write to the same stream
                output.complain("stopping")
        raise KeyboardInterrupt


def main() -> None:
    """Run a command; what is wrong with it is one line on standard error, and SIGTERM is as good as Ctrl-C."""
    gc.set_threshold(_OBJECTS)
    with _stopping():
        try:
            code = app(sys.argv[1:] or ["--help"], prog_name="grader", standalone_mode=False)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the last line says what to do
            problem = complaint(error)
            if problem.traceback:
                output.confess(problem.traceback)
            output.complain(problem.line)
            sys.exit(problem.code)
    sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def _stopping() -> Iterator[None]:
    stop = Stop()
    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    previous_hook, sys.unraisablehook = sys.unraisablehook, _raise_again
    try:
        yield
    finally:
        sys.unraisablehook = previous_hook
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _raise_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Send Ctrl-C once more, in a moment, where Python had to swallow it: in a callback of the garbage collector."""
    if unraisable.exc_type is KeyboardInterrupt:
        threading.Timer(_SWALLOWED_SECONDS, interrupt_main_thread).start()
    else:
        sys.__unraisablehook__(unraisable)
