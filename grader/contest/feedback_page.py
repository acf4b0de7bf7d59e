"""Write a page of feedback for each verdict, where grading happens: sites that show it need no access to runs.

Where the leaderboard is coarse, the page is, too: exact accuracies would let a team sound out the hidden data.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from grader.contest.queue import is_proposal
from grader.files import write_atomic
from grader.gradebook.gradebook import reading
from grader.gradebook.run_folder import RunFolder
from grader.gradebook.standings import Credit
from grader.report.feedback import feedback
from grader.report.leaderboard import minute
from grader.report.page_renderer import PageRenderer
from grader.report.run_files import RunFiles, run_files, without_paths

if TYPE_CHECKING:
    from grader.contest.grading import GradedTask
    from grader.contest.queue import Lease
    from grader.contest.spec import ContestSpec
    from grader.contest.store import Store
    from grader.gradebook.gradebook import Recorded
    from grader.gradebook.result import Result


class FeedbackPages:
    """Writes the pages of a contest; templates are read once."""

    def __init__(self, store: Store) -> None:
        self._store, self._renderer = store, PageRenderer()

    def write(self, spec: ContestSpec, lease: Lease, *, result: Result, graded: GradedTask) -> None:
        """Write the page of a result that the gradebook of its task has. Raises UsageError where it cannot be written."""
        with reading(graded.out) as book:
            of_team = book.of_student(graded.task.id, lease.team)
            of_this = [recorded for recorded in of_team if recorded.result.submission == result.submission]
            if not of_this:
                return  # it could not start: the verdict's sentence says everything
            executed = book.executed_for(of_this[-1]).result
        page = self._page(spec, lease, recorded=of_this[-1], executed=executed, graded=graded)
        with self._store.reading() as transaction:
            proposed = is_proposal(transaction, lease.number)
        number = lease.number
        path = self._store.proposed_feedback(number) if proposed else self._store.feedback(number)
        write_atomic(path, page.encode())

    def _page(
        self, spec: ContestSpec, lease: Lease, *, recorded: Recorded, executed: Result, graded: GradedTask
    ) -> str:
        result = recorded.result
        message, traceback = (
            without_paths(text, graded.out, result, executed) for text in (result.message, result.traceback)
        )
        files = run_files(graded.out, result, executed)
        ending = RunFolder.of(graded.out, result).submission.suffix
        shown = replace(
            result, message=message, traceback=traceback, submission=f"submission-{lease.number}{ending}"
        )
        points = result.points
        coarse = is_coarse(spec)
        content = feedback(
            shown, _without_scores(files) if coarse else files, graded.task, graded.settings.wall_seconds
        )
        if coarse:
            content = replace(content, exact=False, advice=[])
            points = None if points is None else spec.leaderboard.coarse(points)
        return self._renderer.render(
            "feedback.html",
            feedback=content,
            credit=Credit(points),
            title=graded.task.spec.title,
            student=f"submission {lease.number}",
            name="",
            attempt=lease.number,
            pseudonym="",
            recorded=minute(recorded.recorded),
        )


def is_coarse(spec: ContestSpec) -> bool:
    """Return whether a contest keeps exact scores of the hidden data to itself until the end."""
    return spec.leaderboard.round_to > 1 or spec.leaderboard.beyond_noise


def _without_scores(files: RunFiles) -> RunFiles:
    """Return what there is to show without what was measured on hidden data, or drawn or printed beside it."""
    repeats = [replace(view, log=[], pictures=[], history=None) for view in files.repeats]
    return replace(files, repeats=repeats, confusion=None)
