"""Write a page of feedback for each verdict, in each language, where grading happens: sites that show it need no access to runs.

Where the leaderboard is coarse, the page is, too: exact accuracies would let a team sound out the hidden data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.contest.queue import is_proposal
from grader.files import write_atomic
from grader.gradebook.gradebook import reading
from grader.gradebook.run_folder import RunFolder
from grader.gradebook.standings import Credit
from grader.languages import LANGUAGES
from grader.report.feedback import feedback
from grader.report.leaderboard import minute
from grader.report.page_renderer import PageRenderer
from grader.report.run_files import RunFiles, run_files, without_paths
from grader.task.translation import title_in

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
        self._store, self._renderers = store, [PageRenderer(language) for language in LANGUAGES]

    def write(self, spec: ContestSpec, lease: Lease, *, result: Result, graded: GradedTask) -> None:
        """Write the pages of a result that the gradebook of its task has. Raises UsageError where it cannot be written."""
        with reading(graded.out) as book:
            of_team = book.of_student(graded.task.id, lease.team)
            of_this = [recorded for recorded in of_team if recorded.result.submission == result.submission]
            if not of_this:
                return  # it could not start: the verdict's sentence says everything
            executed = book.executed_for(of_this[-1]).result
        files = run_files(graded.out, of_this[-1].result, executed)
        page = _FeedbackOfContest(spec, lease, of_this[-1], executed, graded, files)
        with self._store.reading() as transaction:
            proposed = is_proposal(transaction, lease.number)
        path_of = self._store.proposed_feedback if proposed else self._store.feedback
        for renderer in self._renderers:
            write_atomic(path_of(lease.number, renderer.translate.language), page.rendered(renderer).encode())


@dataclass(frozen=True)
class _FeedbackOfContest:
    """What the page of a submission is made of, in whatever language."""

    spec: ContestSpec
    lease: Lease
    recorded: Recorded
    executed: Result
    graded: GradedTask
    files: RunFiles

    def rendered(self, renderer: PageRenderer) -> str:
        """Return the page in the language of `renderer`."""
        result, graded, lease, translate = self.recorded.result, self.graded, self.lease, renderer.translate
        message, traceback = (
            without_paths(text, graded.out, result, self.executed)
            for text in (result.message, result.traceback)
        )
        ending = RunFolder.of(graded.out, result).submission.suffix
        shown = replace(
            result, message=message, traceback=traceback, submission=f"submission-{lease.number}{ending}"
        )
        points, coarse = result.points, is_coarse(self.spec)
        files = _without_scores(self.files) if coarse else self.files
        content = feedback(shown, files, graded.task, graded.settings.wall_seconds, translate)
        if coarse:
            content = replace(content, exact=False, advice=[])
            points = None if points is None else self.spec.leaderboard.coarse(points)
        return renderer.render(
            "feedback.html",
            feedback=content,
            credit=Credit(points),
            title=title_in(graded.task, translate.language),
            student=translate("submission {number}", number=lease.number),
            name="",
            attempt=lease.number,
            pseudonym="",
            recorded=minute(self.recorded.recorded),
        )


def is_coarse(spec: ContestSpec) -> bool:
    """Return whether a contest keeps exact scores of the hidden data to itself until the end."""
    return spec.leaderboard.round_to > 1 or spec.leaderboard.beyond_noise


def _without_scores(files: RunFiles) -> RunFiles:
    """Return what there is to show without what was measured on hidden data, or drawn or printed beside it."""
    repeats = [replace(view, log=[], pictures=[], history=None) for view in files.repeats]
    return replace(files, repeats=repeats, confusion=None)
