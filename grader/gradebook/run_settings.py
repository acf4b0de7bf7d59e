"""How submissions were graded: recorded with every call of a command, so that it can be repeated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

SEED_VERSION = 2  # of the derivation of seeds from a secret (see grader.task.seeds)


@dataclass(frozen=True)
class RunSettings:
    """The choices of one call.

    `device` is auto, cuda or cpu, `wall_seconds` the limit of a repeat. `walls` "any" are the best that a machine can build;
    "plain" are none, for rehearsals or `--unsafe`. `source` None is the data source of the task's `size`. `cold` starts every
    trainer from nothing. `secret_file` None is the secret of the folder of results. `seed_version` is the derivation of seeds
    from it.
    """

    device: str = "auto"
    wall_seconds: float = 300.0
    walls: Literal["any", "namespaces", "landlock", "plain"] = "any"
    repeats: int = 1
    source: str | None = None
    size: str = "default"
    cold: bool = False
    secret_file: str | None = None
    seed_version: int = SEED_VERSION

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Return the settings of a recorded call. What another version added is left out, what it lacked has its default.

        A record that has no version of the seeds is older than the second one.
        """
        if record.get("backend") == "plain":  # as earlier versions recorded it
            record = {**record, "walls": "plain"}
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in record.items() if name in known}
        return cls(**({"seed_version": 1} | values))
