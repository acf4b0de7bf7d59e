"""A file of predictions is read as data, and what is wrong with it becomes one sentence with its line."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError

from grader.errors import GraderFault, StudentFault
from grader.task.file_check import ExpectedRows, check_file, read_expected
from grader.task.file_formats import excerpt
from grader.task.files_table import FilesTable

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = [
    {"name": "kind", "type": "text", "choices": ["cat", "dog"]},
    {"name": "weight", "type": "number", "low": 0},
    {"name": "count", "type": "integer", "low": 0, "high": 9},
]
ROWS = {"predictions": ExpectedRows(("b", "a"), ("c",))}
GOOD = "id,kind,weight,count\na,cat,1.5,3\nb,dog,2e1,4\nc,cat,0,5\n"


def table(ending: str, **fields: Any) -> FilesTable:
    return FilesTable.model_validate({"name": f"predictions.{ending}", "columns": COLUMNS} | fields)


def checked(data: bytes | str, files: FilesTable) -> dict[str, np.ndarray]:
    expected = {member.name: ROWS["predictions"] for member in files.tables}
    return check_file(data.encode() if isinstance(data, str) else data, files, expected)


def records() -> list[dict[str, Any]]:
    lines = [line.split(",") for line in GOOD.splitlines()[1:]]
    return [
        {"id": name, "kind": kind, "weight": float(weight), "count": int(number)}
        for name, kind, weight, number in lines
    ]


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zipped(**members: bytes | str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return file.getvalue()


def arrays() -> dict[str, Any]:
    rows = records()
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize(
    ("ending", "data"),
    [
        ("csv", GOOD),
        ("csv", "\ufeff" + GOOD.replace("\n", "\r\n").replace("3\r", "3.0\r")),
        ("csv", "count,id,weight,kind\n3,a,1.5,cat\n\n4,b,20,dog\n5,c,0,cat"),
        ("json", json.dumps(records())),
        ("jsonl", "\n".join(map(json.dumps, records()))),
        ("npz", npz(**arrays())),
    ],
    ids=["csv", "csv of a spreadsheet", "columns and rows in another order", "json", "jsonl", "npz"],
)
def test_each_format_leads_to_the_same_columns_in_the_order_of_the_answers(
    ending: str, data: bytes | str
) -> None:
    columns = checked(data, table(ending))
    assert {name: column.tolist() for name, column in columns.items()} == {
        "kind": ["dog", "cat"], "weight": [20.0, 1.5], "count": [4, 3],
    }  # fmt: skip
    assert [columns[name].dtype.kind for name in ("kind", "weight", "count")] == ["U", "f", "i"]


def test_a_hundred_thousand_digits_are_looked_at_once() -> None:
    """A pattern that tries every split of the digits would take minutes."""
    for ending in ("x", ".x", "e"):
        with pytest.raises(StudentFault, match=r"weight is 1+"):
            checked(changed("1.5", "1" * 100_000 + ending), table("csv"))


def test_json_as_deep_as_it_can_be_read_is_the_students_fault() -> None:
    for depth in range(900, 1000):
        nested = "[" * depth + "]" * depth
        for text in (nested, f"[{nested}]", json.dumps(records()).replace("1.5", nested)):
            with pytest.raises(StudentFault):
                checked(text, table("json"))


def test_a_boolean_of_an_array_is_0_or_1_whatever_byte_it_was() -> None:
    from safetensors.numpy import save

    kept = np.array([True, False, True])
    file = io.BytesIO()
    np.save(file, kept)
    for ending, data in (("npy", file.getvalue()), ("safetensors", save({"kept": kept}))):
        assert data.count(b"\1\0\1") == 1
        sevens = data.replace(b"\1\0\1", b"\7\0\7")
        columns = checked(sevens, table(ending, columns=[{"name": "kept", "type": "boolean"}], id=""))
        assert columns["kept"].tobytes() == b"\1\0", ending


@pytest.mark.parametrize("shape", [[], [1000]], ids=["texts", "lists of texts"])
def test_many_texts_beside_a_long_one_take_no_memory(shape: list[int]) -> None:
    column = {"name": "words", "type": "text", "shape": shape, "max_characters": 10_000}
    texts: list[str] = ["x" * 10_000] + [""] * 6999
    rows = [texts[start : start + 1000] for start in range(0, 7000, 1000)] if shape else texts
    data = json.dumps([{"words": row} for row in rows])
    with pytest.raises(StudentFault, match="a text of words has 10000 characters; write shorter ones"):
        checked(data, table("json", columns=[column], id=""))


def test_an_array_that_is_there_under_two_names_is_refused() -> None:
    data = io.BytesIO(npz(**arrays()))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("count", archive.read("count.npy"))
    with pytest.raises(StudentFault, match="has an array twice"):
        checked(data.getvalue(), table("npz"))


def test_arrays_without_ids_are_in_the_order_of_the_data() -> None:
    from safetensors.numpy import save

    one = [{"name": "scores", "shape": [2], "low": 0, "high": 1}]
    scores = np.arange(6).reshape(3, 2) / 10
    file = io.BytesIO()
    np.save(file, np.asfortranarray(scores))
    formats: list[tuple[str, bytes | str]] = [
        ("npy", file.getvalue()), ("npz", npz(scores=scores)), ("safetensors", save({"scores": scores})),
        ("json", json.dumps([{"scores": row} for row in scores.tolist()])),
    ]  # fmt: skip
    for ending, data in formats:
        columns = checked(data, table(ending, columns=one, id=""))
        assert columns["scores"].tolist() == scores[:2].tolist(), ending


def test_a_zip_holds_several_files_also_in_a_folder() -> None:
    members = [
        {"name": "one.csv", "columns": [COLUMNS[1]]}, {"name": "two.npz", "columns": [COLUMNS[2]], "id": ""},
    ]  # fmt: skip
    files = FilesTable.model_validate({"name": "all.zip", "members": members})
    weights, counts = "id,weight\na,1\nb,2\nc,3\n", npz(count=np.array([1, 2, 3]))
    for folder in ("", "mine/"):
        inside: dict[str, bytes | str] = {
            folder + "one_csv": weights,
            folder + "two_npz": counts,
            "__MACOSX/x": b"",
        }
        columns = checked(zipped(**inside), files)
        assert [columns["weight"].tolist(), columns["count"].tolist()] == [[2, 1], [1, 2]]
    with pytest.raises(StudentFault, match=r"all\.zip does not hold two\.npz; rename 'two\.npy'"):
        checked(zipped(one_csv=weights, two_npy=counts), files)
    with pytest.raises(StudentFault, match=r"also holds more\.txt; pack only one\.csv, two\.npz"):
        checked(zipped(one_csv=weights, two_npz=counts, more_txt=b"x"), files)
    with pytest.raises(StudentFault, match=r"line 2 of one\.csv: weight is -1"):
        checked(zipped(one_csv=weights.replace("a,1", "a,-1"), two_npz=counts), files)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("data", "sentence"),
    {
        "a row is missing": (changed("b,dog,2e1,4\n", ""), r"the row of id 'b' is missing; write one for each id"),
        "rows are missing": ("id,kind,weight,count\n", r"the row of id 'b' is missing, and those of 2 more"),
        "a row twice": (GOOD + "a,cat,1,1\n", r"line 5 of predictions.csv: id 'a' is there twice, first in line 2; keep one"),
        "a row too many": (GOOD + "d,cat,1,1\n", r"line 5 .*: there is no id 'd'; write only the ids of the data, such as b"),
        "a column is missing": (changed(",count", ",size"), r"line 1 .*: the column 'count' is missing; the columns are id, kind"),
        "a column is misnamed": (changed("weight", "Weight"), r"the column 'weight' is missing; rename 'Weight' to 'weight'"),
        "an index of pandas": ("Unnamed: 0," + "\n0,".join(GOOD.splitlines()), r"'Unnamed: 0' is too many; remove it \(pandas writes none"),
        "a column twice": (changed("kind,", "kind,kind,"), "line 1 of predictions.csv names a column twice"),
        "a value is missing": (changed("cat,1.5", "cat,"), r"line 2 .*: weight is empty; write a number of at least 0"),
        "values are missing": (changed("a,cat,1.5,3", "a,cat"), r"line 2 .* has 2 values for 4 columns"),
        "not a number": (changed("1.5", "many"), r"line 2 .*: weight is many; write a number of at least 0"),
        "NaN": (changed("1.5", "nan"), "line 2 .*: weight is nan; write"),
        "infinite": (changed("1.5", "1e999"), "line 2 .*: weight is 1e999; write"),
        "a number of Python": (changed("1.5", "1_0"), "line 2 .*: weight is 1_0; write"),
        "too low": (changed("1.5", "-1"), "line 2 .*: weight is -1; write a number of at least 0"),
        "too high": (changed("2e1,4", "2e1,10"), "line 3 .*: count is 10; write a whole number from 0 to 9"),
        "not whole": (changed("2e1,4", "2e1,4.5"), r"line 3 .*: count is 4\.5; write a whole number from 0 to 9"),
        "another choice": (changed("cat,1.5", "cow,1.5"), "line 2 .*: kind is cow; write one of cat, dog"),
        "semicolons": (GOOD.replace(",", ";"), "not separated by commas"),
        "a quote without its end": (changed("a,cat", 'a,"cat'), "cannot be read as csv"),
        "UTF-16": (GOOD.encode("utf-16"), "saved as UTF-16; save it as UTF-8"),
        "another encoding": (changed("cat,1.5", "ä,1.5").encode("latin-1"), "line 2 of predictions.csv is not UTF-8 text"),
        "empty": ("\n", "The file is empty"),
        "too large": (GOOD + " " * (9 << 20), "may have at most 8192 kB"),
        "text for terminals": (changed("a,cat", "\x1b[31ma,cat"), r"there is no id '\?\[31ma'"),
    }.values(),
    ids=range(25),
)  # fmt: skip
def test_what_is_wrong_with_a_csv_file_is_said_with_its_line(data: bytes | str, sentence: str) -> None:
    with pytest.raises(StudentFault, match=sentence):
        checked(data, table("csv"))


@pytest.mark.parametrize(
    ("ending", "data", "sentence"),
    [
        ("json", "{}", "holds one table; write a list of rows"),
        ("json", "[1]", "row 1 of predictions.json is 1; write a table"),
        ("json", json.dumps(records()).replace("1.5", "NaN"), "row 1 .*: weight is NaN; write"),
        ("json", json.dumps(records()).replace("1.5", "9" * 5000), "number too long"),
        ("json", json.dumps(records()).replace("1.5", "9" * 400), "row 1 .*: weight is 9+..."),
        ("json", json.dumps(records()).replace("1.5", "true"), "row 1 .*: weight is true"),
        ("json", json.dumps(records()).replace('"kind"', '"id": "x", "kind"', 1), "names a column twice"),
        ("json", json.dumps(records()).replace('"cat"', '"\\ud800"', 1), "row 1 .*: kind is"),
        ("json", "[" * 200_000, "not JSON"),
        ("jsonl", '{"id": "a"}\n{', "line 2 of predictions.jsonl is not JSON"),
        ("jsonl", '{"id": "a"}\n', "line 1 of predictions.jsonl: the column 'kind' is missing"),
        ("npz", b"PK not a zip", "cannot be read as a zip"),
        ("npz", npz(**arrays() | {"weight": np.array([1, np.nan, 2])}), "row 2 of predictions.npz: weight is NaN"),
        ("npz", npz(**arrays() | {"weight": np.array([1, 2, np.longdouble("1e4000")])}), "row 3 of predictions.npz: weight is Infinity"),
        ("npz", npz(**arrays() | {"weight": np.ones(2)}), "weight has the shape 2; write 3 rows"),
        ("npz", npz(**arrays() | {"count": np.ones(3)}), "count is float64 .*; write a whole number from 0 to 9"),
        ("npz", npz(**arrays() | {"count": np.array([1, 2, 10])}), "row 3 .*: count is 10"),
        ("npz", npz(**arrays() | {"kind": np.array(["cat", "dog", "cow"])}), "row 3 .*: kind is cow"),
        ("npz", npz(**arrays() | {"kind": np.array(["cat", "dog", None])}), "holds object; save an array .* without pickle"),
        ("npz", npz(**arrays() | {"id": np.zeros((3, 2))}), "id is not a list of ids"),
    ],
    ids=range(20),
)  # fmt: skip
def test_what_is_wrong_with_another_file_is_said_with_its_row(
    ending: str, data: bytes | str, sentence: str
) -> None:
    with pytest.raises(StudentFault, match=sentence):
        checked(data, table(ending))


def test_the_header_of_an_array_is_believed_only_where_as_many_bytes_follow() -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }\n"
    bomb = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8)
    one = table("npy", columns=[{"name": "scores"}], id="")
    with pytest.raises(StudentFault, match="cut off or longer than its header says"):
        checked(bomb, one)
    for shape in ("-1,", "10**9,", "0,"):
        with pytest.raises(StudentFault):
            checked(bomb.replace(b"100000000000,", shape.ljust(13).encode()), one)


@pytest.mark.parametrize("shape", [(0, 2**63), (0, 2**40, 2**40), (1,) * 100, (True,)], ids=range(4))
def test_a_shape_that_no_array_can_have_is_refused(shape: tuple[int, ...]) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    values = bytes(0 if shape[0] == 0 else 8)
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + values
    sentence = "predictions.npy has a shape that no array can have; save it again.\n"
    assert excerpt("predictions.npy", data) == sentence


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped(weight_npy=bytes(50 << 20))
    assert len(bomb) < 100_000
    with pytest.raises(StudentFault, match="more than the 8192 kB"):
        checked(bomb, table("npz"))


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x.pkl"}, {"name": "x.zip"}, {"columns": []}, {"name": "x.npy"}, {"id": "kind"},
        {"columns": [{"name": "a", "type": "text", "low": 1}]}, {"columns": [{"name": "a", "low": 2, "high": 1}]},
        {"columns": [{"name": "a", "choices": [1]}]}, {"columns": [{"name": "a", "shape": [3]}]},
        {"name": "../x.csv"}, {"max_kb": 1 << 20}, {"members": [{"name": "a.csv"}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_table_that_cannot_work_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FilesTable.model_validate({"columns": COLUMNS} | fields)


def test_rows_that_the_data_do_not_name_are_our_fault(tmp_path: Path) -> None:
    path = tmp_path / "ids.json"
    for text in ("", "[]", '{"predictions.csv": {}}', '{"predictions.csv": {"scored": [1, 1]}}'):
        path.write_text(text)
        with pytest.raises(GraderFault, match=r"ids\.json"):
            read_expected(tmp_path / "answers.npz")
    with pytest.raises(GraderFault, match="no rows for predictions"):
        check_file(b"x", table("csv"), {})
    path.write_text('{"predictions.csv": {"scored": [2, "1"], "unscored": [3]}}')
    assert read_expected(tmp_path / "answers.npz")["predictions.csv"].all == ("2", "1", "3")
