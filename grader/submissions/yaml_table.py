"""Read a table in YAML that a student may have written: event by event, so that no nesting of it ends this process.

`yaml.load` composes a file recursively in C: 60,000 brackets overflow the stack, and nothing can catch that. The events
come from a machine of states, and what nobody asked for is passed over without becoming an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    Value = str | list["Value"] | dict[str, "Value"]

MAX_DEPTH = 20  # the scanner looks at all open brackets for each token
MAX_VALUES = 200  # in a row, however deep: a group has a dozen people, and each of them three values

# C where there is one. Its events have texts alone: an id keeps its zeros, a tag of Ruby's or a date that does not
# exist costs nothing, and there are no merges that could blow up.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class TableError(ValueError):
    """A table that cannot be read; the message goes on after "it is ignored:"."""


def read_table(data: bytes, rows: Collection[str], columns: Collection[str]) -> dict[str, dict[str, Value]]:
    """Return those of `rows` that `data` has, with their `columns`; nothing where it is another kind of file.

    Raises TableError for what is not YAML, or is nested or as large as no table of a platform.
    """
    try:
        return _TableReader(yaml.parse(data, Loader=_Loader), columns).rows(rows)
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, TableError):
            raise
        mark = getattr(error, "problem_mark", None)
        raise TableError("it is not YAML" + (f" in line {mark.line + 1}" if mark else "")) from error


class _TableReader:
    """Takes values off the events, and counts how deep and how many they are."""

    def __init__(self, events: Iterator[yaml.Event], columns: Collection[str]) -> None:
        self._events = events
        self._columns = columns
        self._anchored: dict[str, Value] = {}
        self._left = 0  # values that this row may still have

    def rows(self, wanted: Collection[str]) -> dict[str, dict[str, Value]]:
        table: dict[str, dict[str, Value]] = {}
        begun = (yaml.StreamStartEvent, yaml.DocumentStartEvent)
        root = next((event for event in self._events if not isinstance(event, begun)), None)
        if not isinstance(root, yaml.MappingStartEvent):
            return table
        for name, event in self._items():
            self._left = MAX_VALUES
            if name in wanted and isinstance(event, yaml.MappingStartEvent):
                table[name] = self._row()
            else:
                self._skip(event)
        return table

    def _row(self) -> dict[str, Value]:
        row = {}
        for name, event in self._items():
            if name in self._columns:
                row[name] = self._value(event)
            else:
                self._skip(event)
        return row

    def _items(self) -> Iterator[tuple[str, Any]]:
        """Yield the key and the first event of the value of each pair in a mapping; a key that is no text has "" for it."""
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                self._skip(key)
            yield (key.value if isinstance(key, yaml.ScalarEvent) else ""), next(self._events)

    def _value(self, event: Any) -> Value:
        self._left -= 1
        if self._left < 0:
            raise TableError("it is larger or nested more deeply than a table of Gradescope's")
        value: Value
        if isinstance(event, yaml.AliasEvent):
            return self._anchored.get(event.anchor or "", "")
        if isinstance(event, yaml.ScalarEvent):
            value = event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
            while not isinstance(child := next(self._events), yaml.SequenceEndEvent):
                value.append(self._value(child))
        else:
            value = {name: self._value(child) for name, child in self._items()}
        if event.anchor:
            self._anchored[event.anchor] = value
        return value

    def _skip(self, event: Any) -> None:
        """Pass over a value; its texts that have an anchor may be meant later."""
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise TableError("it is larger or nested more deeply than a table of Gradescope's")
            if isinstance(event, yaml.ScalarEvent) and event.anchor:
                self._anchored[event.anchor] = event.value
            if not depth:
                return
            event = next(self._events)
