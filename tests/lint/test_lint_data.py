"""Each check of the data notices what it is for: leaks into the pack, and traces of the labels around the samples."""

from __future__ import annotations

import os
import shutil
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from spoiling import spoil, the, wrong

from grader.lint.task import build_task_data, lint_data, read_subject
from grader.lint.task.array_search import holds, same_classes, spellings
from grader.lint.task.arrays import columns
from grader.lint.task.data_sets import TaskData
from grader.lint.task.leaks import check_inputs, check_pack, check_zip
from grader.lint.task.side_channels import check_traces, predictability

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

pytestmark = pytest.mark.slow

PUBLIC = '        save(public / "val.npz", parts["val"])\n'
INPUTS = '        save(inputs / "test.npz", {"x": parts["test"]["x"]})\n'
DRAWN = '    parts["train"]["y_noisy"]'
SORT = "    order = {}\n    parts['{}'] = {{name: values[order] for name, values in parts['{}'].items()}}\n"
Y = 'parts["test"]["y"]'

IN_THE_PACK = {
    "the answers": (f'save(public / "more.npz", {{"k": {Y}}})', "public/more.npz: k holds the answers 'labels'"),
    "the answers behind other labels": (
        f'save(public / "more.npz", {{"k": np.concatenate([parts["val"]["y"], {Y}])}})', "public/more.npz: k holds",
    ),
    "the answers as a column": (
        f'save(public / "more.npz", {{"k": np.stack([{Y} * 0, {Y}], axis=1)}})', "public/more.npz: k holds",
    ),
    "the answers under other names": (
        f'(public / "more.csv").write_text("kind\\n" + "".join(f"{{\'cat\' if y else \'dog\'}}\\n" for y in {Y}))',
        "public/more.csv: kind holds the answers",
    ),
    "the answers as records": (
        f'(public / "more.json").write_text(str([{{"n": int(y)}} for y in {Y}]).replace("\'", chr(34)))',
        "public/more.json: n holds the answers",
    ),
    "the answers in an unknown format": (
        f'(public / "more.bin").write_bytes(b"head" + {Y}.astype(np.uint8).tobytes())',
        "public/more.bin holds the answers 'labels', byte for byte",
    ),
    "the file of the answers": (f'save(public / "key.npz", {{"labels": {Y}}})', "public/key.npz is the hidden file answers/answers.npz"),
    "the hidden samples": ('save(public / "more.npz", {"z": parts["test"]["x"]})', "public/more.npz: z holds inputs/test.npz: x"),
    "the hidden samples among others": (
        'save(public / "more.npz", {"z": np.concatenate([parts["val"]["x"], parts["test"]["x"]])})',
        "public/more.npz: z holds inputs/test.npz: x",
    ),
    "a file called inputs": ('save(public / "inputs.npz", {"z": parts["val"]["x"]})', "public/inputs.npz is called inputs"),
    "a file called test": ('save(public / "test.npz", {"z": parts["val"]["x"]})', "public/test.npz is called test"),
}  # fmt: skip
PER_SAMPLE = f"""
        (inputs / "test_rows").mkdir(exist_ok=True)
        for number, label in enumerate({Y}.tolist()):
            path = inputs / "test_rows" / f"{{number:04d}}NAME.bin"
            path.write_bytes(b"x" * (9 + SIZE))
            import os

            os.utime(path, (1000 + TIME, 1000 + TIME))
"""
AROUND_SAMPLES = {
    "sorted by label": (DRAWN, SORT.format(f"np.argsort({Y}, kind='stable')", "test", "test") + DRAWN, "answers: labels: the position"),
    "every third more often of class 1": (
        DRAWN,
        f"    order = np.empty(1000, int)\n    order[np.argsort(np.arange(1000) % 3 != 0, kind='stable')] = np.argsort(-{Y})\n"
        + SORT.format("order", "test", "test") + DRAWN,
        "answers: labels: the position",
    ),
    "public samples sorted": (
        DRAWN, SORT.format("np.argsort(parts['val']['y'])", "val", "val") + DRAWN, "public/val.npz: y: the position",
    ),
    "in pairs of a class": (
        DRAWN, SORT.format(f"np.concatenate([np.flatnonzero({Y} == c) for c in (0, 1)]).reshape(-1, 2)[np.random.default_rng(0).permutation(500)].ravel()", "test", "test") + DRAWN,
        "answers: labels: the label of the sample before",
    ),
    "the size of files": (INPUTS, INPUTS + PER_SAMPLE.replace("SIZE", "label").replace("TIME", "0").replace("NAME", ""), "inputs/test_rows: the size of its file"),
    "the time of files": (INPUTS, INPUTS + PER_SAMPLE.replace("SIZE", "0").replace("TIME", "label").replace("NAME", ""), "inputs/test_rows: the time of its file"),
    "the name of files": (INPUTS, INPUTS + PER_SAMPLE.replace("SIZE", "0").replace("TIME", "0").replace("NAME", "{'ab'[label]}"), "inputs/test_rows: the name of its file"),
}  # fmt: skip


