"""Photograph the report of a class of invented students, for README.md.

    python docs/make_report.py    writes docs/images/report.png and docs/images/feedback.png

It needs chromium and the extra `dev`. The results come from tests/published.py: no notebook is run.
"""

from __future__ import annotations

import io
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from PIL import Image  # noqa: E402
from published import Course, course, enrol  # noqa: E402 -- the invented class is that of the tests

from grader.errors import Verdict  # noqa: E402
from grader.notebooks.slot import find_slot  # noqa: E402
from grader.report.pages import write_report  # noqa: E402
from grader.task.spec import load_task  # noqa: E402
from grader.task.starter import load_starter  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOWN = "priya"  # whose feedback is photographed
IMAGES = ROOT / "docs" / "images"
NAMES = [
    "Amina Okafor", "Bela Kis", "Chiara Rossi", "Daniel Weiss", "Elif Demir", "Farid Haddad", "Greta Lind", "Hiro Tanaka",
    "Ines Prado", "Jonas Berg", "Katya Orlova", "Liam Byrne", "Mei Lin", "Nadia Rahman", "Oskar Nowak", "Priya Nair",
    "Quentin Roy", "Rosa Vidal", "Samuel Adeyemi", "Tove Dahl", "Umar Sheikh", "Vera Horak", "Wen Zhao", "Ximena Cruz",
    "Yusuf Kaya", "Zoe Martin", "Arjun Rao", "Bianca Popa", "Carl Voss", "Dina Katz",
]  # fmt: skip
# Programs are put together from a way to look at the losses, one to choose, and one to finish.
LOOKS = (
    ("calls, memory = 0, {}\n\n\n", """    global calls
    batch, calls = calls % 23, calls + 1
    if batch in memory:  # one loss is noisy; the mean over the epochs tells more
        losses = [(old + new) / 2 for old, new in zip(memory[batch], losses)]
    memory[batch] = losses
"""),
    ("", """    mean = torch.stack(losses).mean(dim=0)
    losses = [mean, mean]  # both look at the same thing
"""),
    ("", """    losses = [(loss - loss.min()) / (loss.max() - loss.min() + 1e-8) for loss in losses]
"""),
    ("step = 0\n\n\n", """    global step
    step += 1
    if step <= 23:  # in the first epoch the losses say nothing yet
        everything = torch.arange(len(targets))
        return [everything, everything]
"""),
)  # fmt: skip
CHOICES = (
    """    chosen = []
    for loss in reversed(losses):  # each net learns what the other finds easy
        easy = []
        for label, share in ((0, {zero}), (1, {one})):
            members = (targets == label).nonzero().flatten()
            order = loss[members].argsort()
            easy.append(members[order[: max(1, int(share * len(members)))]])
        chosen.append(torch.cat(easy))
""",
    """    keep = int({one} * len(targets)) + 1
    chosen = [loss.topk(keep, largest=False).indices for loss in losses]
""",
    """    limits = [loss.quantile({zero}) for loss in losses]
    chosen = [(loss <= limit).nonzero().flatten() for loss, limit in zip(losses, limits)]
""",
    """    weights = [torch.exp(-loss / {one}) for loss in losses]
    weights = [torch.where(targets == 1, weight * {zero}, weight) for weight in weights]
    chosen = [weight.multinomial(len(targets) // 2 + 1) for weight in weights]
""",
)
ENDS = (
    "    return chosen\n",
    "    return [chosen[1], chosen[0]]\n",
    """    agreed = set(chosen[0].tolist()) & set(chosen[1].tolist())
    if len(agreed) >= 8:
        both = torch.tensor(sorted(agreed))
        return [both, both]
    return chosen
""",
    """    rare = (targets == 0).nonzero().flatten()
    extra = rare[torch.randperm(len(rare))[:6]]
    return [torch.cat([part, extra]).unique() for part in chosen]
""",
)
QUICK = """def your_select_indices(targets, losses):
    keep = int({share} * len(targets))
    return [loss.argsort()[:keep] for loss in reversed(losses)]
"""
RAISES = """def rank(losses, members):
    return members[losses[members].argsort()]


def your_select_indices(targets, losses):
    chosen = []
    for loss in losses:
        easy = rank(loss, (targets == 0).nonzero().flatten())
        chosen.append(easy[: int(0.7 * len(easy))].reshape(-1, 2))
    return chosen
"""
TRACEBACK = """your solution, line 9, in your_select_indices
    chosen.append(easy[: int(0.7 * len(easy))].reshape(-1, 2))
RuntimeError: shape '[-1, 2]' is invalid for input of size 31"""


