"""Reading task folders: what is found, what is refused, and what changes a task's version."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from conftest import TOY_TASK

from grader.errors import UsageError
from grader.task.spec import discover, load_task, read_task, tasks_folder

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task


def test_a_task_is_read_with_its_defaults(toy_task: Task) -> None:
    assert toy_task.id == "toy_task"
    assert toy_task.spec.entries == ("your_weights",)
    assert (toy_task.spec.score.floor, toy_task.spec.score.ceiling) == (0.5, 0.84)
    assert toy_task.spec.limits.wall_seconds == 60
    assert toy_task.spec.limits.return_mb == 64
    assert toy_task.spec.data.source == "embedded"


@pytest.mark.parametrize(
    "line", ["argument_mb = 1025", "return_mb = 1025", "text_mb = 65", "values = 5000001", "values = 10"]
)
def test_what_crosses_has_bounds(own_toy: Path, line: str) -> None:
    toml = own_toy / "task.toml"
    toml.write_text(f"{toml.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=f"limits.{line.partition(' ')[0]}"):
        read_task(own_toy)


def test_a_default_for_items_needs_calls_that_may_fail(own_toy: Path) -> None:
    toml = own_toy / "task.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(f"item_default = 0.5\n{text}", encoding="utf-8")
    with pytest.raises(UsageError, match='item_default needs on_error = "item"'):
        read_task(own_toy)
    before = load_task(str(TOY_TASK)).run_digest
    toml.write_text(f'on_error = "item"\nitem_default = [0.5]\n{text}', encoding="utf-8")
    assert read_task(own_toy).spec.item_default == [0.5]
    assert read_task(own_toy).run_digest != before


def test_each_default_for_items_decides_predictions(own_toy: Path) -> None:
    toml = own_toy / "task.toml"
    text = toml.read_text(encoding="utf-8")
    digests = set()
    for default in ("", "0", "1", "0.5", '""', "[]", '"end"'):
        line = f"item_default = {default}\n" if default else ""
        toml.write_text(f'on_error = "item"\n{line}{text}', encoding="utf-8")
        digests.add(read_task(own_toy).run_digest)
    assert len(digests) == 7


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('stages = [{entries = ["your_weights"]}]', "one stage is a task without stages"),
        ('stages = [{entries = ["your_weights"]}, {entries = ["other"]}]', "each of the entries belongs to exactly one stage"),
        ('stages = [{entries = ["your_weights"]}, {entries = ["your_weights"]}]', "belongs to exactly one stage"),
        ('methods = {Other = ["fit"]}', "methods: Other is not an entry"),
        ('methods = {your_weights = ["__del__"]}', "'__del__' is not the name of a public method"),
    ],
    ids=["one", "another name", "twice", "no entry", "private"],
)  # fmt: skip
def test_stages_and_classes_fit_the_entries(own_toy: Path, table: str, sentence: str) -> None:
    toml = own_toy / "task.toml"
    toml.write_text(f"{table}\n{toml.read_text(encoding='utf-8')}", encoding="utf-8")
    with pytest.raises(UsageError, match=sentence):
        read_task(own_toy)


def test_caps_decide_predictions_where_they_are_not_the_usual_ones(own_toy: Path) -> None:
    toml = own_toy / "task.toml"
    before, text = read_task(own_toy).run_digest, toml.read_text(encoding="utf-8")
    toml.write_text(f"{text}values = 100000\n", encoding="utf-8")
    assert read_task(own_toy).run_digest == before
    toml.write_text(f"{text}values = 100001\n", encoding="utf-8")
    assert read_task(own_toy).run_digest != before


def test_tasks_are_discovered_by_their_toml(own_toy: Path) -> None:
    (own_toy.parent / "no_task").mkdir()
    assert [task.id for task in discover(own_toy.parent)] == ["toy_task"]
    assert discover(own_toy / "no such folder") == []


def test_the_tasks_of_this_repository_can_all_be_read() -> None:
    assert [task.folder.parent for task in discover()] == [tasks_folder()] * len(discover())


def test_a_task_is_loaded_by_name_or_by_folder(own_toy: Path) -> None:
    by_name = load_task("toy_task", own_toy.parent)
    assert by_name.folder == own_toy
    assert load_task(str(own_toy)) == by_name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("toy_tasks", "did you mean 'toy_task'?"),
        ("zzz", "there are: toy_task"),
        ("a/b", "there is no task 'a/b'"),
    ],
)
def test_an_unknown_task_gets_a_hint(own_toy: Path, name: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        load_task(name, own_toy.parent)


def test_a_task_of_the_folder_that_one_works_in_is_found_by_name_before_the_one_that_came_with_the_program(
    own_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = load_task("crowd_hpo")
    for name in ("mine", "crowd_hpo"):
        shutil.copytree(own_toy, tmp_path / "author" / "tasks" / name)
    monkeypatch.chdir(tmp_path / "author")
    assert load_task("mine").folder == tmp_path / "author" / "tasks" / "mine"
    assert load_task("crowd_hpo").folder == tmp_path / "author" / "tasks" / "crowd_hpo" != known.folder
    assert load_task("noisy_labels").folder.parent == known.folder.parent
    assert [task.id for task in discover()].count("crowd_hpo") == 1
    assert {"mine", "noisy_labels"} < {task.id for task in discover()}
    with pytest.raises(UsageError, match=re.escape("there is no task 'mina'; did you mean 'mine'?")):
        load_task("mina")


def test_without_any_task_the_hint_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are: none"):
        load_task("toy", tmp_path)


WRONG: dict[str, tuple[str, str, str]] = {
    "no TOML": ("[score]", "[score", "is not TOML"),
    "an unknown key": ("repeats = 3", "repeets = 3", r"task\.toml: repeets: Extra inputs"),
    "a missing key": ('title = "Toy', '# title = "Toy', r"task\.toml: title: Field required"),
    "no entries": ('["your_weights"]', "[]", r"task\.toml: spec: Value error, entries: name at least one"),
    "no repeats": ("repeats = 3", "repeats = 0", r"task\.toml: repeats: Input should be greater"),
    "floor above ceiling": ("floor = 0.5", "floor = 0.9", "floor must be below"),
    "ceiling above one": (
        "ceiling = 0.84",
        "ceiling = 84",
        "must be values of balanced accuracy, from 0 to 1",
    ),
    "no time": ("wall_seconds = 60", "wall_seconds = 0", r"limits\.wall_seconds"),
    "an unchecked download": ("[limits]", '[data]\nurl = "x"\n\n[limits]', "need data.sha256"),
    "a hash that is none": ("[limits]", '[data]\nsha256 = "12"\n\n[limits]', r"data\.sha256"),
}


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_spec_is_one_line_that_names_the_key(own_toy: Path, old: str, new: str, says: str) -> None:
    path = own_toy / "task.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageError, match=says) as caught:
        read_task(own_toy)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_spec_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"task\.toml cannot be read: No such file"):
        read_task(tmp_path)


@pytest.mark.parametrize("name", ["task.toml", "notebook.py", "data.py"])
def test_every_file_that_decides_a_score_changes_the_version(own_toy: Path, name: str) -> None:
    before = read_task(own_toy).version
    assert before.startswith("1+")
    path = own_toy / name
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert read_task(own_toy).version != before


@pytest.mark.parametrize(
    "text", ["1 / 0", "import no_such_module", "def ("], ids=["raises", "import", "syntax"]
)
def test_a_data_py_that_cannot_be_imported_is_one_line(own_toy: Path, text: str) -> None:
    (own_toy / "data.py").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"data\.py cannot be imported: \w+Error"):
        read_task(own_toy).builder()


def test_answers_are_never_among_the_inputs(toy_task: Task, tmp_path: Path) -> None:
    public, inputs, answers = (tmp_path / name for name in ("public", "inputs", "answers"))
    toy_task.builder().make_data(public, inputs, answers, seed=5)
    with np.load(inputs / "train.npz") as train, np.load(inputs / "test.npz") as test:
        assert set(train) == {"x", "y_noisy"}
        assert set(test) == {"x"}
    with np.load(answers / "answers.npz") as truth, np.load(public / "train.npz") as known:
        assert set(truth) == {"labels"}
        assert 0.05 < np.mean(known["y"] != known["y_noisy"]) < 0.5


def test_the_seed_decides_all_data(toy_task: Task, tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        toy_task.builder().make_data(None, tmp_path / name, None, seed=seed)
        with np.load(tmp_path / name / "train.npz") as train:
            made.append(dict(train))
    assert all(np.array_equal(made[0][key], made[1][key]) for key in made[0])
    assert not np.array_equal(made[0]["x"], made[2]["x"])


def test_a_rehearsal_draws_the_noise_again_on_public_data(toy_task: Task, tmp_path: Path) -> None:
    builder = toy_task.builder()
    builder.make_data(tmp_path / "public", None, None, seed=0)
    builder.rehearse(tmp_path / "public", tmp_path / "inputs", tmp_path / "answers", seed=1)
    with (
        np.load(tmp_path / "public" / "train.npz") as public,
        np.load(tmp_path / "inputs" / "train.npz") as drawn,
    ):
        assert np.array_equal(public["x"], drawn["x"])
        assert not np.array_equal(public["y_noisy"], drawn["y_noisy"])
        assert "y" not in drawn