@pytest.fixture(scope="module")
def data(toy_task: Task, tmp_path_factory: pytest.TempPathFactory) -> TaskData:
    return build_task_data(toy_task, tmp_path_factory.mktemp("data"), seeds=2)


def test_nothing_is_wrong_with_the_data_of_the_toy_task(toy_task: Task, data: TaskData) -> None:
    findings = lint_data(read_subject(toy_task), data)
    assert wrong(findings) == {}
    assert "at other places" not in the(findings, "student pack").detail


@pytest.mark.parametrize(("line", "says"), IN_THE_PACK.values(), ids=IN_THE_PACK.keys())
def test_what_is_hidden_is_found_in_the_pack(own_toy: Path, tmp_path: Path, line: str, says: str) -> None:
    task = spoil(own_toy, "data.py", PUBLIC, f"{PUBLIC}        {line}\n")
    finding = check_pack(build_task_data(task, tmp_path / "data", seeds=2))
    assert not finding.ok
    assert says in finding.detail


def test_answers_among_the_inputs_are_found(own_toy: Path, tmp_path: Path) -> None:
    task = spoil(own_toy, "data.py", INPUTS, INPUTS.replace('"]})', f'"], "id": {Y} + 5}})'))
    finding = check_inputs(build_task_data(task, tmp_path / "data", seeds=2))
    assert "inputs/test.npz: id holds the answers 'labels'" in finding.detail


def test_inputs_without_a_test_are_found(own_toy: Path, tmp_path: Path) -> None:
    task = spoil(own_toy, "data.py", 'inputs / "test.npz"', 'inputs / "others.npz"')
    assert (
        "nothing in inputs is called test"
        in check_pack(build_task_data(task, tmp_path / "d", seeds=2)).detail
    )


def test_hidden_samples_at_other_places_are_told_but_no_error(own_toy: Path, tmp_path: Path) -> None:
    line = 'save(public / "more.npz", {"z": parts["test"]["x"][::-1]})'
    task = spoil(own_toy, "data.py", PUBLIC, f"{PUBLIC}        {line}\n")
    finding = check_pack(build_task_data(task, tmp_path / "data", seeds=2))
    assert finding.ok
    assert "up to 100% of the hidden samples at other positions" in finding.detail


def test_a_single_picture_of_the_hidden_test_is_found_in_the_pack(data: TaskData, tmp_path: Path) -> None:
    shutil.copytree(data.prepared, tmp_path / "prepared")
    spoilt = TaskData(tmp_path / "prepared", data.repeats)
    for number, name in enumerate(("inputs/test/7.png", "public/train/7.png")):
        path = spoilt.prepared / name
        path.parent.mkdir()
        Image.new("L", (4, 4), 50 * number).save(path)
    assert "is the hidden picture" not in check_pack(spoilt).detail
    shutil.copy(spoilt.prepared / "inputs/test/7.png", spoilt.public / "train/8.png")
    assert "public/train/8.png is the hidden picture inputs/test/7.png" in check_pack(spoilt).detail


@pytest.mark.parametrize(("old", "new", "says"), AROUND_SAMPLES.values(), ids=AROUND_SAMPLES.keys())
def test_what_tells_labels_around_samples_is_found(
    own_toy: Path, tmp_path: Path, old: str, new: str, says: str
) -> None:
    finding = check_traces(build_task_data(spoil(own_toy, "data.py", old, new), tmp_path / "d", seeds=2))
    assert not finding.ok
    assert says in finding.detail
    assert "predicts the label with a balanced accuracy of" in finding.detail


def rewritten(data: TaskData, folder: Path, change: str) -> TaskData:
    """Return the data with a zip of the same files that tells more than their names."""
    shutil.copytree(data.prepared, folder)
    public = folder / "public"
    with zipfile.ZipFile(folder / "public.zip", "w") as archive:
        names = sorted(path.name for path in public.iterdir())
        for name in reversed(names) if change == "order" else names:
            member = zipfile.ZipInfo(
                name, (2026, 1, 1, 0, 0, 0) if change == "times" else (1980, 1, 1, 0, 0, 0)
            )
            member.external_attr = len(name) if change == "flags" else 0
            member.comment = b"class 1" if change == "comments" else b""
            archive.writestr(member, (public / name).read_bytes() + b"." * (change == "content"))
        if change == "files":
            archive.writestr("z", b"")
    return TaskData(folder, data.repeats)


