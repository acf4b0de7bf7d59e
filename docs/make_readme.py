"""Write the generated parts of README.md: the table of tasks, and a result of a gradebook as the example.

    python docs/make_readme.py                       the table, from the task folders
    python docs/make_readme.py demo_runs solution    the result of that student in that folder, too

A test fails while the table is out of step.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from grader.gradebook.gradebook import reading
from grader.grading.bands_file import read_bands, seconds_of
from grader.task.spec import Task, discover

README = Path(__file__).parent.parent / "README.md"
TASKS = ("<!-- tasks: docs/make_readme.py -->", "<!-- end of tasks -->")
RESULT = ("<!-- result: docs/make_readme.py -->", "<!-- end of result -->")


def table(tasks: list[Task]) -> str:
    """Return the table of tasks, one row for each."""
    return "\n".join(
        [
            "| task | what it is about | you write | points of starter / reference | seconds |",
            "|---|---|---|---|---|",
            *map(_row, tasks),
        ]
    )


def _row(task: Task) -> str:
    spec = task.spec
    recorded = read_bands(task.folder / "bands.json")
    bands = recorded["strategies"]
    ends = f"{bands['starter']['points']} / {bands['reference']['points']}"
    seconds = round(spec.repeats * seconds_of(recorded)["reference"])
    notebook = f"starter_notebooks/{task.id}.ipynb"
    title = spec.title if spec.title.endswith("?") else f"{spec.title}."
    functions = f"`{spec.files.name}`" if spec.files else ", ".join(f"`{entry}`" for entry in spec.entries)
    return f"| [{task.id}]({notebook}) | **{title}** {spec.story} | {functions} | {ends} | {seconds} |"


def example(record: dict[str, Any]) -> str:
    """Return one result as JSON, a line for each field."""
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items())
    return f"```json\n{{\n{lines}\n}}\n```"


def filled(readme: str, marks: tuple[str, str], text: str) -> str:
    """Return `readme` with `text` between two marks."""
    before, _, rest = readme.partition(marks[0])
    _, _, after = rest.partition(marks[1])
    return f"{before}{marks[0]}\n{text}\n{marks[1]}{after}"


def main(arguments: list[str]) -> None:
    """Write README.md."""
    readme = filled(README.read_text(encoding="utf-8"), TASKS, table(discover()))
    if arguments:
        folder, student = arguments
        with reading(Path(folder)) as book:
            results = [recorded.result for recorded in book.current()]
        (result,) = [result for result in results if result.student == student]
        readme = filled(readme, RESULT, example(result.as_json()))
    README.write_text(readme, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