def invent(out: Path) -> None:
    """Write the results of the class into `out`."""
    rng, task = random.Random(4), load_task("noisy_labels")  # noqa: S311 -- nothing secret
    with course(out, task) as made:
        for number, name in enumerate(NAMES):
            student = name.split()[0].lower()
            when = f"2026-03-{10 + number % 6:02d}T{8 + number % 12:02d}:{(7 * number) % 60:02d}:00+00:00"
            if number in FAILURES:
                verdict, message, slot, traceback = FAILURES[number]
                made.failed(student, verdict, message, slot=slot, traceback=traceback, submitted=when)
            else:
                _score(made, rng, student, number, when)
    sections = "AB"
    enrol(
        out, [(name.split()[0].lower(), name, "", sections[number % 2]) for number, name in enumerate(NAMES)]
    )


FAILURES = {
    5: (Verdict.SLOT_ERROR, "your_select_indices raised RuntimeError: shape '[-1, 2]' is invalid for input of size 31", RAISES, TRACEBACK),
    11: (Verdict.INVALID_OUTPUT, "index 128 for model 1 is out of range for a batch of 128", QUICK.format(share=1.2), ""),
    16: (Verdict.TIME_LIMIT, "The run took longer than 300 s.", QUICK.format(share=0.51), ""),
    22: (Verdict.INVALID_NOTEBOOK, "The file is not JSON: Expecting value in line 1.", "", ""),
    27: (Verdict.SLOT_ERROR, "your_select_indices raised NameError: name 'ceil' is not defined", QUICK.format(share=0.52), ""),
}  # fmt: skip


def _score(made: Course, rng: random.Random, student: str, number: int, when: str) -> None:
    skill = min(max(rng.gauss(0.5, 0.28), 0.02), 1.0)
    zero, one = round(rng.uniform(0.75, 0.95), 2), round(rng.uniform(0.35, 0.6), 2)
    slot = _program(number, zero, one)
    starter = load_starter(made.task)
    attempts = rng.choice((1, 1, 2, 3))
    for attempt in range(attempts):
        level = 0.5 + 0.36 * max(skill - 0.15 * (attempts - 1 - attempt), 0.0)
        made.scored(
            student,
            slot if attempt == attempts - 1 else f"{find_slot(starter, starter)}  # attempt {attempt + 1}\n",
            recalls=(min(level + 0.04, 0.99), max(level - 0.04, 0.2)),
            submitted=when.replace(":00+", f":{attempt:02d}+"),
            edited="EPOCHS = 12  # more is better?\n" if number % 7 == 3 else "",
            printed="first batch: 51 of label 0, 77 of label 1\n" if number % 2 == 0 else "",
            histories=[_history(rng, zero, one - 0.05 * skill) for _ in range(3)],
        )


def _program(number: int, zero: float, one: float) -> str:
    number = 21 if number == 14 else number
    (before, look), choice, end = (
        LOOKS[number % 4],
        CHOICES[number // 4 % 4],
        ENDS[(number + number // 7) % 4],
    )
    return (
        f"{before}def your_select_indices(targets, losses):\n{look}{choice.format(zero=zero, one=one)}{end}"
    )


def _history(rng: random.Random, zero: float, one: float) -> dict[str, object]:
    epochs = range(1, 7)
    return {
        "x": {"name": "epoch", "values": list(epochs)},
        "series": {
            "share of label 0 kept": [zero + rng.uniform(-0.02, 0.02) for _ in epochs],
            "share of label 1 kept": [one - 0.05 * epoch + rng.uniform(-0.02, 0.02) for epoch in epochs],
        },
    }


def photograph(index: Path, feedback: Path) -> None:
    """Save the two pictures."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- `invent` is of use without a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1180, "height": 1000})
        _take(page, index, "tbody tr:nth-child(18)", IMAGES / "report.png")
        page.set_viewport_size({"width": 940, "height": 1000})
        _take(page, feedback, "section[aria-labelledby=code]", IMAGES / "feedback.png")
        browser.close()


def _take(page: Page, path: Path, last: str, picture: Path) -> None:
    """Photograph a page from its top to the end of the element `last`, in few colours, for it is read over the net."""
    page.goto(path.as_uri())
    box = page.locator(last).first.bounding_box()
    size = page.viewport_size
    if box is None or size is None:
        raise LookupError(f"{path.name} has no {last}")
    area = {"x": 0, "y": 0, "width": size["width"], "height": box["y"] + box["height"] + 24}
    shot = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=area)))
    shot.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(picture, optimize=True)


def main() -> None:
    """Invent, report, photograph."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results"
        invent(out)
        task = load_task("noisy_labels")
        written = write_report(out, {task.id: task})
        shown = [page.path for page in written.pages if page.student == SHOWN]
        photograph(written.index, shown[-1])


if __name__ == "__main__":
    main()
