"""The doctor says what was tried and how it ended, and last whether this machine is ready or what to change."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from grader.cli import doctor
from grader.findings import Finding
from grader.sandbox.proof import Check
from grader.sandbox.remedies import MachineFacts
from grader.task.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]

SEEN = {
    "network": "PermissionError: [Errno 13] Permission denied",
    "write": "OSError: read-only",
    "home": [],
    "source": "FileNotFoundError: no such file",
    "processes": [1],
    "signal": "PermissionError: not permitted",
    "fork": "PermissionError: refused",
    "memory": "MemoryError: ",
    "file": "OSError: file too large",
    "threads": "RuntimeError: can't start new thread",
    "status": "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
    "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n",
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a function that sets what the sandbox's proof sees, on a machine with room and a fork server that starts."""

    def see(checks: list[Check]) -> None:
        monkeypatch.setattr(doctor, "prove", lambda _: checks)
        monkeypatch.setattr(doctor, "_fork_server", lambda: Finding("fork server", ok=True, detail="ready"))
        free_gigabytes(monkeypatch, 50.0)

    return see


def free_gigabytes(monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    """Let the doctor find this much room, whatever this machine has."""
    usage = shutil.disk_usage("/")._replace(free=int(free * 1e9))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def proof(**changed: object) -> list[Check]:
    from grader.sandbox.proof import _judge

    return [Check("starts", ok=True, detail="bubblewrap"), *_judge(SEEN | changed)]


def test_what_was_refused_is_said_and_no_exception(run: Run, machine: Callable[..., None]) -> None:
    machine(proof())
    code, text, _ = run("doctor")
    lines = text.splitlines()
    assert code == 0
    assert "ok    no network: a connection was refused" in lines
    assert "ok    memory is limited: taking 256 MB was refused" in lines
    assert lines[-1] == "this machine is ready to grade"
    assert "Error" not in text


def test_a_disk_that_is_almost_full_is_said_with_what_is_free_and_what_is_needed(
    run: Run, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(proof())
    free_gigabytes(monkeypatch, 1.96)
    code, text, _ = run("doctor")
    lines = text.splitlines()
    assert code == 2
    assert any(line.startswith("WRONG disk: 2.0 GB free in ") for line in lines)
    assert lines[-1].startswith("  - make room until 2 GB are free there, or set TMPDIR")


def test_what_got_through_is_said_with_what_to_change(run: Run, machine: Callable[..., None]) -> None:
    machine(proof(network=""))
    code, text, _ = run("doctor")
    lines = text.splitlines()
    assert code == 2
    assert "WRONG no network: connected" in lines
    assert lines[-2] == "this machine is not ready to grade; what to change:"
    assert "grade on another machine" in lines[-1]


def test_a_sandbox_that_does_not_start_names_the_kernels_setting(
    run: Run, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine([Check("starts", ok=False, detail="setting up uid map: Permission denied")])
    monkeypatch.setattr(
        doctor,
        "look",
        lambda refusal: MachineFacts(
            root=False, kernel="6.1", machine="x86_64", refusal=refusal, userns_clone=0
        ),
    )
    code, text, _ = run("doctor")
    assert code == 2
    assert "ok    namespaces: cannot be built: setting up uid map: Permission denied" in text
    assert "WRONG walls: " in text
    assert "kernel.unprivileged_userns_clone=1" in text.splitlines()[-1]


def test_where_namespaces_cannot_be_built_landlock_is_named_with_the_reason(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = [Check("starts", ok=False, detail="bwrap: no")]
    monkeypatch.setattr(doctor, "prove", lambda walls: refused if walls == "namespaces" else proof())
    monkeypatch.setattr(doctor, "_fork_server", lambda: Finding("fork server", ok=True, detail="ready"))
    code, text, _ = run("doctor")
    assert code == 0
    assert "ok    walls: no namespaces: Landlock" in text
    assert "ok    namespaces: cannot be built: bwrap: no" in text
    assert text.splitlines()[-1] == "this machine is ready to grade"


@pytest.mark.parametrize(("stands", "code"), [(True, 0), (False, 2)], ids=["namespaces", "none"])
def test_a_task_that_needs_namespaces_is_named(
    monkeypatch: pytest.MonkeyPatch, stands: bool, code: int
) -> None:
    monkeypatch.setattr(doctor, "walls_for", lambda _: "namespaces" if stands else None)
    (finding,) = doctor._for_limits(Limits(processes=2, file_mb=1))
    assert finding.ok == (code == 0)
    assert finding.detail.startswith("limits.processes and limits.file_mb of the task needs namespaces")
    assert len(doctor.verdict([] if finding.ok else [finding])) == 1 + code // 2
    assert doctor._for_limits(Limits()) == []


@pytest.mark.parametrize("is_here", [True, False])
def test_a_task_that_gives_programs_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch, is_here: bool) -> None:
    monkeypatch.setattr(doctor, "installed_cards", lambda: {"GPU-1": None} if is_here else {})
    monkeypatch.setattr(doctor, "limits_memory", lambda: is_here)
    (finding,) = doctor._for_limits(Limits(gpu=True))
    assert finding.ok == is_here
    assert "leave limits.gpu out" in doctor.verdict([finding])[-1]
    detail = "with --allow-gpu; it was never tested" if is_here else "a GPU of NVIDIA's and a control group"
    assert detail in finding.detail


def test_each_remedy_is_given_once() -> None:
    wrong = [
        Finding(name, ok=False, detail="") for name in ("sandbox: no network", "sandbox: no rights", "disk")
    ]
    assert len(doctor.verdict(wrong)) == 3
