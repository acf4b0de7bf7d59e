"""The student's process: give up every right, define the slot, answer calls until the trainer is gone.

Runs in a fork of the process that imported the libraries. From `define` on everything in this process is the
student's to change, so nothing here is relied on by the other side.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import errno
import functools
import gc
import inspect
import os
import random
import socket
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from grader.sandbox.inside import landlock, libraries, rights, seccomp, tracebacks, wire

if TYPE_CHECKING:
    from collections.abc import Callable

SLOT_FD = 3  # after 0, 1 and 2
REPORT_FD = 4  # closed before anything of a student's is read, and everything above with it
RULES_FD = 5  # of Landlock, where it is the wall around files; closed when they are enforced
OPEN_FILES = 256
HANDLER_BYTES = 64 << 20  # address space kept back, so that a MemoryError can be reported
RESERVE_BYTES = 4 << 20  # memory freed for the few steps before that
MEGABYTE = 1 << 20
FUTURES = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
CELL = "your solution cell"  # what raises, where no function does
ITEM_VERDICTS = ("slot_error", "invalid_output")  # after which a process may go on
MEMORY_SIGNS = ("can't allocate memory", "not enough memory", "Cannot allocate memory")


class FailedFrame(Exception):  # noqa: N818 -- becomes the `failed` frame
    """Why the slot ends: verdict, sentence, and the student's own frames."""

    def __init__(self, verdict: str, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.verdict = verdict
        self.message = message
        self.traceback = traceback


def run(config: dict[str, Any], descriptors: tuple[int, int, int], parent: int) -> NoReturn:
    """Put up the walls, and then become the slot that the first frame describes.

    `descriptors` are its socket, its output pipe, and a socket on which the sandbox lets it read that frame; `parent` is
    the number of the process that forked this one.
    """
    gc.enable()
    gc.collect()  # else when it next happens would depend on how many were forked before
    arrange_descriptors(*descriptors, *([config["rules_fd"]] if config["walls"] == "landlock" else []))
    with socket.socket(fileno=REPORT_FD) as report:
        try:
            os.setsid()
            if config["walls"] == "plain":
                set_limits(config)
            else:
                put_up_walls(config, parent)
        except OSError as error:
            report.sendall(f"{type(error).__name__}: {error}".encode())
            os._exit(1)
        report.sendall(b"ready")
        if not report.recv(8):
            os._exit(1)
    slot_socket = socket.socket(fileno=SLOT_FD)
    try:
        job = wire.receive(slot_socket, wire.PROGRAM_CAPS)
    except wire.Closed:
        os._exit(0)
    seed_everything(job["seed"])
    libraries.adjust(config["threads"], config["processes"], job["seed"])
    if config["walls"] == "landlock":
        libraries.hide_all_but(config["shown"])
    serving = Serving(slot_socket, job, config)
    try:
        serving.serve()
    except MemoryError:  # not even enough to enter the function that would have explained it
        serving.reserve = b""
        serving.report(serving.out_of_memory)
    os._exit(0)


def put_up_walls(config: dict[str, Any], parent: int) -> None:
    """Lose every right, in an order in which none brings another one back. Raises OSError where a wall does not stand."""
    if config["users"] or config["walls"] == "landlock":  # else the first process of its namespaces did so
        rights.go_first()
    if config["user"]:
        rights.become(config["user"])
    rights.drop_rights(())
    rights.end_with(parent)
    rights.hide()
    set_limits(config)
    rights.gain_nothing()
    keep_to_files(config)
    room = seccomp.Room(os.getpid(), files=config["file_mb"] > 0, processes=config["processes"] > 1)
    program = seccomp.program(room=room, card="card" in config)
    if program:
        rights.filter_calls(program)


def keep_to_files(config: dict[str, Any]) -> None:
    """Put up Landlock: the wall around files, or where they are mounts, a second one. Raises OSError where it does not stand."""
    card = config.get("card", ())  # the device nodes of a GPU, where the slot has one
    of_card = [(landlock.OWN_THREADS, landlock.READ_FILE | landlock.WRITE_FILE)] if card else []
    if config["walls"] == "landlock":
        landlock.enforce(RULES_FD)
        seen = (
            *landlock.OF_THIS_PROCESS,
            *landlock.OF_THE_MACHINE,
            *(landlock.OF_THE_DRIVER if card else ()),
        )
        of_proc = [(path, landlock.READ_FILE) for path in seen]
        landlock.confine(
            [*config["beside_proc"], *of_proc, *of_card], (), nodes=card, most=config["landlock"]
        )
    elif landlock.version():
        private = config["private"] if config["file_mb"] else ()
        landlock.confine([*config["readable"], *of_card], private, nodes=card)


def arrange_descriptors(slot_socket: int, output: int, report: int, *rules: int) -> None:
    """Leave open: 0 nothing, 1 and 2 the output pipe, 3 the slot's socket, and the others for as long as walls are put up."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    wanted = (nothing, output, output, slot_socket, report, *rules)
    high = [os.dup2(fd, 1000 + number) for number, fd in enumerate(wanted)]
    for number, fd in enumerate(high):
        os.dup2(fd, number)
    os.set_inheritable(SLOT_FD, False)
    os.closerange(len(wanted), 1 << 20)
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = open(fd, "w", buffering=1, encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115 -- lives as long as the process
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def set_limits(config: dict[str, Any]) -> None:
    """Limit memory, files and (where this user is the slot's own) threads; what was imported is free.

    With a GPU, addresses are no measure of memory: CUDA reserves them for all of the machine. Then a control group counts.
    """
    limits = {
        resource.RLIMIT_CORE: (
            1,
            1,
        ),  # not 0, which binds no program that the system would hand the memory to
        resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
        resource.RLIMIT_FSIZE: (config["file_mb"] * MEGABYTE,) * 2,
    }
    if sys.platform == "linux":
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
        for limit, count in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
            most = int(count) * resource.getpagesize() + config["memory_mb"] * MEGABYTE
            limits[limit] = (most, most + HANDLER_BYTES)  # of data: also for a program that maps no libraries
    if "card" in config:
        limits.pop(resource.RLIMIT_AS, None)
        most_mb = max(config["memory_mb"], config["file_mb"])  # nameless files are memory, too
        limits[resource.RLIMIT_FSIZE] = (most_mb * MEGABYTE,) * 2
    if counts_its_user(config):
        limits[resource.RLIMIT_NPROC] = (most_tasks(config),) * 2
    if config["walls"] == "landlock":
        limits[resource.RLIMIT_CPU] = (int(config["cpu_seconds"]),) * 2
        queues = (
            resource.RLIMIT_SIGPENDING,
            resource.RLIMIT_MEMLOCK,
            resource.RLIMIT_MSGQUEUE,
            resource.RLIMIT_RTPRIO,
        )
        limits |= dict.fromkeys(queues, (0, 0))
    for limit, values in limits.items():
        resource.setrlimit(limit, values)


def counts_its_user(config: dict[str, Any]) -> bool:
    """Return whether the kernel's count of a user's processes and threads is that of this slot alone."""
    return config["walls"] == "namespaces" or bool(config["user"])


def most_tasks(config: dict[str, Any]) -> int:
    """Return how many processes and threads a slot may have together."""
    return int(max(config["threads"], config["processes"]))


def seed_everything(seed: int) -> None:
    """Seed Python and numpy; `libraries.adjust` seeds torch, which may be imported later."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 -- the generator that students' code shares


class Serving:
    """Define the slot and answer calls; the first failure ends it, or costs its item."""

    def __init__(self, slot_socket: socket.socket, job: dict[str, Any], config: dict[str, Any]) -> None:
        self.socket = slot_socket
        self.job = job
        self.config = config
        self.crossing = wire.Crossing(**config["crossing"])
        self.pid = os.getpid()
        self.reserve = bytes(RESERVE_BYTES)
        kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA) if resource else ()
        self.limits = [(kind, resource.getrlimit(kind)) for kind in kinds]
        self.out_of_memory = FailedFrame(*classify(MemoryError(), "", config))
        self.number = 0
        self.entry = ""
        self.instances: dict[int, Any] = {}

    def serve(self) -> None:
        """Send `ready`, then an answer for each call, or `failed`: once, or for each item where the task says so."""
        try:
            entries = self.guard(self.define)
            wire.send(self.socket, {"kind": "ready"})
            while True:
                call = wire.receive(self.socket, self.crossing.arguments)
                self.number, self.entry = call["number"], call["entry"]
                try:
                    self.guard(functools.partial(self.answer, call, entries))
                except FailedFrame as failure:
                    if self.job["on_error"] != "item" or failure.verdict not in ITEM_VERDICTS:
                        raise
                    self.report(failure)
                    self.recover()
        except wire.Closed:
            return
        except FailedFrame as failure:
            self.report(failure)

    def define(self) -> dict[str, Callable[..., Any]]:
        """Run the imports cell and the slot as the main module, as a notebook would; return the entries, functions and classes."""
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        flags = 0
        for source, name in ((self.job["imports"], "imports"), *self.cells()):
            tracebacks.remember_source(name, source)
            # Not with this file's own `from __future__`; as in IPython, one of an earlier cell holds for those below.
            awaiting = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(source, name, "exec", flags=flags | awaiting, dont_inherit=True)
            flags |= code.co_flags & FUTURES
            if self.job["form"] == "notebook" and name == tracebacks.SLOT_NAME:
                return {
                    entry: functools.partial(self.run_cells, code, module) for entry in self.job["entries"]
                }
            execute(code, module)
        entries: dict[str, Any] = {}
        for entry in self.job["entries"]:
            entries[entry] = getattr(module, entry, None)
            problem = (
                self.problem_with(entry, entries[entry]) if entry in module.__dict__ else "is not defined"
            )
            if problem:
                raise FailedFrame("slot_error", f"{entry} {problem} after your solution cell has run")
        return entries

    def cells(self) -> list[tuple[str, str]]:
        """Return the student's cells, each with its name in tracebacks."""
        if not self.job["cells"]:
            return [(self.job["slot"], tracebacks.SLOT_NAME)]
        return [(text, tracebacks.cell_name(name)) for name, text in self.job["cells"]]

    def run_cells(self, code: types.CodeType, module: types.ModuleType, /, **given: Any) -> Any:
        """Run all of a program's cells with `given` as variables; return their `predictions`, or else what their entry answers."""
        vars(module).pop("predictions", None)  # of a call before
        vars(module).update(given)
        execute(code, module)
        if "predictions" in vars(module):
            return vars(module)["predictions"]
        (name,) = self.job["entries"]
        entry = vars(module).get(name)
        if not callable(entry):
            message = f"your cells define neither the variable predictions nor a function {name}"
            raise FailedFrame("slot_error", message)
        return entry(**given)

    def problem_with(self, entry: str, value: Any) -> str:
        """Return what keeps `value` from being the entry, as the end of a sentence; nothing where it is one."""
        if entry not in self.job["methods"]:
            return "" if callable(value) else "is not a function"
        if not isinstance(value, type):
            return "is not a class"
        lacking = [name for name in self.job["methods"][entry] if not callable(getattr(value, name, None))]
        return f"has no method {lacking[0]}" if lacking else ""

    def answer(self, call: dict[str, Any], entries: dict[str, Callable[..., Any]]) -> None:
        """Call the student's function, class or method and send what it returns; an instance is kept instead."""
        for number in call.get("dropped", ()):
            self.instances.pop(number, None)
        name, _, method = call["entry"].partition(".")
        instance = self.instances[call["instance"]] if method else None
        value = (getattr(instance, method) if method else entries[name])(
            *call["args"], **call.get("kwargs", {})
        )
        if name in self.job["methods"] and not method:
            self.instances[call["number"]] = value
            value = None
        elif method and value is instance:
            value = None  # as `fit` of many classes does
        if os.getpid() != self.pid:
            os._exit(1)  # a child that the student forked: only the slot's process answers
        sys.stdout.flush()
        try:
            answer = {"kind": "answer", "number": call["number"], "value": value}
            wire.send(self.socket, answer, self.crossing.returns)
        except wire.Unsendable as error:
            message = f"{call['entry']} returned {error.what}; return arrays, numbers, texts, bytes, lists, tuples or dicts"
            raise FailedFrame("invalid_output", message) from None

    def guard(self, action: Callable[[], Any]) -> Any:
        """Run student code; whatever it raises becomes a FailedFrame."""
        try:
            return action()
        except (FailedFrame, wire.Closed):
            raise
        except BaseException as error:  # noqa: BLE001 -- SystemExit and the like end the slot, too
            raise self.explain_with_memory(error) from None

    def explain_with_memory(self, error: BaseException) -> FailedFrame:
        """Explain, even where not one more byte can be had: free the reserve and raise the soft limit first."""
        self.reserve = b""
        if sys.platform == "linux":
            for kind, (_, most) in self.limits:
                resource.setrlimit(kind, (most, most))
        try:
            return self.explain(error)
        except MemoryError:
            return self.out_of_memory

    def recover(self) -> None:
        """Set apart again what an explanation may have used, before the next call."""
        if sys.platform == "linux":
            for kind, values in self.limits:
                resource.setrlimit(kind, values)
        self.reserve = self.reserve or bytes(RESERVE_BYTES)

    def explain(self, error: BaseException) -> FailedFrame:
        """Return the verdict, sentence and traceback for what the student's code raised."""
        name = self.entry or CELL
        text = tracebacks.describe(error)
        verdict, message = classify(error, text.last_line, self.config)
        return FailedFrame(verdict, message or f"{name} raised {text.last_line}", text.frames)

    def report(self, failure: FailedFrame) -> None:
        """Send the `failed` frame."""
        if os.getpid() != self.pid:
            os._exit(1)
        frame = {
            "kind": "failed",
            "verdict": failure.verdict,
            "message": failure.message,
            "traceback": failure.traceback,
            "number": self.number,
        }
        wire.send(self.socket, frame)


def execute(code: types.CodeType, module: types.ModuleType) -> None:
    """Run code at top level, where a notebook may also await."""
    begun = eval(code, module.__dict__)  # noqa: S307 -- this process exists for it
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(begun)


def tasks_in_words(config: dict[str, Any]) -> str:
    """Return how many threads a slot may have, and processes where it may have more than one."""
    return f"{most_tasks(config)} {'processes or ' * (config['processes'] > 1)}threads"


def too_many(config: dict[str, Any]) -> str:
    """Return the sentence on a slot that started more than it may."""
    return f"your code started more than the {tasks_in_words(config)} it may use"


def classify(error: BaseException, text: str, config: dict[str, Any]) -> tuple[str, str]:
    """Return the verdict and, where a limit was met, its sentence; `text` is the exception's last line."""
    if isinstance(error, MemoryError) or any(sign in text for sign in MEMORY_SIGNS):
        return "memory_limit", f"your code needed more than the {config['memory_mb']} MB of memory it may use"
    if type(error) is BlockingIOError or "can't start new thread" in text:
        return (
            "slot_crashed",
            too_many(config),
        )
    if type(error) is OSError and error.errno in (errno.EFBIG, errno.ENOSPC):
        if not config["file_mb"]:
            return "slot_error", ""
        return "output_limit", f"your code wrote more than the {config['file_mb']} MB of files it may use"
    if isinstance(error, SystemExit):
        return "slot_crashed", f"your code called exit ({text})"
    return ("slot_error" if isinstance(error, Exception) else "slot_crashed"), ""
