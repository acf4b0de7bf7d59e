"""Return what a submission's processes run: one process its whole program, or that of each stage the stage's slots."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from grader.notebooks.slots import parts, slot_cells
from grader.sandbox.contract import SlotSource

if TYPE_CHECKING:
    from grader.grading.plan import RunContext
    from grader.task.evaluation import Repeat


def slot_sources(program: str, context: RunContext, repeat: Repeat) -> tuple[SlotSource, ...]:
    """Return what the student's process runs in `repeat`, or that of each of the task's stages."""
    spec = context.task.spec
    cells = parts(slot_cells(context.starter), program)
    named = tuple((slot.name, text) for slot, text in cells if slot.name)
    source = SlotSource(
        context.imports,
        program,
        spec.entries,
        repeat.slot_seed,
        spec.on_error,
        spec.methods,
        cells=named,
        form=spec.program.form,
    )
    if not spec.stages:
        return (source,)
    if not named:
        return (source,) * len(spec.stages)
    return tuple(
        replace(
            source,
            entries=stage.entries,
            cells=tuple((slot.name, text) for slot, text in cells if number in slot.stages),
        )
        for number, stage in enumerate(spec.stages)
    )
