"""Spoil a copy of the toy task, to see whether the linter notices."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from grader.task.build import write
from grader.task.spec import Task, read_task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from grader.lint.task import Finding


def spoil(folder: Path, file: str, old: str, new: str) -> Task:
    """Replace a text of the task's source, once, and build its notebooks."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    task = read_task(folder)
    write(task)
    return task


CLASS_SLOT = """# YourWeights(scale)
#   weigh(targets, losses) -> weights, each between 0 and 100
class YourWeights:
    def __init__(self, scale):
        self.scale = scale

    def weigh(self, targets, losses):
        ### BEGIN SOLUTION
        counts = torch.bincount(targets, minlength=2).clamp(min=1)
        return (len(targets) / (2.0 * counts))[targets].float()
        ### END SOLUTION
        ### BEGIN BASELINE
        # return torch.ones(len(targets))  # every sample counts the same
        ### END BASELINE


"""


def as_class(folder: Path) -> Task:
    """Turn a copy of the toy task into one whose entry is a class, and build its notebooks."""
    path = folder / "notebook.py"
    before, slot, after = re.split(
        r"(?<=# %% tags=\[\"slot\"\]\n)|(?=# %% \[markdown\]\n# ## Evaluation)",
        path.read_text(encoding="utf-8"),
    )
    assert "def your_weights" in slot
    text = before + CLASS_SLOT + after.replace("train(your_weights)", "train(YourWeights(2).weigh)")
    path.write_text(text.replace("your_weights", "YourWeights"), encoding="utf-8")
    spoil(
        folder,
        "task.toml",
        'entries = ["your_weights"]',
        'entries = ["YourWeights"]\nmethods = {YourWeights = ["weigh"]}',
    )
    signature = '"your_weights(targets: (B,) int64', '"YourWeights(scale), weigh(targets: (B,) int64'
    return spoil(folder, "task.toml", *signature)


TRAINED = "model, history = train(YourWeights(2).weigh)\n"
JUDGED = """answer = your_memory([parameter.detach().numpy() for parameter in model.parameters()])
if answer != 0:
    raise InvalidOutput(f"your_memory remembers {answer} batches")
"""


def as_stages(folder: Path) -> Task:
    """Return a toy task whose class weighs in one stage, and whose function is asked what it remembers in the next."""
    as_class(folder)
    spoil(folder, "notebook.py", TRAINED, TRAINED + JUDGED)
    after = "\n\ndef your_memory(parameters):\n    return 0\n"
    spoil(folder, "notebook.py", "        ### END BASELINE\n", f"        ### END BASELINE\n{after}")
    toml = folder / "task.toml"
    text = toml.read_text(encoding="utf-8").replace('["YourWeights"]', '["YourWeights", "your_memory"]')
    text = text.replace("weigh(targets", "your_memory(parameters), weigh(targets")
    stages = '[[stages]]\nentries = ["YourWeights"]\n[[stages]]\nentries = ["your_memory"]\n\n[score]'
    toml.write_text(text.replace("[score]", stages), encoding="utf-8")
    task = read_task(folder)
    write(task)
    return task


SECOND_SLOT = """# %% [markdown]
# ## Your memory: `your_memory(parameters)`

# %% tags=["slot:memory"]
def your_memory(parameters):
    ### BEGIN SOLUTION
    return 0
    ### END SOLUTION
    ### BEGIN BASELINE
    # return 0
    ### END BASELINE


# %% [markdown]
# ## Evaluation
"""


def as_slots(folder: Path, *, staged: bool = False) -> Task:
    """Return a toy task with two slots, `weights` and `memory`, in one process or in a stage each."""
    trained = "model, history = train(your_weights)\n"
    path = folder / "notebook.py"
    text = path.read_text(encoding="utf-8").replace('tags=["slot"]', 'tags=["slot:weights"]')
    text = text.replace(trained, trained + JUDGED)
    path.write_text(text.replace("# %% [markdown]\n# ## Evaluation\n", SECOND_SLOT), encoding="utf-8")
    toml = folder / "task.toml"
    text = toml.read_text(encoding="utf-8").replace('["your_weights"]', '["your_weights", "your_memory"]')
    text = text.replace("your_weights(targets", "your_memory(parameters), your_weights(targets")
    tables = '[slots]\nweights = ["your_weights"]\nmemory = ["your_memory"]\n\n[score]'
    stages = '[[stages]]\nentries = ["your_weights"]\n[[stages]]\nentries = ["your_memory"]\n\n'
    toml.write_text(text.replace("[score]", staged * stages + tables), encoding="utf-8")
    task = read_task(folder)
    write(task)
    return task


def spoil_built(path: Path, old: str, new: str) -> None:
    """Replace a text in the cells of a notebook that is built already."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if old in "".join(cell["source"])]
    assert cells
    cells[0]["source"] = "".join(cells[0]["source"]).replace(old, new, 1)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def the(findings: Iterable[Finding], name: str) -> Finding:
    """Return the finding of this name."""
    (finding,) = [finding for finding in findings if finding.name == name]
    return finding


def wrong(findings: Iterable[Finding]) -> dict[str, str]:
    """Return what is not as it should be, by name."""
    return {finding.name: finding.detail for finding in findings if not finding.ok}
