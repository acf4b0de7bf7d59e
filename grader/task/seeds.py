"""Derive the seeds of an evaluation from its secret: each from a hash with its purpose, so that none tells another.

Version 1 drew 32 bits for everything; a machine tries them all in minutes. Results keep the version they were made with.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

from grader.gradebook.run_settings import SEED_VERSION
from grader.task.secret import key_of

PURPOSES = {"data": 128, "trainer": 63, "slot": 32}  # bits; PyTorch takes 63, the function's NumPy 32


@dataclass(frozen=True)
class Seeds:
    """The seeds of the evaluations of one task; `key` is as secret as the secret itself."""

    key: bytes
    task_id: str
    version: int = SEED_VERSION

    @classmethod
    def of(cls, secret: bytes, task_id: str, version: int = SEED_VERSION) -> Self:
        """Return the seeds that a secret stands for."""
        return cls(secret if version == 1 else key_of(secret), task_id, version)

    @property
    def mark(self) -> bytes:
        """Stand for these seeds where a hash is taken; as secret as the key."""
        return self.key if self.version == 1 else self.key + b" %d" % self.version

    def derive(self, purpose: str, number: int) -> int:
        """Return the seed of a repeat for one of `PURPOSES`; it reveals nothing about the secret or the other seeds."""
        parts = [self.task_id.encode(), purpose.encode(), str(number).encode()]
        if self.version == 1:
            return int.from_bytes(hashlib.sha256(b"\0".join([self.key, *parts])).digest()[:4], "big")
        digest = hmac.digest(self.key, b"\0".join(parts), "sha256")
        return int.from_bytes(digest, "big") >> (8 * len(digest) - PURPOSES[purpose])
