"""How submissions were graded: recorded with every call of a command, so that it can be repeated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self


@dataclass(frozen=True)
class RunSettings:
    """The choices of one call.

    `device` is auto, cuda or cpu, `wall_seconds` the limit of a repeat. `walls` "any" are the best that a
    machine can build; "plain" are none, for rehearsals or `--unsafe`. `source` None is the data source of the task's `size`. `cold` starts every trainer from
    nothing. `secret_file` None is the secret of the folder of results.
    """

    device: str = "auto"
    wall_seconds: float = 300.0
    walls: Literal["any", "namespaces", "landlock", "plain"] = "any"
    repeats: int = 1
    source: str | None = None
    size: str = "default"
    cold: bool = False
    secret_file: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Return the settings of a recorded call. What another version added is left out, what it lacked has its default."""
        if record.get("backend") == "plain":  # as earlier versions recorded it
            record = {**record, "walls": "plain"}
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in known})
