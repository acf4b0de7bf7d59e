"""Each check of what is written notices what it is for, on a spoilt copy of the toy task, and says where it is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from spoiling import as_class, spoil, spoil_built, the, wrong

from grader.cli.main import main
from grader.errors import UsageError
from grader.findings import found
from grader.lint.task import Finding, lint_text, read_subject
from grader.lint.task.entries import arguments_of
from grader.task.build import write
from grader.task.spec import read_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

TASK_LINE = "**Task.** Fill in `{{ signature }}`"
FLOOR_TOLD = "{{ score.floor }} and below"
SPOILT = {
    # entries
    "the statement misspells the entry": (
        "notebook.py", "what it returns weighs", "what `your_weight` returns weighs",
        "entries", "Toy: wrong labels in eight dimensions (cell 1): mentions your_weight; the entry is your_weights",
    ),
    "the statement names an entry that is no more": (
        "notebook.py", "what it returns weighs", "what your_scores() returns weighs",
        "entries", "mentions your_scores; the entry is your_weights",
    ),
    "the statement shows other arguments": (
        "notebook.py", TASK_LINE, f"{TASK_LINE} (`your_weights(losses, targets)`)",
        "entries", "your_weights(losses, targets) has other arguments than the signature",
    ),
    "the statement does not name the entry": (
        "notebook.py", TASK_LINE, "**Task.** Fill in the function", "entries", "never names your_weights",
    ),
    "the signature misspells the entry": (
        "task.toml", 'signature = "your_weights(', 'signature = "your_weight(',
        "entries", "task.toml: the signature has your_weight, which is not an entry (your_weights)",
    ),
    "the slot has other arguments": (
        "notebook.py", "def your_weights(targets, losses):", "def your_weights(labels, losses):",
        "entries", "starter: the slot has your_weights(labels, losses), the signature (targets, losses)",
    ),
    "the slot's comment names another function": (
        "notebook.py", "# your_weights(targets, losses) -> weights", "# your_weighing(targets, losses) -> weights",
        "entries", "starter: the slot mentions your_weighing",
    ),
    "a message names another function": (
        "notebook.py", 'f"your_weights returned a {type', 'f"your_weight returned a {type',
        "entries", "What your function may return (cell 14) mentions your_weight",
    ),
    "nobody calls the entry": (
        "notebook.py", "train(your_weights)", "train(print)", "entries", "no protected cell uses your_weights",
    ),
    # flag
    "the flag is set twice": (
        "notebook.py", "SEED = 0\n", "SEED = 0\nFINAL_EVALUATION_MODE = False\n",
        "flag", "Parameters (cell 6) sets FINAL_EVALUATION_MODE 2 times, not once",
    ),
    "a function sets a parameter": (
        "notebook.py", "def predict(model, x):\n", "def predict(model, x):\n    global SEED\n    SEED = 1\n",
        "flag", "Points (cell 18) sets SEED again",
    ),
    "the flag is misspelt": (
        "notebook.py", "if FINAL_EVALUATION_MODE:\n", "if FINAL_EVALUATON_MODE:\n",
        "flag", "Evaluation (cell 24) mentions FINAL_EVALUATON_MODE",
    ),
    # names
    "what the final mode reads is bound for students only": (
        "notebook.py", "train_data = load", "if not FINAL_EVALUATION_MODE:\n    train_data = load",
        "names", "Loading (cell 12) reads train_data, which Loading (cell 12) does not define with FINAL_EVALUATION_MODE = True",
    ),
    "what students' mode reads is bound in the final mode only": (
        "notebook.py", "val_data = load", "final_data = load",
        "names", "Evaluation (cell 24) reads val_data, which nothing defines",
    ),
    "protected code imports in the slot's cell only": (
        "notebook.py", "import numpy as np\nimport torch\nfrom torch", "from torch",
        "names", "only What your solution may import (cell 20) defines: that runs in the sandbox, not in the trainer",
    ),
    "a function reads what nothing defines": (
        "notebook.py", "    with torch.no_grad():\n", "    with torch.no_grad(), quiet():\n",
        "names", "Points (cell 18) reads quiet, which nothing defines",
    ),
    "a name is read too early": (
        "notebook.py", "torch.manual_seed(SEED)\n", "torch.manual_seed(SEED)\nprint(train_data)\n",
        "names", "Setup (cell 8) reads train_data before Loading (cell 12) defines it",
    ),
    # seeds
    "a seed is cut": (
        "notebook.py", "torch.manual_seed(SEED)", "torch.manual_seed(SEED % 2**32)",
        "seeds", "Setup (cell 8): `SEED % 2 ** 32` leaves few enough seeds to try them all",
    ),
    "a seed is a draw": (
        "notebook.py", "torch.manual_seed(SEED)", "torch.manual_seed(int(np.random.default_rng(SEED).integers(2**31)))",
        "seeds", "takes a draw as its seed; derive it by a hash",
    ),
    "PyTorch uses 32 bits of a seed": (
        "notebook.py", "torch.set_rng_state(state)\n", "\n",
        "seeds", "Setup (cell 8): `torch.manual_seed(SEED)` uses 32 bits of its seed",
    ),
    "a generator of PyTorch uses 32 bits of a seed": (
        "notebook.py", "torch.randperm(len(train_y))", "torch.randperm(80, generator=torch.Generator().manual_seed(SEED))",
        "seeds", "Training (cell 16): `torch.Generator().manual_seed(SEED)` uses 32 bits of its seed",
    ),
    "a Sobol engine uses 32 bits of a seed": (
        "notebook.py", "torch.set_rng_state(state)\n", "torch.set_rng_state(state)\ntorch.quasirandom.SobolEngine(2, scramble=True, seed=SEED)\n",
        "seeds", "seed=SEED)` uses 32 bits of its seed",
    ),
    "scikit-learn uses 32 bits of a seed": (
        "data.py", "rng = np.random.default_rng(seed)", "rng = shuffle(np.arange(9), random_state=hash(seed))",
        "seeds", "data.py: `shuffle(np.arange(9), random_state=hash(seed))` uses 32 bits of its seed",
    ),
    "the trainer gets a seed as short as the function's": (
        "notebook.py", "torch.set_rng_state(state)\n", "torch.set_rng_state(state)\nnp.random.default_rng(derive_seed('order', bits=32))\n",
        "seeds", "gets few enough bits to try them all; only the function's seeds are that short",
    ),
    "the data take a seed of 32 bits": (
        "data.py", "rng = np.random.default_rng(seed)", "rng = np.random.RandomState(seed)",
        "seeds", "data.py: `np.random.RandomState(seed)` takes 32 bits at most",
    ),
    "the function gets the trainer's seed": (
        "notebook.py", "train(your_weights)", "train(lambda targets, losses: your_weights(targets, SEED))",
        "seeds", "Evaluation (cell 24): your_weights gets SEED itself",
    ),
    "the function gets the trainer's seed by a name": (
        "notebook.py", "train(your_weights)", "train(lambda targets, losses: your_weights(targets, losses=SEED))",
        "seeds", "Evaluation (cell 24): your_weights gets SEED itself",
    ),
    "the function gets a seed that is not declared": (
        "notebook.py", "train(your_weights)", "train(lambda targets, losses: your_weights(targets, hash((SEED, 1))))",
        "seeds", "your_weights gets `hash((SEED, 1))` as losses, which the signature does not call a seed",
    ),
    # score map
    "the statement has another floor": (
        "notebook.py", FLOOR_TOLD, "0.4 and below", "score map", "Scoring (cell 3): '0 at 0.4', but the floor in task.toml is 0.5",
    ),
    "the statement's formula has another floor": (
        "notebook.py", "(BAC - {{ score.floor }})", "(BAC - 0.45)", "score map", "but the floor in task.toml is 0.5",
    ),
    "the statement's formula has another ceiling": (
        "notebook.py", "({{ score.ceiling }} - {{ score.floor }}))`", "(0.9 - {{ score.floor }}))`",
        "score map", "but the ceiling in task.toml is 0.84",
    ),
    "the statement does not tell the ceiling": (
        "notebook.py",
        ("`round(100 * (BAC - {{ score.floor }}) / ({{ score.ceiling }} - {{ score.floor }}))` points: 0 at\n"
        "# {{ score.floor }} and below, 100 at {{ score.ceiling }} and above."),
        "0 points at {{ score.floor }} and below, and more above.",
        "score map", "does not say that 100 points are reached at BAC 0.84",
    ),
    "the code has another floor": (
        "notebook.py", "(np.mean(recalls) - {{ score.floor }})", "(np.mean(recalls) - 0.55)",
        "score map", "Points (cell 18): performance() gives",
    ),
    "the code has another ceiling, and cannot be called alone": (
        "notebook.py",
        "share = (np.mean(recalls) - {{ score.floor }}) / ({{ score.ceiling }} - {{ score.floor }})",
        "share = (train_x.mean() - {{ score.floor }}) / (0.9 - {{ score.floor }})",
        "score map", "performance() does not have the ceiling of task.toml, 0.84 (and it cannot be called alone",
    ),
    "there is no performance()": (
        "notebook.py", "def performance(", "def points_of(", "score map", "no protected cell defines performance()",
    ),
}  # fmt: skip


def findings_of(task: Task) -> list[Finding]:
    return lint_text(read_subject(task))


def test_nothing_is_wrong_with_what_is_written_in_the_toy_task(toy_task: Task) -> None:
    assert wrong(findings_of(toy_task)) == {}


@pytest.mark.parametrize(("file", "old", "new", "name", "says"), SPOILT.values(), ids=SPOILT.keys())
def test_what_is_written_wrongly_is_found(
    own_toy: Path, file: str, old: str, new: str, name: str, says: str
) -> None:
    finding = the(findings_of(spoil(own_toy, file, old, new)), name)
    assert not finding.ok
    assert says in finding.detail


def test_nothing_is_wrong_with_a_class_as_an_entry(own_toy: Path) -> None:
    assert wrong(findings_of(as_class(own_toy))) == {}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("weigh(self, targets,", "weigh(self, labels,", "weigh(labels, losses), the signature (targets, losses)"),
        ("def weigh(self", "def weighs(self", "the class YourWeights of the slot has no method weigh"),
        ("(self, scale)", "(self, depth)", "YourWeights(depth), the signature (scale)"),
        ("class YourWeights:", "YourWeights = None\nclass Yours:", "the slot does not define the class YourWeights"),
    ],
    ids=["other arguments", "another method", "made otherwise", "no class"],
)  # fmt: skip
def test_a_class_that_is_not_as_the_task_says_is_found(own_toy: Path, old: str, new: str, says: str) -> None:
    as_class(own_toy)
    finding = the(findings_of(spoil(own_toy, "notebook.py", old, new)), "entries")
    assert says in finding.detail


def test_nothing_is_wrong_with_an_argument_by_name(own_toy: Path) -> None:
    spoil(own_toy, "task.toml", "int64, losses", "int64, *, losses")
    spoil(
        own_toy, "notebook.py", "def your_weights(targets, losses)", "def your_weights(targets, /, *, losses)"
    )
    assert the(findings_of(read_task(own_toy)), "entries").ok


def test_a_method_that_gets_the_trainers_seed_is_found(own_toy: Path) -> None:
    as_class(own_toy)
    call = "train(lambda targets, losses: YourWeights(2).weigh(targets, SEED))"
    finding = the(findings_of(spoil(own_toy, "notebook.py", "train(YourWeights(2).weigh)", call)), "seeds")
    assert "weigh gets SEED itself" in finding.detail


def test_protected_code_that_reads_a_helper_of_the_slot_is_found(own_toy: Path) -> None:
    spoil(own_toy, "notebook.py", "def your_weights(targets", "HELPER = 1\n\n\ndef your_weights(targets")
    task = spoil(
        own_toy,
        "notebook.py",
        "model, history = train(your_weights)\n",
        "model, history = train(your_weights)\nHELPER\n",
    )
    finding = the(findings_of(task), "names")
    assert "Evaluation (cell 24) reads HELPER, which only Your solution (cell 22) defines" in finding.detail


def test_a_map_that_cannot_be_called_alone_is_read(own_toy: Path) -> None:
    old, new = "recalls = [", "train_x.mean()\n    recalls = ["
    assert the(findings_of(spoil(own_toy, "notebook.py", old, new)), "score map").ok


def test_a_flag_that_is_true_is_found(own_toy: Path) -> None:
    task = read_task(own_toy)
    write(task)
    spoil_built(task.starter, "FINAL_EVALUATION_MODE = False", "FINAL_EVALUATION_MODE = True")
    finding = the(findings_of(task), "flag")
    assert "starter: Parameters (cell 6) sets FINAL_EVALUATION_MODE to True" in finding.detail


def test_notebooks_that_are_not_in_step_are_found(own_toy: Path) -> None:
    task = read_task(own_toy)
    write(task)
    (own_toy / "data.py").write_text(
        (own_toy / "data.py").read_text(encoding="utf-8") + "\n# more\n", encoding="utf-8"
    )
    finding = the(findings_of(read_task(own_toy)), "built")
    assert "starter_notebooks/toy_task.ipynb is not in step" in finding.detail


def test_a_source_that_no_longer_builds_is_found(own_toy: Path) -> None:
    task = read_task(own_toy)
    write(task)
    path = own_toy / "notebook.py"
    path.write_text(path.read_text(encoding="utf-8").replace('tags=["slot"]', ""), encoding="utf-8")
    assert (
        "exactly one code cell tagged 'slot', not 0" in the(findings_of(read_task(own_toy)), "built").detail
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("torch.set_num_threads(1)", "torch.set_num_threads(2)", "Setup (cell 8) differs in the solution"),
        ("## Loading", "## Loading the data", "Loading (cell 11) differs in the solution"),
    ],
    ids=["code", "prose"],
)
def test_a_solution_that_differs_elsewhere_is_found(own_toy: Path, old: str, new: str, says: str) -> None:
    task = read_task(own_toy)
    write(task)
    spoil_built(task.solution, old, new)
    assert says in the(findings_of(task), "slot only").detail


def test_a_solution_with_another_cell_or_another_tag_is_found(own_toy: Path) -> None:
    task = read_task(own_toy)
    write(task)
    notebook = json.loads(task.solution.read_text(encoding="utf-8"))
    notebook["cells"][2]["metadata"]["tags"] = []
    notebook["cells"].append(notebook["cells"][-1] | {"id": "more"})
    task.solution.write_text(json.dumps(notebook), encoding="utf-8")
    detail = the(findings_of(task), "slot only").detail
    assert "the starter has 24 cells, the solution 25" in detail
    assert "Scoring (cell 3) has another kind, id or metadata in the solution" in detail


def test_a_task_that_was_not_built_is_a_usage_error(own_toy: Path) -> None:
    task = read_task(own_toy)
    with pytest.raises(UsageError, match="the starter notebook of toy_task is missing; run: grader build"):
        read_subject(task)
    write(task)
    task.solution.unlink()
    with pytest.raises(UsageError, match="the solution notebook of toy_task is missing; run: grader build"):
        read_subject(task)


def test_arguments_come_without_their_types() -> None:
    signature = "f(a: (B,) int64, b: [x, y]) -> (B,), g() -> int, h(z), k(a, /, b=1, *, seed: int = 0)"
    names = [arguments_of(signature, name) for name in "fghik"]
    assert names == [["a", "b"], [], ["z"], None, ["a", "b", "seed"]]


def test_many_sentences_are_shortened_and_each_is_said_once() -> None:
    assert found("n", ["a", "a", "b", "c", "d", "e"], "fine").detail == "a; b; c; d; and 1 more"
    assert found("n", [], "fine") == Finding("n", ok=True, detail="fine")


def command(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["grader", "lint", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_says_what_is_wrong_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], own_toy: Path
) -> None:
    write(read_task(own_toy))
    assert command(monkeypatch, own_toy, "--quick", "--seeds", "2") == 0
    assert "ok    entries" in capfd.readouterr().out
    spoil(own_toy, "notebook.py", FLOOR_TOLD, "0.4 and below")
    assert command(monkeypatch, own_toy, "--quick", "--seeds", "2", "--json") == 1
    findings = json.loads(capfd.readouterr().out)
    assert [finding["name"] for finding in findings if not finding["ok"]] == ["score map"]
    assert command(monkeypatch, "toy_tsk", "--quick") == 2
