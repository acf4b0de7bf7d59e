"""An attack is judged by its ending, by what it says it reached, and by what it leaves for an instructor to open."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded import result_named

from grader.errors import Verdict
from grader.gradebook.result import Metrics
from grader.notebooks.slots import slot_cells
from grader.redteam.corpus import Attack
from grader.redteam.verify import Honest, judge, top_of_band

if TYPE_CHECKING:
    from grader.gradebook.result import Result
    from grader.notebooks.reading import Json

METRICS = Metrics(0.75, {"a": 0.7, "b": 0.8}, [0.75], 0.0)
HONEST = Honest(METRICS, 0.78, frozenset({"stream", "image/png"}))
OTHER_MODELS = replace(METRICS, per_model={"a": 0.8, "b": 0.7})
ABOVE = replace(METRICS, value=0.79)


def attack_with(*endings: str) -> Attack:
    return Attack("reading-x", Path("reading_x.py"), endings, "")


def ended(folder: Path, metrics: Metrics | None = None) -> Result:
    """Return a result with these metrics, or a `slot_error`."""
    verdict = Verdict.SCORED if metrics else Verdict.SLOT_ERROR
    return replace(result_named("x", verdict, 60 if metrics else 0), metrics=metrics, run_folder=str(folder))


ENDS: dict[str, tuple[tuple[str, ...], Metrics | None, bool]] = {
    "the honest score": (("scored=honest",), METRICS, True),
    "the honest score of other models": (("scored=honest",), OTHER_MODELS, False),
    "a score in the band": (("scored<=baseline",), OTHER_MODELS, True),
    "a score above the band": (("scored<=baseline",), ABOVE, False),
    "a verdict": (("slot_error",), None, True),
    "another verdict": (("time_limit", "slot_crashed"), None, False),
    "the second alternative": (("scored=honest", "slot_error"), None, True),
    "a score for a verdict": (("slot_error",), METRICS, False),
}


@pytest.mark.parametrize(("endings", "metrics", "held"), ENDS.values(), ids=ENDS.keys())
def test_an_attack_holds_if_it_ends_as_it_may(
    tmp_path: Path, starter: Json, endings: tuple[str, ...], metrics: Metrics | None, held: bool
) -> None:
    problems = judge(attack_with(*endings), ended(tmp_path, metrics), HONEST, starter, ["secret"])
    assert (problems == []) == held, problems


def test_the_band_is_three_standard_deviations_but_never_nothing_nor_near_the_reference() -> None:
    assert top_of_band([0.5, 0.51, 0.52], 0.9) == pytest.approx(0.53)
    assert top_of_band([0.5, 0.6, 0.7], 0.9) == pytest.approx(0.7)
    assert top_of_band([0.7, 0.7, 0.7], 0.9) == pytest.approx(0.72)
    assert top_of_band([0.7, 0.7, 0.7], 0.7) == pytest.approx(0.72)  # a task without a reference
    assert top_of_band([40.0, 40.1, 39.9], 90.0, 100.0) == pytest.approx(42.0)  # points
    assert top_of_band([-0.010, -0.011, -0.012], -0.004, 0.006) == pytest.approx(-0.007)  # a small error


def stream(text: str) -> Json:
    return {"output_type": "stream", "name": "stdout", "text": [text]}


def displayed(kind: str) -> Json:
    return {"output_type": "display_data", "data": {kind: "<script>"}, "metadata": {}}


SHOWN: dict[str, tuple[Json, str]] = {
    "reached": (stream("x\nand REACHED the labels\n"), "and REACHED the labels"),
    "a secret": (stream("it is: secret\n"), "a secret is shown in what it printed"),
    "a terminal code": (stream("\x1b[2J"), "a control character is shown"),
    "a terminal code of eight bits": (stream("\x9b2J"), "a control character is shown"),
    "html": (displayed("text/html"), "output of the kind text/html"),
    "javascript": (displayed("application/javascript"), "output of the kind application/javascript"),
}


@pytest.mark.parametrize(("output", "says"), SHOWN.values(), ids=SHOWN.keys())
def test_what_an_executed_notebook_must_not_show_is_noticed(
    tmp_path: Path, starter: Json, output: Json, says: str
) -> None:
    notebook = copy.deepcopy(starter)
    slot_cells(notebook)[0].cell["outputs"] = [stream("what honest slots print\n"), displayed("image/png")]
    path = tmp_path / "repeat-0" / "executed.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps(notebook))
    attack, result = attack_with("slot_error"), ended(tmp_path)
    assert judge(attack, result, HONEST, starter, ["secret"]) == []
    slot_cells(notebook)[0].cell["outputs"].append(output)
    path.write_text(json.dumps(notebook))
    assert any(says in problem for problem in judge(attack, result, HONEST, starter, ["secret"]))


def test_a_protected_cell_that_is_not_ours_is_noticed(tmp_path: Path, starter: Json) -> None:
    notebook = copy.deepcopy(starter)
    notebook["cells"].insert(
        0, {"cell_type": "markdown", "metadata": {"tags": ["injected-parameters"]}, "source": ""}
    )
    path = tmp_path / "repeat-0" / "executed.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps(notebook))
    assert judge(attack_with("slot_error"), ended(tmp_path), HONEST, starter, []) == []
    notebook["cells"][-1]["source"] = "print(100)"
    path.write_text(json.dumps(notebook))
    (problem,) = judge(attack_with("slot_error"), ended(tmp_path), HONEST, starter, [])
    assert problem == "the executed notebook has other protected cells than the starter"


def test_a_secret_in_a_file_of_the_run_is_noticed(tmp_path: Path, starter: Json) -> None:
    for name in ("slot.py", "trainer.log"):  # the first holds what was handed in
        (tmp_path / name).write_text("secret")
    problems = judge(attack_with("slot_error"), ended(tmp_path), HONEST, starter, ["secret"])
    assert problems == ["a secret is shown in trainer.log"]


def test_a_message_that_says_what_was_reached_is_noticed(tmp_path: Path, starter: Json) -> None:
    result = replace(ended(tmp_path), message="ValueError: REACHED the labels")
    assert judge(attack_with("slot_error"), result, HONEST, starter, []) == ["ValueError: REACHED the labels"]
