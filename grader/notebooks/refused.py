"""Recognise what works at home and not where a function is graded: internet, programs, sockets, a compiler, a keyboard.

`check` reports such a call before anything runs, and a failure that comes from one is explained in the same words.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from grader.notebooks.calls import all_calls, argument, dotted, imported_names
from grader.notebooks.program import definitions, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_BUILTINS = {name: f"builtins.{name}" for name in ("input", "breakpoint", "open")}


@dataclass(frozen=True)
class Refusal:
    """Something that a graded function cannot have: a word for it, a sentence, what to do, and how its failure reads."""

    kind: str
    sentence: str
    help: str
    failure: re.Pattern[str]


INTERNET = Refusal(
    "no-internet",
    "your function has no internet when it is graded",
    "use the arguments alone, or write what you need into your solution cell",
    re.compile(r"URLError|ConnectionError|ConnectTimeout|name resolution|gaierror|PermissionError|OSError"),
)
PROGRAMS = Refusal(
    "no-programs",
    "there are no programs beside Python where your function is graded",
    "do it in Python",
    re.compile(r"FileNotFoundError|PermissionError|CalledProcessError"),
)
PROCESSES = Refusal(
    "no-processes",
    "your function has one process, and cannot start another",
    "do it in Python, in this process; concurrent.futures.ThreadPoolExecutor gives you threads",
    re.compile(r"PermissionError|one process"),
)
FILES = Refusal(
    "no-files",
    "your function cannot write files when it is graded",
    "keep it in a variable, or in memory with io.BytesIO",
    re.compile(
        r"PermissionError|Read-only|No space left|FileNotFoundError|OSError|not writable|cannot be opened"
    ),
)
# What a task may give its slots after all, by the limit that does so.
GRANTED_BY = {"processes": PROCESSES.kind, "file_mb": FILES.kind, "gpu": "gpu"}
SOCKETS = Refusal(
    "no-sockets",
    "processes cannot send each other tensors or share a manager where your function is graded: that takes sockets",
    "write a plain loop, or use concurrent.futures.ThreadPoolExecutor",
    re.compile(r"PermissionError|EOFError|BrokenPipeError|not allowed|Cannot resolve|ConnectionRefused"),
)
COMPILER = Refusal(
    "no-compiler",
    "there is no compiler where your function is graded",
    "write it in torch or numpy",
    re.compile(r"Ninja|compiler|Compil|InductorError|FileNotFoundError|CUDA_HOME|[nN]o such file"),
)
KEYBOARD = Refusal(
    "no-keyboard",
    "nobody can type an answer while your function is graded",
    "remove it",
    re.compile(r"EOFError|BdbQuit|reading a line|lost sys.stdin"),
)


def _always(_call: ast.Call) -> bool:
    return True


def _with(name: str) -> Callable[[ast.Call], bool]:
    """Return a test whether a call gives the argument `name`, and not as None or False."""

    def test(call: ast.Call) -> bool:
        value = argument(call, name)
        return value is not None and not (isinstance(value, ast.Constant) and not value.value)

    return test


def _writes(call: ast.Call) -> bool:
    """Return whether a call of `open` writes a file that has a name in the slot; devices can be written."""
    mode = argument(call, "mode", 1)
    path = call.args[0] if call.args else argument(call, "file")
    if not (isinstance(mode, ast.Constant) and isinstance(mode.value, str) and set(mode.value) & set("wax+")):
        return False
    return isinstance(path, (ast.Constant, ast.JoinedStr)) and not _is_device(path)


def _saves(call: ast.Call) -> bool:
    """Return whether the first argument of a call is the name of a file, and not one in memory."""
    return (
        bool(call.args)
        and isinstance(call.args[0], (ast.Constant, ast.JoinedStr))
        and not _is_device(call.args[0])
    )


def _is_device(path: ast.expr) -> bool:
    return isinstance(path, ast.Constant) and str(path.value).startswith("/dev/")


def _saves_second(call: ast.Call) -> bool:
    return len(call.args) > 1 and isinstance(call.args[1], (ast.Constant, ast.JoinedStr))


def _named(call: ast.Call) -> bool:
    """Return whether a call starts a program by its name, and not Python itself."""
    command = call.args[0] if call.args else argument(call, "args")
    if isinstance(command, (ast.List, ast.Tuple)) and command.elts:
        command = command.elts[0]
    return isinstance(command, (ast.Constant, ast.JoinedStr))


# What is refused, on which condition, and the functions, `*` standing for any letters.
_TABLE: tuple[tuple[Refusal, Callable[[ast.Call], bool], tuple[str, ...]], ...] = (
    (INTERNET, _always, (
        "urllib.request.urlopen", "urllib.request.urlretrieve", "requests.get", "requests.post", "requests.put",
        "requests.request", "requests.Session", "httpx.get", "httpx.post", "httpx.Client", "http.client.HTTP*Connection",
        "socket.create_connection", "ftplib.FTP", "gdown.download*", "wget.download", "torch.hub.load",
        "torch.hub.load_state_dict_from_url", "torch.hub.download_url_to_file", "torch.utils.model_zoo.load_url",
        "sklearn.datasets.fetch_*", "huggingface_hub.*download", "datasets.load_dataset", "*.from_pretrained",
        "nltk.download", "kagglehub.*", "torchvision.datasets.utils.download*",
    )),
    (INTERNET, _with("weights"), ("torchvision.models.*",)),
    (INTERNET, _with("pretrained"), ("torchvision.models.*", "timm.create_model")),
    (INTERNET, _with("download"), ("torchvision.datasets.*",)),
    (PROGRAMS, _always, (
        "os.system", "os.popen", "os.exec*", "os.spawn*", "os.posix_spawn*", "subprocess.getoutput",
        "subprocess.getstatusoutput", "asyncio.create_subprocess_shell", "asyncio.subprocess.create_subprocess_shell",
    )),
    (PROGRAMS, _named, (
        "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.Popen",
        "asyncio.create_subprocess_exec",
    )),
    (PROCESSES, _always, (
        "os.fork", "os.forkpty", "multiprocessing.Process", "multiprocessing.context.*Process", "torch.multiprocessing.Process",
        "torch.multiprocessing.spawn", "torch.multiprocessing.start_processes", "subprocess.run", "subprocess.call",
        "subprocess.check_call", "subprocess.check_output", "subprocess.Popen", "asyncio.create_subprocess_exec",
    )),
    (FILES, _writes, ("builtins.open", "io.open")),
    (FILES, _saves, (
        "numpy.save", "numpy.savez", "numpy.savez_compressed", "numpy.savetxt", "matplotlib.pyplot.savefig", "os.mkdir",
        "os.makedirs", "os.mkfifo", "sqlite3.connect",
    )),
    (FILES, _saves_second, ("torch.save", "joblib.dump")),
    (FILES, _always, ("tempfile.mkdtemp", "tempfile.mkstemp", "tempfile.TemporaryFile", "tempfile.NamedTemporaryFile",
        "tempfile.TemporaryDirectory", "multiprocessing.shared_memory.SharedMemory")),
    (SOCKETS, _always, (
        "multiprocessing.Manager", "multiprocessing.managers.*Manager", "multiprocessing.connection.Listener",
        "multiprocessing.connection.Client", "torch.multiprocessing.Queue",
        "torch.multiprocessing.SimpleQueue", "torch.multiprocessing.JoinableQueue", "torch.multiprocessing.Manager",
        "torch.distributed.init_process_group",
        "ray.init", "dask.distributed.Client", "dask.distributed.LocalCluster", "socketserver.*Server",
    )),
    (COMPILER, _always, (
        "torch.utils.cpp_extension.load", "torch.utils.cpp_extension.load_inline", "pyximport.install",
        "torch._export.aot_compile", "torch._inductor.aoti_compile_and_package", "torch._inductor.compile_fx.compile_fx",
    )),
    (KEYBOARD, _always, ("builtins.input", "builtins.breakpoint", "getpass.getpass", "pdb.set_trace")),
)  # fmt: skip


def known_names(trees: Iterable[ast.Module]) -> dict[str, str]:
    """Return the full names of what a slot imports or finds built in; `trees` are its imports cell and itself."""
    modules = list(trees)
    own = {name for tree in modules for name, _ in definitions(tree)}
    built_in = {name: full_name for name, full_name in _BUILTINS.items() if name not in own}
    return built_in | imported_names(modules)


def refusal(call: ast.Call, known: dict[str, str], granted: frozenset[str] = frozenset()) -> Refusal | None:
    """Return what a call needs and cannot have, None where it may work; a task has `granted` these kinds."""
    name = dotted(call.func, known)
    for kind, applies, patterns in _TABLE if name else ():
        if kind.kind in granted:
            continue
        if any(fnmatchcase(name, pattern) for pattern in patterns) and applies(call):
            return kind
    return None


def refusal_hint(message: str, imports: str, slot: str, granted: frozenset[str] = frozenset()) -> str:
    """Return the end of a sentence on a failure that comes from something refused; "" where it comes from none.

    `imports` and `slot` are the two cells that ran, `granted` the kinds that the task has granted.
    """
    try:
        trees = [parse(imports), parse(slot)]
    except SyntaxError:
        return ""
    known = known_names(trees)
    needed = (refusal(call, known, granted) for call in all_calls(trees[1]))
    kind = next((kind for kind in needed if kind and kind.failure.search(message)), None)
    if kind and kind.sentence in message:  # it says so itself
        return f": {kind.help}"
    return f". {kind.sentence[0].upper()}{kind.sentence[1:]}: {kind.help}" if kind else ""
