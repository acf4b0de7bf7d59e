"""The first process of a sandbox, which never runs student code: it forks slots and reaps them.

`python -s -S -P -B server.py CONFIG` with a control socket imports ahead and is forked for each sandbox (`forks`); where that
cannot be confined, it is a sandbox itself. The parent sends one byte: `S` with three descriptors (the slot's socket, its output
pipe, its status pipe), or `K` to end the slot. What runs in a slot comes on the slot's own socket, which it reads behind its
walls. This process is process 1 of its own pid namespace, so the kernel drops every signal that a slot sends it, and
`kill(-1)` reaches all that a slot has started and nothing else.
"""

from __future__ import annotations

import ast
import gc
import importlib.util
import json
import os
import platform
import selectors
import signal
import socket
import sys
import types
from pathlib import Path
from typing import Any, NoReturn

try:
    import resource
except ImportError:  # Windows, where this file is only imported for its constants
    resource = None  # type: ignore[assignment]

COUNT_SECONDS = 0.05  # a student's threads may be too many for so long
SWEEP_SECONDS = 2  # then a new sandbox is quicker
# First on the status pipe; then, at its end, the exit code and the memory of `Server.end`.
STARTED = b"started\n"
TOO_MANY = " too many threads"
READY = b"ready"  # of a slot whose walls are up, and the answer that lets it read what to run


def main() -> None:
    """Import what slots will need, then serve the control socket until the parent is gone."""
    gc.disable()  # collections while libraries are imported find nothing, and take a third of the time; a slot enables them
    config = json.loads(sys.argv[1])
    sys.path.extend(config["site"])
    for name, path in config["files"].items():
        load(name, path)
    control = socket.socket(fileno=config["control_fd"])
    from grader.sandbox.inside import forks, rights  # noqa: PLC0415 -- loaded by path just now

    if config["forks"]:
        control.sendall(forks.try_walls(config))
    import_ahead(config["imports"])
    if config["forks"]:
        control, config = forks.serve(control, config)
    else:
        rights.hide()
    Server(control, config).serve()
    os._exit(0)  # at once: whoever waits for the end sees the socket close


def load(name: str, path: str) -> None:
    """Import one file under its full name, without its package, which is not here."""
    parent, _, last = name.rpartition(".")
    parts = parent.split(".")
    for depth in range(len(parts)):
        package = ".".join(parts[: depth + 1])
        sys.modules.setdefault(package, types.ModuleType(package))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    setattr(sys.modules[parent], last, module)
    spec.loader.exec_module(module)