ZIPS = {
    "order": "not in the order of their names: val.npz",
    "times": "times of their own",
    "flags": "different flags",
    "comments": "has comments",
}


@pytest.mark.parametrize("change", ZIPS)
def test_a_zip_that_says_more_than_names_is_found(data: TaskData, tmp_path: Path, change: str) -> None:
    finding = check_zip(rewritten(data, tmp_path / "prepared", change))
    assert not finding.ok
    assert ZIPS[change] in finding.detail


@pytest.mark.parametrize(
    ("change", "says"),
    [("files", "do not hold the same files: z"), ("content", "train.npz is not the file of the public")],
)
def test_a_zip_that_is_not_the_public_folder_is_found(
    data: TaskData, tmp_path: Path, change: str, says: str
) -> None:
    assert says in check_pack(rewritten(data, tmp_path / "prepared", change)).detail


def test_a_map_whose_floor_lies_below_chance_is_found(own_toy: Path, tmp_path: Path) -> None:
    task = spoil(own_toy, "task.toml", "floor = 0.5", "floor = 0.3")
    finding = the(lint_data(read_subject(task), build_task_data(task, tmp_path / "d", seeds=2)), "answers")
    assert not finding.ok
    assert "score.floor = 0.3 in task.toml lies below chance" in finding.detail


def test_chance_is_taken_for_chance() -> None:
    rng = np.random.default_rng(0)
    distances = []
    for _ in range(60):
        labels = (rng.random(400) < 0.3).astype(np.int64)
        positions = np.arange(400.0)
        features = np.stack([positions, *(positions % modulus for modulus in range(2, 17))], axis=1)
        distances.append(predictability(labels, features).distance)
    assert abs(np.mean(distances)) < 0.6
    assert np.std(distances) < 1.5
    assert max(distances) < 4


def pictures(folder: Path, sides: list[int], *, spare: int) -> TaskData:
    """Return data with one picture for each label, of noise for class 1; `spare` adds bytes to its file."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(200) % 2)
    data = folder / "prepared" / "public" / "train" / "data"
    data.mkdir(parents=True)
    for number, label in enumerate(labels.tolist()):
        image = rng.integers(0, 256, sides, dtype=np.uint8) * np.uint8(label)
        path = data / f"{number:03d}.png"
        Image.fromarray(image).save(path)
        path.write_bytes(path.read_bytes() + b"." * (spare * label))
        os.utime(path, (0, 0))
    rows = "".join(f"{number:03d}.png,{label}\n" for number, label in enumerate(labels.tolist()))
    (data.parent / "labels.csv").write_text(f"file_name,label\n{rows}", encoding="utf-8")
    task_data = TaskData(folder / "prepared", [])
    vars(task_data)["hidden"] = []
    return task_data


def test_what_a_picture_shows_is_no_trace_but_what_its_file_has_beside_it_is(tmp_path: Path) -> None:
    assert check_traces(pictures(tmp_path / "a", [8, 8], spare=0)).ok
    detail = check_traces(pictures(tmp_path / "b", [8, 8], spare=3)).detail
    assert detail.startswith("public/train/data: the size of its file predicts the label")


def test_arrays_are_read_whatever_the_format(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(3))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "b.csv").write_text("x,y\n1,a\n2,b\n", encoding="utf-8")
    (tmp_path / "c.json").write_text('{"k": [1.5, 2], "rows": [{"z": 1}, {"z": 2}]}', encoding="utf-8")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "broken.npz").write_bytes(b"PK")
    (tmp_path / "broken.png").write_bytes(b"PK")
    values = {column.name: column.values.tolist() for column in columns(tmp_path)}
    assert values == {
        "a.npy": [0, 1, 2], "b.csv: x": [1, 2], "b.csv: y": ["a", "b"], "c.json: k": [1.5, 2.0], "c.json: rows: z": [1, 2],
    }  # fmt: skip


def test_arrays_are_alike_in_spite_of_types_and_names() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 50)
    assert holds(np.r_[1, labels, 2].astype(np.float32), labels)
    assert not holds(np.r_[labels[1:], labels[:1]], labels)
    assert same_classes(np.array(list("xzy"))[labels], labels)
    assert not same_classes(labels % 2, labels)


def test_answers_are_looked_for_in_no_size_that_cuts_them() -> None:
    labels = 256 * np.random.default_rng(0).permutation(32)
    found_as = spellings(labels)
    assert bytes(32) not in found_as, "a file with zeros holds no answers"
    assert labels.astype(np.int16).tobytes() in found_as
    assert (labels // 256).astype(np.uint8).tobytes() in spellings(labels // 256)
