"""Write docs/verdicts.md from the table of verdicts in grader/errors.py.

    python docs/make_verdicts.py

The page is committed, and a test fails while it is out of step.
"""

from __future__ import annotations

from pathlib import Path

from grader.errors import EXPLANATIONS, Verdict

PAGE = Path(__file__).parent / "verdicts.md"
POINTS = {
    Verdict.SCORED: "0 to 100",
    Verdict.GRADER_ERROR: "none: the submission is tried twice more, then reported; the batch ends with exit code 3",
}
HEAD = """# Verdicts

Every submission ends with exactly one of these verdicts; `grader check` and `grader grade` use the same names. The
verdict comes with a message about this submission: the exception, the return value, or the
limit. If the student's code raised, it also has a traceback of their own lines.

This page is generated: `python docs/make_verdicts.py`.
"""


def page() -> str:
    """Return the text of docs/verdicts.md."""
    return HEAD + "".join(
        f"\n## `{verdict}`\n\n**{explained.sentence}** {explained.help}\n\nPoints: {POINTS.get(verdict, '0')}.\n"
        for verdict, explained in EXPLANATIONS.items()
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
