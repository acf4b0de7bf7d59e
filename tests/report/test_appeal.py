"""One page answers an appeal: the program, the arithmetic, lateness, adjustments, seeds, machine and replays."""

from __future__ import annotations

import json
from html import unescape
from typing import TYPE_CHECKING

import pytest
from german_pages import english_in
from published import SEEDS, course

from grader.errors import Verdict
from grader.gradebook.gradebook import Adjustment, writing
from grader.gradebook.late import LateRule
from grader.task.spec import load_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

HOSTILE = "def your_select_indices(targets, losses):\n    return '<script>alert(1)</script>'\n"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    with course(tmp_path / "results", load_task("noisy_labels")) as made:
        made.scored("ada", submitted="2026-12-01T10:00:00+00:00")
        made.failed(
            "eve", Verdict.SLOT_ERROR, "<b>broken</b>", slot=HOSTILE, traceback="your solution, line 2"
        )
        made.failed("zoe", Verdict.INVALID_NOTEBOOK, "The file is not a readable notebook.")
    return tmp_path / "results"


def explained(run: Run, out: Path, student: str, *options: object) -> str:
    code, printed, errors = run("explain", out, student, *options, "--json")
    assert (code, errors) == (0, "")
    return unescape((out.parent / json.loads(printed)["out"]).read_text(encoding="utf-8"))


def test_the_arithmetic_leads_from_the_repeats_to_the_points(run: Run, out: Path) -> None:
    page = explained(run, out, "ada")
    with (out / "runs" / "ada" / "run-1" / "slot.py").open(encoding="utf-8") as slot:
        assert "argsort" in slot.read()
    (steps,) = [
        part.partition("</pre>")[0] for part in page.split('<pre tabindex="0">') if part.startswith("mean = ")
    ]
    mean, share, points = steps.splitlines()
    values = [float(text) for text in mean.partition("(")[2].partition(")")[0].split(" + ")]
    assert len(values) == 3
    assert float(mean.rpartition(" ")[2]) == pytest.approx(sum(values) / 3, abs=1e-6)
    score = load_task("noisy_labels").spec.score
    clipped = float(share.rpartition(" ")[2])
    assert clipped == pytest.approx((sum(values) / 3 - score.floor) / (score.ceiling - score.floor), abs=1e-5)
    assert points.endswith(f": {round(100 * clipped)}")
    assert f"<strong>{round(100 * clipped)}</strong>" in page


def test_seeds_machine_versions_and_settings_are_on_the_page(run: Run, out: Path) -> None:
    page = explained(run, out, "ada")
    assert all(f"trainer <code>{seed}</code>" in page for seed in SEEDS)
    for words in (
        "3.11.7",
        ">node<",
        "wall seconds",
        "not replayed yet",
        "only when no more attempts are possible",
    ):
        assert words in page


def test_lateness_and_every_adjustment_are_shown(run: Run, out: Path) -> None:
    with writing(out) as book:
        book.set_late_rule("noisy_labels", LateRule.parse("2026-11-30T23:59+00:00", "-10%/day"))
        book.adjust(Adjustment("noisy_labels", "ada", 80, "ill"))
        book.adjust(Adjustment("noisy_labels", "ada", None, "was well"))
        book.adjust(Adjustment("noisy_labels", "ada", 77, "<i>a compromise</i>"))
    page = explained(run, out, "ada")
    assert "late work loses 10 points for each day begun" in page
    assert "Submitted 2026-12-01 10:00 UTC" in page
    assert "recorded it: 1 day late, 10 points less." in page
    for words in (
        "80 points, ill",
        "taken back, was well",
        "77 points, <i>a compromise</i>",
        "<strong>77</strong>",
    ):
        assert words in page


def test_a_replay_that_was_made_is_shown_and_another_runs_is_not(run: Run, out: Path) -> None:
    made = {
        "moment": "2026-12-02T10:00:00+00:00",
        "verdict": "scored",
        "compared": 3,
        "different": [],
        "environment": {},
    }
    for number, folder in enumerate(("runs/ada/run-1", "runs/ben/run-1"), start=1):
        place = out / "replays" / "ada" / f"run-{number}"
        place.mkdir(parents=True)
        record = made | {"run_folder": folder, "compared": number + 2}
        (place / "replay.json").write_text(json.dumps(record), encoding="utf-8")
    (out / "replays" / "ada" / "run-2" / "repeat-0").mkdir()
    page = explained(run, out, "ada")
    assert "2026-12-02 10:00 UTC: the predictions of 3 repeats are the same, bit for bit." in page
    assert "of 4 repeats" not in page


def test_what_has_no_score_is_explained_and_no_text_of_a_student_acts(run: Run, out: Path) -> None:
    target = out.parent / "eve.html"
    assert run("explain", out, "eve", "--out", target)[:2] == (0, f"wrote {target}\n")
    page = target.read_text(encoding="utf-8")
    assert "slot_error: 0 points" in page
    assert "<script>" not in page
    assert "<b>broken" not in page
    assert "No program was found in the file." in explained(run, out, "zoe")


def test_an_appeal_is_answered_in_german(run: Run, out: Path) -> None:
    with writing(out) as book:
        book.set_late_rule("noisy_labels", LateRule.parse("2026-11-30T23:59+00:00", "-10%/day"))
    page = explained(run, out, "ada", "--language", "de")
    for words in (
        '<html lang="de">',
        "Wie die Punkte zustande kamen",
        "Versuch 1 von 1",
        "Frist 2026-11-30 23:59 +0000: Abgaben danach verlieren 10 Punkte für jeden angefangenen Tag.",
        "wie die Lernplattform es aufgezeichnet hat: 1 Tag zu spät, 10 Punkte weniger.",
        "Mittelwert = (",
        "Seeds der verborgenen Daten",
    ):
        assert words in page
    assert english_in(page) == []
    assert english_in(explained(run, out, "eve", "--language", "de")) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nobody",), "has no student 'nobody'"),
        (("ada", "--task", "toy"), "has no results of 'toy'"),
        (("ada", "--out", "."), "is a folder; --out needs the name of a file"),
    ],
)
def test_what_cannot_be_explained_is_one_line(
    words: tuple[str, ...], message: str, run: Run, out: Path
) -> None:
    code, _, errors = run("explain", out, *words)
    assert code == 2
    assert message in errors