def import_ahead(source: str) -> None:
    """Import what the import statements of `source` name, and torch where there is one: arguments may be tensors.

    Nothing is imported for no imports at all, such as for a proof that the walls stand.
    """
    statements: list[ast.stmt] = [
        node for node in ast.parse(source).body if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    exec(compile(ast.Module(statements, []), "imports", "exec"), {})  # noqa: S102 -- the task's own protected cell
    if statements and importlib.util.find_spec("torch"):
        import torch  # noqa: PLC0415 -- only where it is installed

        torch.set_num_threads(1)  # one thread, which every fork has
    gc.freeze()  # forked slots share these pages for as long as nobody writes to them


class Server:
    """Fork a slot when told, and report how it ended once nothing of it is left."""

    def __init__(self, control: socket.socket, config: dict[str, Any]) -> None:
        self.control = control
        self.config = config
        self.owns_namespace = config["walls"] == "namespaces"
        self.worker = 0  # pid of the running slot, 0 for none
        self.counts = config["walls"] == "landlock" and not config["user"]  # threads: nobody else counts them
        self.too_many = False  # threads of the slot
        self.status = -1  # its status pipe
        self.began_with = -1  # kilobytes that the slot began with: the imported libraries; -1: unknown
        self.most = 0  # kilobytes that an ended process of the slot had at its peak, the largest of them
        self.serves_again = self.owns_namespace and not config["forks"]
        self.writable = config["private"] if config["file_mb"] else ()
        first, self.files = (self.count_files() if self.serves_again else [] for _ in range(2))
        self.numbered = [
            inode + 1 for inode in first
        ] == self.files  # before Linux 5.9 all file systems counted together
        self.woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Obey the parent until it is gone, then end the slot."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            selector.register(self.woken, selectors.EVENT_READ)
            while True:
                ready = {
                    key.fd
                    for key, _ in selector.select(COUNT_SECONDS if self.worker and self.counts else None)
                }
                if self.worker and self.counts:
                    self.count_threads()
                if self.woken in ready:
                    os.read(self.woken, 4096)
                    self.reap()
                if self.control.fileno() in ready and not self.obey():
                    break
        self.kill_slot()  # the parent is gone

    def count_threads(self) -> None:
        """End a slot that has more threads than it may: of its user, the kernel counts also those of others."""
        try:
            threads = len(os.listdir(f"/proc/{self.worker}/task"))  # noqa: PTH208 -- it is looked at all the time
        except OSError:
            return  # it has just ended, and is reaped next
        if threads > self.config["threads"]:
            self.too_many = True
            self.kill_slot()

    def obey(self) -> bool:
        """Carry out one command; False when the parent is gone."""
        command, descriptors, _, _ = socket.recv_fds(self.control, 1, 3)
        if command == b"S":
            self.start(descriptors)
        elif command == b"K":
            self.kill_slot()
        return bool(command)

    def start(self, descriptors: list[int]) -> None:
        """Fork a slot; nothing of a student's has run in this process, so each starts from the same state.

        It reads what to run once its walls were seen to stand. Where they do not, this process says so and ends.
        """
        slot_socket, output, self.status = descriptors
        self.too_many = False
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        self.worker = os.fork()
        if not self.worker:
            ours.close()
            self.become_slot((slot_socket, output, theirs.detach()), parent)
        for descriptor in (slot_socket, output, theirs.detach()):
            os.close(descriptor)
        with ours:
            report = ours.recv(4096)
            problem = self.missing_walls() if report == READY else report.decode() or "its process ended"
            if problem:
                os.write(2, f"the walls of a slot do not stand: {problem}".encode())
                os._exit(1)
            self.began_with, self.most = resident(self.worker), 0
            os.write(self.status, STARTED)
            ours.sendall(READY)

    def missing_walls(self) -> str:
        """Return what the kernel says of the slot's process that must not be so; nothing where its walls stand."""
        if self.config["walls"] == "plain":
            return ""
        from grader.sandbox.inside import seccomp  # noqa: PLC0415 -- loaded by path in main

        lines = Path(f"/proc/{self.worker}/status").read_text(encoding="ascii").splitlines()
        fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        wanted = {name: ["0" * 16] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
        wanted |= {"NoNewPrivs": ["1"], "Threads": ["1"]}
        if self.config["walls"] == "landlock" or platform.machine() in seccomp.ARCHITECTURES:
            wanted["Seccomp"] = ["2"]
        if user := self.config["user"]:
            wanted |= {"Uid": [str(user)] * 4, "Gid": [str(user)] * 4, "Groups": []}
        wrong = {name: fields.get(name, []) for name, value in wanted.items() if fields.get(name) != value}
        return ", ".join(f"{name} {' '.join(value)}" for name, value in wrong.items())

    def become_slot(self, descriptors: tuple[int, int, int], parent: int) -> NoReturn:
        """Leave the server's role behind, in the forked process."""
        from grader.sandbox.inside import slot  # noqa: PLC0415 -- loaded by path in main

        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        slot.run(self.config, descriptors, parent)

    def kill_slot(self) -> None:
        """End the running slot, if there is one."""
        if not self.worker:
            return
        os.kill(self.worker, signal.SIGKILL)
        _, status, used = os.wait4(self.worker, 0)
        self.end(status, used)

    def reap(self) -> None:
        """Collect every ended process: the slot, and the orphans that process 1 inherits."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid == self.worker:
                self.end(status, used)
            else:
                self.most = max(self.most, used.ru_maxrss)

    def end(self, status: int, used: resource.struct_rusage) -> None:
        """Remove what the slot left behind, processes first, and report how it ended and what memory it took.

        That is the peak of resident memory as the kernel counted it until the process was gone (`ru_maxrss` of wait4), in
        kilobytes, less what the slot began with; of several processes the largest, for the limit holds for each of them. The
        limit counts addresses: what was asked for and never touched is in the limit, and not in this number.
        """
        worker, self.worker = self.worker, 0
        left = 0
        if self.owns_namespace:
            left = kill_everything()
        elif self.config["walls"] == "plain":  # elsewhere a slot is one process
            kill_group(worker)
        report = str(os.waitstatus_to_exitcode(status))
        if self.began_with >= 0:
            report += f" {max(0, max(used.ru_maxrss, self.most, left) - self.began_with)}"
        os.write(self.status, (report + TOO_MANY * self.too_many).encode())
        os.close(self.status)
        if self.serves_again:
            self.sweep(worker)

    def sweep(self, worker: int) -> None:
        """Empty the private folders as the slot's own user, and look whether the next slot would find it as new.

        Where not, this process ends, and the parent starts a new sandbox.
        """
        from grader.sandbox.inside import rights  # noqa: PLC0415 -- loaded by path in main

        child = os.fork()
        if not child:
            signal.alarm(SWEEP_SECONDS)
            if self.config["user"]:
                rights.become(self.config["user"])
            rights.drop_rights(())
            for folder in self.writable:
                empty(folder)
            os._exit(0)
        os.waitpid(child, 0)
        if any(any(Path(folder).iterdir()) for folder in self.writable):
            os._exit(1)
        # Processes, threads and files are numbered on and on: by starting many, one run could tell the next something.
        before, self.files = self.files, self.count_files()
        files = sum(self.files) - sum(before) - len(before) if self.numbered else 0
        if child != worker + 1 or files:
            os._exit(1)

    def count_files(self) -> list[int]:
        """Return the number that a new file in each private folder gets."""
        numbers = []
        for folder in self.writable:
            path = Path(folder, "counted")
            with path.open("xb") as file:
                numbers.append(os.fstat(file.fileno()).st_ino)
            path.unlink()
        return numbers


def kill_group(worker: int) -> None:
    """End the slot's process group; all that can be done where there is no pid namespace."""
    try:
        os.killpg(worker, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it is gone already, or has not become a group yet


def kill_everything() -> int:
    """End and reap all other processes of this pid namespace; return the kilobytes that the largest had at its peak."""
    most = 0
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            most = max(most, os.wait4(-1, 0)[2].ru_maxrss)
    except (ProcessLookupError, ChildProcessError):
        return most  # nothing is left


def resident(pid: int) -> int:
    """Return the kilobytes of memory that a process has now; -1 where the system does not tell."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return -1
    return int(pages) * resource.getpagesize() // 1024


def empty(folder: str) -> None:
    """Remove all in `folder` without recursion and without long paths: sub-folders are moved up, then removed."""
    count = 0
    pending = [entry.name for entry in os.scandir(folder)]
    while pending:
        path = Path(folder, pending.pop())
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            continue
        path.chmod(0o700)
        for entry in list(os.scandir(path)):
            if entry.is_dir(follow_symlinks=False):
                count += 1
                Path(entry.path).chmod(0o700)
                Path(entry.path).rename(Path(folder, f".{count}"))
                pending.append(f".{count}")
            else:
                os.unlink(entry.path)  # noqa: PTH108 -- there may be millions
        path.rmdir()


if __name__ == "__main__":
    main()
