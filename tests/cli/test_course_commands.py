"""A course as an instructor meets it: a roster with absent students, a deadline, points adjusted for a reason."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from downloaded import metadata
from recorded import QuickEngine

from grader.gradebook.gradebook import reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Submit

    from grader.task.spec import Task

    Run = Callable[..., tuple[int, str, str]]

ROSTER = "id,name\ns1,Ada Lovelace\ns2,Grace Hopper\ns3,Alan Turing\ns4,Emmy Noether\n"
SLOT = "# {0}\ndef your_weights(targets, losses):\n    return losses * {0}\n"
GROUP = [("Ada Lovelace", "s1", "a@x"), ("Grace Hopper", "", "g@x")]  # submitters: name, id, address
DEADLINE = ("--deadline", "2026-11-30T23:59+01:00")


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where results go; what grades there takes the balanced accuracy from the first line of a slot."""
    monkeypatch.setattr("grader.grading.engine.LocalEngine", lambda *_, **__: QuickEngine())
    return tmp_path / "results"


@pytest.fixture
def grade(run: Run, out: Path, toy_task: Task, submit: Submit) -> Run:
    """Give a function that grades Gradescope's download of two students: ada in time, grace two days late."""
    folder = submit(SLOT.format(0.84), "export/submission_1/nb.ipynb").parent.parent
    submit(SLOT.format(0.67), "export/submission_2/nb.ipynb")
    about = metadata(
        submission_1="Ada Lovelace/s1/a@x/2026-11-30 10:00:00 Z",
        submission_2="Grace Hopper/s2/g@x/2026-12-02 10:00:00 Z",
    )
    (folder / "submission_metadata.yml").write_text(about, encoding="utf-8")

    def graded(*options: object) -> tuple[int, str, str]:
        call = ("grade", toy_task.folder, folder, "--out", out, "--unsafe", "--repeats", "1")
        return run(*call, *options)

    return graded


def points(run: Run, out: Path) -> dict[str, tuple[int | None, int | None]]:
    """Return the points that count and the graded ones of each student."""
    rows = json.loads(run("results", out, "--json")[1])
    return {row["student"]: (row["points"], row["graded"]) for row in rows}


