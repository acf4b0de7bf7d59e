"""Attribute a repeat that failed to the student or to us, from what the ledger and the sandbox know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault, Verdict

if TYPE_CHECKING:
    from papermill.exceptions import PapermillExecutionError

    from grader.sandbox import Slot
    from grader.trainer.ledger import Ledger

# Where the student's function took this share of a clock that ran out, it is theirs wherever the clock found the run.
_STUDENT_SHARE = 0.5
# In a call it is theirs, too, unless that had hardly begun: then the training took all of the time, on a machine that is slow.
_CALL_SHARE = 0.1
# An honest function uses no processor while nobody waits for it.
_BUSY_SHARE = 0.25


# What protected code does wrong with the student's functions; each message is a sentence that says what.
_OF_THE_TASK = frozenset({"UnsendableArguments", "StageOver"})


class OutOfCardMemory(GraderFault):
    """A trainer needed more memory than its share of a GPU."""


class Overrun(GraderFault):
    """A run took longer than its clock, and nobody knows yet, or it is not the case, that it is the student's fault."""


def blame_program(ledger: Ledger, slot: Slot, seconds: float) -> StudentFault | None:
    """Return the fault of a program that took all the `seconds` of its own clock (0: it has none); None where it did not."""
    used = ledger.slot_seconds()
    if not 0 < seconds <= used:
        return None
    lack = slot.lack_of_threads()
    message = f"your program was stopped after {used:.1f} s; it may take {seconds:g} s"
    return StudentFault(
        Verdict.TIME_LIMIT, f"{message}. A library waited for threads: {lack}" if lack else message
    )


def blame_time(ledger: Ledger, slot: Slot, wall_seconds: float) -> StudentFault:
    """Return the student's fault, if it is theirs: a call took the time, or their processes the processors.

    How much processor time a call used does not count: it may sleep, or wait for itself. Raises Overrun where the fault is
    not the student's.
    """
    used = ledger.slot_seconds()
    unasked = slot.cpu_seconds() - used
    if unasked > _BUSY_SHARE * wall_seconds:
        message = (
            f"the run was stopped after {wall_seconds:g} s; your processes kept the machine busy for {unasked:.0f} s "
            "while nobody waited for them"
        )
        return StudentFault(Verdict.TIME_LIMIT, message)
    if used < (_CALL_SHARE if ledger.running else _STUDENT_SHARE) * wall_seconds:
        raise Overrun(
            f"the run took longer than {wall_seconds:g} s, but the student's function only {used:.1f} s of it"
        )
    lack = slot.lack_of_threads()
    where = "while your cell was being loaded" if ledger.loading else f"in call {ledger.calls}"
    doing = f"and was still busy {where}" if ledger.running else f"in {ledger.calls} calls"
    message = f"the run was stopped after {wall_seconds:g} s; your code had used {used:.1f} s of them {doing}"
    return StudentFault(
        Verdict.TIME_LIMIT, f"{message}. A library waited for threads: {lack}" if lack else message
    )


def blame_cell(error: PapermillExecutionError, cell: str, ledger: Ledger, slot: Slot) -> StudentFault:
    """Return the student's fault behind a failed cell, which messages name `cell`; raise GraderFault where protected code failed."""
    if fault := blame_slot(ledger, slot):
        return fault  # before anything is read from the error's words, which may be the student's
    if error.ename == "InvalidOutput":
        return StudentFault(Verdict.INVALID_OUTPUT, str(error.evalue))
    if error.ename == "OutOfMemoryError" or "CUBLAS_STATUS_ALLOC_FAILED" in str(error.evalue):
        raise OutOfCardMemory(f"out of GPU memory: {error.evalue}")
    if error.ename in _OF_THE_TASK:
        raise GraderFault(f"{cell}: {error.evalue}")
    raise GraderFault(f"a protected cell failed: {error.ename}: {error.evalue}")


def blame_slot(ledger: Ledger, slot: Slot) -> StudentFault | None:
    """Return the fault that a SlotFailure left in the ledger, whatever protected code made of that; None where there is none."""
    failure = ledger.facts().get("failure")
    if failure is None:
        return None
    if failure["verdict"] is None:
        return slot.fault() or StudentFault(Verdict.SLOT_CRASHED, "the process of your function ended")
    message = failure["message"]
    if failure["number"] > 1:
        message += f" (in call {failure['number']})"
    return StudentFault(Verdict(failure["verdict"]), message, traceback=failure["traceback"])
