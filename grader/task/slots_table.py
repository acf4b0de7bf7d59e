"""The table `[slots]` of task.toml: which entries each slot of a task with several defines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.notebooks.slots import SLOT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

Slots = dict[str, tuple[str, ...]]


def check_slots(slots: Slots, entries: Iterable[str]) -> None:
    """Raise ValueError where `slots` are not several, each with a name and entries that no other has."""
    if not slots:
        return
    if len(slots) == 1:
        raise ValueError("slots: one slot needs no table; write at least two")
    if wrong := [name for name in slots if not SLOT_NAME.fullmatch(name)]:
        raise ValueError(f"slots: {wrong[0]!r} must be lower-case letters, digits and _")
    if empty := [name for name, listed in slots.items() if not listed]:
        raise ValueError(f"slots: {empty[0]} has no entries")
    if sorted(name for listed in slots.values() for name in listed) != sorted(entries):
        raise ValueError("slots: each of the entries belongs to exactly one slot")
