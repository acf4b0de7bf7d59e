"""The ledger survives whoever writes it."""

import os

import pytest

from grader.trainer.ledger import Ledger


def test_a_new_ledger_is_empty() -> None:
    ledger = Ledger()
    assert (ledger.calls, ledger.running, ledger.slot_seconds(), ledger.facts()) == (0, False, 0.0, {})
    ledger.close()


def test_what_a_killed_process_wrote_is_read_by_its_parent() -> None:
    ledger = Ledger()
    child = os.fork()
    if child == 0:
        theirs = Ledger(os.dup(ledger.fd))
        theirs.note(device="cpu")
        theirs.begin(call=False)
        theirs.end()
        theirs.begin()
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert ledger.calls == 1
    assert ledger.running
    assert ledger.slot_seconds() > 0
    assert ledger.facts() == {"device": "cpu"}
    ledger.close()


def test_loading_the_cell_counts_as_time_but_not_as_a_call() -> None:
    ledger = Ledger()
    ledger.begin(call=False)
    ledger.end()
    assert ledger.calls == 0
    assert ledger.slot_seconds() >= 0
    assert not ledger.running
    ledger.close()


def test_facts_are_added_to_and_too_many_are_refused() -> None:
    ledger = Ledger()
    ledger.note(device="cpu")
    ledger.note(failure={"verdict": "slot_error"})
    assert ledger.facts() == {"device": "cpu", "failure": {"verdict": "slot_error"}}
    with pytest.raises(ValueError, match="do not fit"):
        ledger.note(traceback="x" * (1 << 18))
    ledger.close()
