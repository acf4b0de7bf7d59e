"""Fork trainers from a process that has already imported what their cells import.

Importing torch, torchvision, scikit-learn, pandas and matplotlib takes seconds; a fork takes milliseconds.
This process is started once, imports, stays single-threaded and never touches the GPU, so that each fork is
as good as a fresh process. Run as `python -m grader.trainer.fork_server_process FD MODULE...` by `ForkServer`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ipykernel.kernelapp import IPKernelApp

from grader.sandbox.inside.huge_pages import ForkedMemory
from grader.trainer.fork_server import KERNEL_OPTIONS, MESSAGE_BYTES
from grader.trainer.network import leave_network
from grader.trainer.proxy import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

_EVERY_TRAINERS = (
    "numpy", "torch", "torch.utils.data", "ipykernel.kernelapp", "ipykernel.ipkernel", "grader.trainer.binding",
)  # fmt: skip
_OPTIMIZERS = "torch._dynamo"  # which the first optimizer imports, in a second and more
_KERNELS = (  # what every kernel imports before its first cell, the first where debugpy is installed
    "ipykernel.debugger", "tornado.platform.asyncio", "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect",
)  # fmt: skip
_PLOTS = "matplotlib_inline.backend_inline"  # what IPython draws with, where a task draws
_PR_SET_PDEATHSIG = 1


def _become_trainer(request: dict[str, Any], fds: Sequence[int]) -> NoReturn:
    """Turn this forked process into a kernel that serves `request["connection_file"]`."""
    sock, ledger, log = fds
    os.setsid()
    leave_network()
    # A forked trainer must not outlive the fork server, nor the grader behind it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(request["cwd"])
    os.environ.update(request["environment"])
    gc.enable()
    os.environ[ENVIRONMENT] = json.dumps(request["slot"] | {"socket": sock, "ledger": ledger})
    app = IPKernelApp.instance(parent_handle=os.getppid())  # a second way to notice that the parent is gone
    app.initialize(["-f", request["connection_file"], *KERNEL_OPTIONS])
    app.start()
    os._exit(0)


def _serve(sock: socket.socket) -> None:
    """Fork one trainer for each request until the grader hangs up."""
    memory = ForkedMemory()
    while True:
        message, fds, _, _ = socket.recv_fds(sock, MESSAGE_BYTES, 3)
        if not message:
            return
        with contextlib.suppress(ChildProcessError):  # no children at all
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        try:
            pid = os.fork()
        except OSError as error:  # no memory, no process numbers: this trainer fails, the others go on
            sock.send(f"{error}".encode())
            _close(fds)
            continue
        if pid == 0:
            sock.close()
            _become_trainer(json.loads(message), fds)
        pidfd = os.pidfd_open(pid)
        socket.send_fds(sock, [str(pid).encode()], [pidfd])
        _close([*fds, pidfd])
        memory.count_fork()


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def _import_ahead(modules: Sequence[str]) -> None:
    """Import what every trainer needs, and those modules that are installed; a trainer fails on the others by itself."""
    for name in _EVERY_TRAINERS:
        importlib.import_module(name)
    for name in (*_KERNELS, _OPTIMIZERS, *modules):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if "matplotlib" in sys.modules:
        importlib.import_module(_PLOTS)


def main() -> None:
    """Import, say so, and serve."""
    gc.disable()  # collections while libraries are imported find nothing, and take a third of the time
    sock = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the grader's to handle
    with warnings.catch_warnings():
        # Such as tqdm's where ipywidgets are missing, which nobody here needs.
        warnings.simplefilter("ignore")
        _import_ahead(sys.argv[2:])
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        sock.send(f"{threads} threads after the imports; a fork would lose them".encode())
        return
    gc.freeze()  # forked trainers share these pages instead of copying them at their first collection
    try:
        sock.send(b"ready")
    except BrokenPipeError:
        return  # the grader was ended meanwhile
    _serve(sock)


if __name__ == "__main__":
    main()
