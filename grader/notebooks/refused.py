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

_BUILTINS = {"input": "builtins.input", "breakpoint": "builtins.breakpoint"}


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


def _named(call: ast.Call) -> bool:
    """Return whether a call starts a program by its name; `sys.executable` is the one that is there."""
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
    (SOCKETS, _always, (
        "multiprocessing.Manager", "multiprocessing.managers.*Manager", "multiprocessing.connection.Listener",
        "multiprocessing.connection.Client", "torch.multiprocessing.Pool", "torch.multiprocessing.Queue",
        "torch.multiprocessing.SimpleQueue", "torch.multiprocessing.JoinableQueue", "torch.multiprocessing.Manager",
        "torch.multiprocessing.spawn", "torch.multiprocessing.get_context", "torch.distributed.init_process_group",
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


def refusal(call: ast.Call, known: dict[str, str]) -> Refusal | None:
    """Return what a call needs and cannot have, None where it may work."""
    name = dotted(call.func, known)
    for kind, applies, patterns in _TABLE if name else ():
        if any(fnmatchcase(name, pattern) for pattern in patterns) and applies(call):
            return kind
    return None


def refusal_hint(message: str, imports: str, slot: str) -> str:
    """Return the end of a sentence on a failure that comes from something refused; "" where it comes from none.

    `imports` and `slot` are the two cells that ran.
    """
    try:
        trees = [parse(imports), parse(slot)]
    except SyntaxError:
        return ""
    known = known_names(trees)
    needed = (refusal(call, known) for call in all_calls(trees[1]))
    kind = next((kind for kind in needed if kind and kind.failure.search(message)), None)
    return f". {kind.sentence[0].upper()}{kind.sentence[1:]}: {kind.help}" if kind else ""
