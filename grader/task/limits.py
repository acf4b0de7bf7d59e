"""What one repeat of a submission may use: the table `[limits]` of task.toml."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from grader.notebooks.refused import GRANTED_BY
from grader.task.score_table import StrictTable


class Limits(StrictTable):
    """What one repeat of a submission may use; memory, files and output are the slot process's own. An MB is 1024 kB."""

    wall_seconds: float = Field(default=300, gt=0)
    """Seconds of a repeat in all, training included."""
    memory_mb: int = Field(default=2048, ge=64)
    """MB of memory for the student's code, beyond what its imports took; for each process where there are no control groups."""
    threads: int = Field(default=16, ge=1)
    """Threads at a time, of all processes together."""
    processes: int = Field(default=1, ge=1)
    """Processes at a time. More than 1 is graded only on machines that give namespaces."""
    file_mb: int = Field(default=0, ge=0)
    """MB of each of two private folders, and of a file in them; 0: no file can be written. More is graded only where there are namespaces."""
    output_kb: int = Field(default=1024, ge=1)
    """kB that may be printed."""
    argument_mb: int = Field(default=64, ge=1, le=1024)
    """MB of arrays and bytes that one call may get as its arguments. [What may cross](what_may_cross.md)"""
    return_mb: int = Field(default=64, ge=1, le=1024)
    """MB of arrays and bytes that one call may return."""
    text_mb: int = Field(default=1, ge=1, le=64)
    """MB of texts and numbers outside arrays that may cross at once, as JSON in UTF-8; for arguments and for what is returned."""
    values: int = Field(default=100_000, ge=1_000, le=5_000_000)
    """Texts, numbers, lists, dicts and arrays that may cross at once; for arguments and for what is returned."""
    gpu: bool = False
    """A GPU for the student's own process, where `--allow-gpu` accepts walls that were never tested on a device. [Programs](programs.md#a-gpu)"""

    def for_digest(self) -> dict[str, Any]:
        """Return the limits as they were hashed before `threads` and `processes` were two; what is beyond one process is added."""
        hashed = {
            "wall_seconds": self.wall_seconds,
            "memory_mb": self.memory_mb,
            "processes": self.threads,
            "file_mb": self.file_mb or 64,
            "output_kb": self.output_kb,
            "return_mb": self.return_mb,
        }
        more = {"of_processes": self.processes} if self.processes > 1 else {}
        for name in ("argument_mb", "text_mb", "values"):
            if getattr(self, name) != Limits.model_fields[name].default:
                more[name] = getattr(self, name)
        more |= {"gpu": True} if self.gpu else {}
        return hashed | more | ({"writes": True} if self.file_mb else {})

    @property
    def granted(self) -> frozenset[str]:
        """The kinds of `grader.notebooks.refused` that these limits give slots all the same."""
        grants = {"processes": self.processes > 1, "file_mb": self.file_mb > 0, "gpu": self.gpu}
        return frozenset(GRANTED_BY[name] for name, is_granted in grants.items() if is_granted)

    @property
    def need_namespaces(self) -> str:
        """What of these limits only namespaces can keep, as task.toml names it; nothing where all walls do."""
        needs = ["limits.processes"] * (self.processes > 1) + ["limits.file_mb"] * (self.file_mb > 0)
        return " and ".join(needs)
