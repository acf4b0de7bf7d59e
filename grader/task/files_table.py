"""The table `[files]` of `task.toml`: what a file of predictions holds, for tasks in which nothing of the student's runs."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, FiniteFloat, model_validator

from grader.task.score_table import StrictTable

RECORDS = (".csv", ".json", ".jsonl")  # formats with a row after the other
ARRAYS = (".npy", ".npz", ".safetensors")
ZIP = ".zip"
_NOUNS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "text": "a text"}
IDS_FILE = "ids.json"  # beside answers.npz: the rows that each file must have


class ColumnTable(StrictTable):
    """A column of a file of predictions; in npy, npz and safetensors an array with one entry a row."""

    name: str = Field(min_length=1, max_length=100)
    """Its name in the file; what is measured has the same name."""
    type: Literal["integer", "number", "boolean", "text"] = "number"
    """What each value is: a whole number, any finite number, true or false, or a text."""
    low: FiniteFloat | None = None
    """The lowest number that is allowed."""
    high: FiniteFloat | None = None
    """The highest number that is allowed."""
    choices: tuple[int | str, ...] = ()
    """The only values that are allowed, such as `["cat", "dog"]`."""
    shape: tuple[int, ...] = ()
    """Shape of each value where it is a list or an array, such as `[10]`; not in csv."""
    max_characters: int = Field(default=200, ge=1, le=10_000)
    """Characters that a text may have."""

    @model_validator(mode="after")
    def _bounds_fit_the_type(self) -> ColumnTable:
        bounded = self.low is not None or self.high is not None
        if bounded and self.type not in ("integer", "number"):
            raise ValueError(f"{self.name}: low and high go with numbers; give choices")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{self.name}: low is above high")
        if self.choices and self.type not in ("integer", "text"):
            raise ValueError(f"{self.name}: choices go with whole numbers and texts")
        wanted = int if self.type == "integer" else str
        if not all(isinstance(choice, wanted) for choice in self.choices):
            raise ValueError(f"{self.name}: the choices are not all of the type {self.type}")
        if any(length < 1 for length in self.shape) or len(self.shape) > 4:
            raise ValueError(f"{self.name}: shape is one to four lengths of at least 1")
        return self

    @property
    def wanted(self) -> str:
        """What to write in it, as a sentence for students ends."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices[:12]))}{', ...' * (len(self.choices) > 12)}"
        noun = _NOUNS[self.type]
        if self.shape:
            each = noun if self.type == "boolean" else f"each {noun}"
            noun = f"{' x '.join(map(str, self.shape))} values, {each}"
        return f"{noun}{self._bounds}"

    @property
    def _bounds(self) -> str:
        if self.type == "text":
            return f" of at most {self.max_characters} characters"
        if self.low is not None and self.high is not None:
            return f" from {self.low:.12g} to {self.high:.12g}"
        if self.low is not None:
            return f" of at least {self.low:.12g}"
        if self.high is not None:
            return f" of at most {self.high:.12g}"
        return ", neither NaN nor infinite" if self.type == "number" else ""


class FileTable(StrictTable):
    """One file of predictions."""

    name: str = Field(default="predictions.csv", pattern=r"^[\w.-]+\.[a-z]+$", max_length=100)
    """Name of the file; its ending, .csv, .json, .jsonl, .npy, .npz or .safetensors, is its format."""
    id: str = "id"
    """The column that names the row. Without one, "", rows are in the order of the data."""
    columns: tuple[ColumnTable, ...] = ()
    """The other columns; each is a table `[[files.columns]]`."""

    @property
    def ending(self) -> str:
        """The ending of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, the one with the ids first."""
        return (*([self.id] if self.id else []), *(column.name for column in self.columns))

    def check_columns(self) -> None:
        """Raise ValueError where the columns do not fit each other or the format."""
        if not self.columns:
            raise ValueError(f"{self.name} needs at least one of [[files.columns]]")
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"{self.name}: a column is there twice")
        if self.ending not in (*RECORDS, *ARRAYS):
            raise ValueError(f"{self.name} ends in none of {', '.join((*RECORDS, *ARRAYS))}")
        if self.ending == ".npy" and (self.id or len(self.columns) > 1):
            raise ValueError(f'{self.name} holds one array: write id = "" and one column')
        if self.ending == ".csv" and any(column.shape for column in self.columns):
            raise ValueError(
                f"{self.name}: csv has no lists; use json, jsonl or npz, or a column for each value"
            )
        if self.ending == ".safetensors" and (
            self.id or any(column.type == "text" for column in self.columns)
        ):
            raise ValueError(f'{self.name}: safetensors has no texts; write id = "" and order the rows')


class FilesTable(FileTable):
    """What students hand in: a file of predictions, or a zip of several."""

    name: str = Field(default="predictions.csv", pattern=r"^[\w.-]+\.[a-z]+$", max_length=100)
    """Name of the file; its ending, .csv, .json, .jsonl, .npy, .npz, .safetensors or .zip, is its format."""
    members: tuple[FileTable, ...] = ()
    """The files of a zip; each is a table `[[files.members]]` with a name, an id and columns of its own."""
    max_kb: int = Field(default=8192, ge=1, le=20_480)
    """kB that the file may have, also unpacked."""

    @property
    def tables(self) -> tuple[FileTable, ...]:
        """The files with rows: the members of a zip, or the one file."""
        return self.members or (self,)

    @property
    def max_bytes(self) -> int:
        """Bytes that the file may have."""
        return self.max_kb << 10

    @property
    def column_names(self) -> list[str]:
        """Names of all columns that are predicted."""
        return [column.name for table in self.tables for column in table.columns]

    @model_validator(mode="after")
    def _is_whole(self) -> FilesTable:
        if (self.ending == ZIP) != bool(self.members):
            raise ValueError("a name that ends in .zip goes with [[files.members]]")
        if self.members and self.columns:
            raise ValueError("the columns of a zip are those of its members: [[files.members.columns]]")
        for table in self.tables:
            table.check_columns()
        if len(set(self.column_names)) < len(self.column_names):
            raise ValueError("a column is there twice")
        if len({table.name for table in self.tables}) < len(self.tables):
            raise ValueError("a member is there twice")
        return self


def check_fields_of_kind(
    kind: str, files: FilesTable | None, *, entries: tuple[str, ...], signature: str, repeats: int
) -> None:
    """Raise ValueError where the fields of a spec are not those of its kind."""
    if (kind == "files") != (files is not None):
        raise ValueError('kind = "files" and the table [files] need each other')
    if kind != "files" and not entries:
        raise ValueError("entries: name at least one function of the slot")
    if kind != "files" and not signature:
        raise ValueError("signature: write how the entries are called")
    if kind == "files" and (entries or signature):
        raise ValueError(
            "a task of files has neither entries nor a signature: nothing of the student's is called"
        )
    if kind == "files" and repeats != 1:
        raise ValueError("a task of files has one evaluation: write repeats = 1")