def test_with_a_roster_the_end_of_grade_names_who_handed_in_nothing(
    run: Run, grade: Run, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    line = "nothing from 2 of 4: Alan Turing, Emmy Noether"
    code, _, errors = grade("--roster", tmp_path / "roster.csv")
    assert code == 0
    assert f"note: {line}\n" in errors
    assert run("results", out)[1].splitlines()[-1] == line
    assert line not in run("results", out, "--student", "s1")[1]
    run("report", out)
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "Nothing from 2 of 4: Alan Turing, Emmy Noether" in page
    run("report", out, "--public")
    assert "Turing" not in (out / "report_public" / "index.html").read_text(encoding="utf-8")


def test_on_the_console_a_long_list_of_the_absent_is_cut_and_in_the_report_it_is_not(
    run: Run, grade: Run, out: Path, tmp_path: Path
) -> None:
    people = [f"n{number},Person {number:02}" for number in range(30)]
    (tmp_path / "roster.csv").write_text(ROSTER + "\n".join(people), encoding="utf-8")
    _, _, errors = grade("--roster", tmp_path / "roster.csv")
    assert "nothing from 32 of 34: Alan Turing, Emmy Noether, Person 00" in errors
    assert "Person 09 and 20 more\n" in errors
    run("report", out)
    assert "Person 29" in (out / "report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "table",
    [
        "Name\nAda Lovelace\nGrace Hopper\nAlan Turing\n",
        "email\na@x\ng@x\nalan@x\n",
        "First name;Surname;ID number\nAda;Lovelace;s1\nGrace;Hopper;s2\nAlan;Turing;s3\n",
    ],
    ids=["names alone", "addresses alone", "names in two columns"],
)
def test_who_handed_in_is_known_by_whatever_the_roster_has(table: str, grade: Run, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text(table, encoding="utf-8")
    _, _, errors = grade("--roster", tmp_path / "roster.csv")
    assert "nothing from 1 of 3: alan" in errors.lower()


def test_the_members_of_a_group_have_handed_in(
    run: Run, out: Path, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    folder = submit(SLOT.format(0.84), "export/submission_1/nb.ipynb").parent.parent
    people = "".join(f"  - :name: {name}\n    :sid: {sid}\n    :email: {mail}\n" for name, sid, mail in GROUP)
    about = f"submission_1:\n  :submitters:\n{people}  :created_at: 2026-11-30 10:00:00 Z\n"
    (folder / "submission_metadata.yml").write_text(about, encoding="utf-8")
    (tmp_path / "roster.csv").write_text(
        "id,name,email\ns1,Ada Lovelace,\n,Grace Hopper,g@x\ns3,Alan Turing,\n", encoding="utf-8"
    )
    call = ("grade", toy_task.folder, folder, "--out", out, "--unsafe", "--repeats", "1")
    _, _, errors = run(*call, "--roster", tmp_path / "roster.csv")
    assert "nothing from 1 of 3: Alan Turing\n" in errors


@pytest.mark.parametrize(
    ("late", "grace", "words"),
    [
        ("count", 50, "late work counts as any other"),
        ("mark", 50, "late work is marked and counts in full"),
        ("zero", 0, "late work gets 0 points"),
        ("-10%/day", 30, "late work loses 10 points for each day begun"),
    ],
)
def test_a_deadline_is_kept_by_everything_that_follows(
    late: str, grace: int, words: str, run: Run, grade: Run, out: Path, toy_task: Task
) -> None:
    code, printed, errors = grade(*DEADLINE, "--late", late)
    assert code == 0
    assert f"note: deadline 2026-11-30 23:59 +0100: {words}. Late: s2\n" in errors
    lost = f"s2: graded 50, 2 days late: {50 - grace} points less"
    assert (lost in printed) == (grace != 50)
    assert points(run, out) == {"s1": (100, 100), "s2": (grace, 50)}
    run("rescore", toy_task.folder, "--out", out)
    run("regrade", toy_task.folder, "--out", out, "--student", "s2")
    again = {row["student"]: row["points"] for row in json.loads(grade("--json")[1])}
    assert again == {"s1": 100, "s2": grace}
    assert points(run, out)["s2"] == (grace, 50), "kept without being said again"
    run("export", out, "--format", "csv", "--out", out / "grades.csv")
    with (out / "grades.csv").open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["student"] == "s2")
    grade("--deadline", "none")
    assert points(run, out)["s2"] == (50, 50)
    assert (row["points"], row["graded"], row["late"]) == (
        str(grace),
        "50",
        "no" if late == "count" else "yes",
    )


def test_files_without_a_platform_are_in_time_with_one_note(
    run: Run, out: Path, toy_task: Task, submit: Submit
) -> None:
    path = submit(SLOT.format(0.67), "ben.ipynb")
    call = ("grade", toy_task.folder, path, "--out", out, "--unsafe", "--repeats", "1", *DEADLINE)
    code, _, errors = run(*call, "--late", "zero")
    assert code == 0
    assert "Late: nobody" in errors
    assert (
        errors.count("no learning platform recorded when 1 student submitted, so they count as in time: ben")
        == 1
    )
    assert points(run, out) == {"ben": (50, 50)}


def test_what_canvas_marks_as_late_without_a_time_is_marked_and_loses_nothing(
    run: Run, out: Path, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    for number, name in enumerate(("lovelaceada_LATE_71_90001_nb", "hoppergrace_72_90002_nb")):
        submit(SLOT.format(0.67 + number / 100), f"canvas/{name}.ipynb")
    call = (
        "grade",
        toy_task.folder,
        tmp_path / "canvas",
        "--out",
        out,
        "--unsafe",
        "--repeats",
        "1",
        *DEADLINE,
    )
    code, _, errors = run(*call, "--late", "zero")
    assert code == 0
    assert "Late: nobody" in errors
    assert "no learning platform recorded when 2 students submitted" in errors
    rows = json.loads(run("results", out, "--leaderboard", "--json")[1])
    late = {row["student"]: (row["points"], bool(row["late"])) for row in rows}
    assert late == {"hoppergrace_72": (53, False), "lovelaceada_71": (50, True)}


def test_the_times_of_moodles_worksheet_count_where_its_download_has_none(
    run: Run, out: Path, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    for number, name in enumerate(("Ada Lovelace_15", "Grace Hopper_16", "Alan Turing_17")):
        submit(SLOT.format(0.67 + number / 100), f"moodle/{name}_assignsubmission_file/nb.ipynb")
    (tmp_path / "worksheet.csv").write_text(
        'Identifier,"Full name","Last modified (submission)"\n'
        '"Participant 15","Ada Lovelace","Monday, 30 November 2026, 11:59 PM"\n'
        '"Participant 16","Grace Hopper","Tuesday, 1 December 2026, 12:00 AM"\n'
        '"Participant 17","Alan Turing","gestern"\n',
        encoding="utf-8",
    )
    call = ("grade", toy_task.folder, tmp_path / "moodle", "--out", out, "--unsafe", "--repeats", "1")
    code, _, errors = run(*call, "--roster", tmp_path / "worksheet.csv", *DEADLINE, "--late", "-10%/day")
    assert code == 0
    assert "no times that can be read: gestern" in errors
    assert "1 student submitted, so they count as in time: Alan Turing" in errors
    assert points(run, out) == {"Ada Lovelace": (50, 50), "Grace Hopper": (43, 53), "Alan Turing": (56, 56)}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--late", "zero"), "--late goes with --deadline"),
        (("--deadline", "none", "--late", "zero"), "--late goes with --deadline"),
        ((*DEADLINE, "--late", "never"), "write count, mark, zero"),
        (("--deadline", "2026-11-30 23:59"), "time zone"),
    ],
)
def test_a_wrong_rule_grades_nothing(options: tuple[str, ...], words: str, grade: Run, out: Path) -> None:
    code, _, errors = grade(*options)
    assert code == 2
    assert words in errors
    assert not out.exists()


def test_adjusted_points_survive_and_show_both_values(
    run: Run, grade: Run, out: Path, toy_task: Task
) -> None:
    grade(*DEADLINE, "--late", "zero")
    code, printed, _ = run("adjust", out, "s2", "--points", 80, "--because", "ill on\n that day")
    assert (code, printed.splitlines()) == (
        0,
        ["s2: 0 points -> 80 points", "graded 50, adjusted to 80: ill on that day"],
    )
    both = {"s1": (100, 100), "s2": (80, 50)}
    assert points(run, out) == both
    run("rescore", toy_task.folder, "--out", out)
    run("regrade", toy_task.folder, "--out", out, "--student", "s2")
    grade()
    assert points(run, out) == both
    assert "graded 50, adjusted to 80: ill on that day" in " ".join(
        run("results", out, "--leaderboard")[1].split()
    )
    assert "80" in (out / "results.csv").read_text(encoding="utf-8")
    run("report", out, "--task", toy_task.folder)
    pages = [path.read_text(encoding="utf-8") for path in sorted((out / "report").rglob("*.html"))]
    assert sum("graded 50, adjusted to 80: ill on that day" in page for page in pages) == 2, (
        "board and feedback"
    )
    run("report", out, "--public")
    assert "ill on" not in (out / "report_public" / "index.html").read_text(encoding="utf-8")
    run("export", out, "--format", "gradescope", "--out", out / "g")
    record = json.loads((out / "g" / "s2" / "attempt-1" / "results.json").read_text(encoding="utf-8"))
    assert record["score"] == 80
    assert "graded 50, adjusted to 80: ill on that day" in record["output"]


def test_adjusted_points_and_the_deadline_hold_in_a_final_round(run: Run, grade: Run, out: Path) -> None:
    grade(*DEADLINE, "--late", "zero")
    run("adjust", out, "s2", "--points", 80, "--because", "ill")
    run("adjust", out, "s1", "--points", 10, "--because", "a mistake")
    run("adjust", out, "s1", "--withdraw", "--because", "mended")
    final = out.with_name("final")
    code, _, errors = grade("--out", final, "--earlier", out)
    assert code == 0
    assert f"adjusted as in {out}: s2" in errors
    assert points(run, final) == {"s1": (100, 100), "s2": (80, 50)}
    with reading(final) as book:
        rule = book.late_rule("toy_task")
        assert (rule and rule.late) == "zero"
    run("adjust", final, "s2", "--points", 30, "--because", "looked at again")
    grade("--out", final, "--earlier", out)
    assert points(run, final)["s2"] == (30, 50), "what this round decided stays"
    assert grade("--out", final, "--earlier", out / "none")[0] == 2


def test_an_attempt_is_chosen_with_a_reason_that_the_pages_show(
    run: Run, grade: Run, out: Path, submit: Submit, toy_task: Task
) -> None:
    grade()
    other = submit(SLOT.format(0.6), "other/s1.ipynb")
    run("grade", toy_task.folder, other, "--out", out, "--unsafe", "--repeats", "1")
    assert _counting(out) == 100, "the latest attempt by the times of the platform"
    code, printed, _ = run("choose", out, "s1", "--attempt", 2, "--because", "handed in\n by mistake")
    assert (code, printed) == (0, "s1: attempt 2 of 2 counts, 29 points\n")
    assert _counting(out) == 29
    board = " ".join(run("results", out, "--leaderboard")[1].split())
    assert "attempt 2 was chosen: handed in by mistake" in board
    run("report", out, "--task", toy_task.folder)
    assert "attempt 2 of 2, handed in by mistake" in (out / "report" / "index.html").read_text(
        encoding="utf-8"
    )
    assert run("choose", out, "s1", "--attempt", 3, "--because", "x")[0] == 2
    assert run("choose", out, "s2", "--withdraw", "--because", "x")[0] == 2
    assert run("choose", out, "s1", "--because", "x")[0] == 2
    assert run("choose", out, "s1", "--attempt", 1, "--because", " ")[0] == 2
    assert run("choose", out, "s1", "--withdraw", "--because", "no mistake")[0] == 0
    assert _counting(out) == 100


def _counting(out: Path) -> int:
    with reading(out) as book:
        return next(int(row["points"]) for row in book.leaderboard() if row["student"] == "s1")


def test_an_adjustment_is_taken_back_by_a_further_row(
    run: Run, grade: Run, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    grade("--roster", tmp_path / "roster.csv")
    run("adjust", out, "Grace Hopper", "--points", 80, "--because", "ill", "--json")
    run("adjust", out, "s2", "--points", 90, "--because", "very ill")
    code, printed, _ = run("adjust", out, "s2", "--withdraw", "--because", "was well")
    assert (code, printed.splitlines()[0]) == (0, "s2: 90 points -> 50 points")
    assert points(run, out)["s2"] == (50, 50)
    with reading(out) as book:
        rows = book.adjustments("toy_task", "s2")
    assert [(row.points, row.reason) for row in rows] == [(80, "ill"), (90, "very ill"), (None, "was well")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("s2", "--because", "x"), "give either --points or --withdraw"),
        (("s2", "--points", 8, "--withdraw", "--because", "x"), "give either --points or --withdraw"),
        (("s2", "--points", 8, "--because", " "), "--because needs a reason"),
        (("s2", "--points", 800, "--because", "x"), "less than or equal to 100"),
        (("s7", "--points", 8, "--because", "x"), "has no student 's7'; there are: s1, s2"),
        (("s2", "--withdraw", "--because", "x"), "the points of s2 are not adjusted"),
        (
            ("s2", "--points", 8, "--because", "x", "--task", "toy"),
            "has no results of 'toy'; there are: toy_task",
        ),
    ],
)
def test_an_adjustment_that_cannot_be_meant_is_one_line(
    words: tuple[object, ...], message: str, run: Run, grade: Run, out: Path
) -> None:
    grade()
    code, _, errors = run("adjust", out, *words)
    assert code == 2
    assert message in errors
    assert points(run, out)["s2"] == (50, 50)
