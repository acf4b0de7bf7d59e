"""Students' download of the public data, as the generated notebook does it, against a local HTTP server."""

from __future__ import annotations

import ast
import hashlib
import http.server
import inspect
import io
import json
import shutil
import stat
import sys
import threading
import types
import urllib.error
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grader.task.build import build
from grader.task.data import zip_folder
from grader.task.spec import load_task, read_task

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

FUNCTIONS = {"download_data", "unpack_data", "find_data"}


def code_cells(starter: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(starter)["cells"] if cell["cell_type"] == "code"]


def functions_of(starter: str) -> dict[str, Any]:
    """Run the imports, the parameters and the definitions of the download cells; no data are fetched."""
    names: dict[str, Any] = {"FINAL_EVALUATION_MODE": False}
    for text in code_cells(starter):
        body = ast.parse(text).body
        defined = {node.name for node in body if isinstance(node, ast.FunctionDef)}
        if "import Path, PurePosixPath" in text or defined & FUNCTIONS:
            kept = [node for node in body if not is_call(node)]
            exec(compile(ast.Module(kept, []), "notebook", "exec"), names)
    return names


def is_call(node: ast.stmt) -> bool:
    """Whether the statement is one such as `data_folder = find_data(DATA_PATH)`."""
    return isinstance(node, (ast.Assign, ast.Expr)) and isinstance(node.value, ast.Call)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return functions_of(build(load_task("noisy_labels")).starter)


@pytest.fixture
def notebook(names: dict[str, Any]) -> dict[str, Any]:
    """A copy of the notebook's names, free to be changed; its functions see the changes."""
    copy = dict(names)
    for name in FUNCTIONS:
        copy[name] = types.FunctionType(names[name].__code__, copy, name, names[name].__defaults__)
    return copy


class Server(http.server.ThreadingHTTPServer):
    """Serves `pages`; notes what was asked for."""

    pages: dict[str, bytes]
    asked: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path not in self.server.pages:
            self.send_error(404)
            return
        page = self.server.pages[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page[: len(page) // 2] if self.path == "/torn.zip" else page)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.pages, running.asked = {}, []
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def url_of(server: Server, page: str) -> str:
    return f"http://127.0.0.1:{server.server_port}{page}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zip_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


GOOD = {"train/data/0.png": b"picture", "train/dataset_labels.csv": b"file_name,label\n0.png,1\n"}


def test_a_download_with_the_announced_hash_is_kept(
    notebook: dict[str, Any], server: Server, tmp_path: Path
) -> None:
    server.pages["/data.zip"] = zip_of(GOOD)
    target = tmp_path / "new" / "data.zip"
    found = notebook["download_data"](target, url_of(server, "/data.zip"), "", sha256(zip_of(GOOD)))
    assert found == target
    assert [path.name for path in target.parent.iterdir()] == ["data.zip"]
    assert target.read_bytes() == zip_of(GOOD)


def test_a_download_with_another_hash_is_refused_and_leaves_nothing(
    notebook: dict[str, Any], server: Server, tmp_path: Path
) -> None:
    server.pages["/data.zip"] = b"<html>quota exceeded</html>"
    with pytest.raises(ValueError, match="not the announced one; run this cell again"):
        notebook["download_data"](
            tmp_path / "data.zip", url_of(server, "/data.zip"), "", sha256(zip_of(GOOD))
        )
    assert list(tmp_path.iterdir()) == []


def test_a_torn_download_is_refused(notebook: dict[str, Any], server: Server, tmp_path: Path) -> None:
    server.pages["/torn.zip"] = zip_of(GOOD)
    with pytest.raises(ValueError, match="not the announced one"):
        notebook["download_data"](
            tmp_path / "data.zip", url_of(server, "/torn.zip"), "", sha256(zip_of(GOOD))
        )
    assert not (tmp_path / "data.zip").exists()


def test_a_missing_page_is_an_http_error(notebook: dict[str, Any], server: Server, tmp_path: Path) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        notebook["download_data"](tmp_path / "data.zip", url_of(server, "/none.zip"), "", "0" * 64)


def test_a_drive_id_is_fetched_by_gdown_and_checked_like_any_other(
    notebook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gdown

    assert {"id", "output"} <= inspect.signature(gdown.download).parameters.keys()
    fake: Any = types.ModuleType("gdown")
    fake.download = lambda *, id, output: Path(output).write_bytes(f"drive {id}".encode())  # noqa: A006 -- its real name
    monkeypatch.setitem(sys.modules, "gdown", fake)
    notebook["download_data"](tmp_path / "data.zip", "", "abc", sha256(b"drive abc"))
    assert (tmp_path / "data.zip").read_bytes() == b"drive abc"
    with pytest.raises(ValueError, match="not the announced one"):
        notebook["download_data"](tmp_path / "other.zip", "", "abc", sha256(b"drive xyz"))


@pytest.mark.parametrize("top", ["", "noisy_labels/"], ids=["at the top", "in one folder"])
def test_a_zip_is_unpacked_as_the_data_folder(notebook: dict[str, Any], tmp_path: Path, top: str) -> None:
    (tmp_path / "x.zip").write_bytes(zip_of({top + name: content for name, content in GOOD.items()}))
    (tmp_path / "data.part").mkdir()  # left by an interrupted run
    (tmp_path / "data.part" / "old").touch()
    folder = notebook["unpack_data"](tmp_path / "x.zip", tmp_path / "data")
    assert (folder / "train/data/0.png").read_bytes() == b"picture"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "x.zip"]
    assert [path.name for path in folder.iterdir()] == ["train"]


@pytest.mark.parametrize(
    "name",
    ["../evil", "train/../../evil", "/tmp/evil", "..\\evil", "C:\\evil", "train/../../../evil.png"],
)
def test_a_zip_with_a_path_that_climbs_out_is_refused(
    notebook: dict[str, Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x.zip").write_bytes(zip_of({**GOOD, name: b"evil"}))
    with pytest.raises(ValueError, match="leads out of the data folder"):
        notebook["unpack_data"](tmp_path / "in/x.zip", tmp_path / "in/data")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "x.zip"]


def test_a_zip_with_a_link_is_refused(notebook: dict[str, Any], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        link = zipfile.ZipInfo("train/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="is a link"):
        notebook["unpack_data"](tmp_path / "x.zip", tmp_path / "data")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(notebook: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zip_of({"train/zeros": b"\0" * 10**6}))
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        notebook["unpack_data"](tmp_path / "x.zip", tmp_path / "data", max_bytes=1000)
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_a_zip_without_training_images_is_refused(notebook: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zip_of({"readme.txt": b"hello"}))
    with pytest.raises(ValueError, match="no folder train/ in the zip"):
        notebook["unpack_data"](tmp_path / "x.zip", tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("place", ["", "public"], ids=["itself", "with a public folder in it"])
def test_a_folder_that_is_there_is_used_and_nothing_is_downloaded(
    notebook: dict[str, Any], server: Server, tmp_path: Path, place: str
) -> None:
    (tmp_path / place / "train").mkdir(parents=True)
    notebook |= {"DATA_URL": url_of(server, "/data.zip"), "DATA_SHA256": "0" * 64}
    assert notebook["find_data"](tmp_path) == tmp_path / place
    assert server.asked == []


def test_a_missing_folder_is_downloaded_where_there_is_an_address(
    notebook: dict[str, Any], server: Server, tmp_path: Path
) -> None:
    server.pages["/data.zip"] = zip_of(GOOD)
    notebook["DATA_URL"], notebook["DATA_SHA256"] = url_of(server, "/data.zip"), sha256(zip_of(GOOD))
    folder = notebook["find_data"](tmp_path / "data" / "noisy_labels")
    assert (folder / "train/dataset_labels.csv").is_file()
    assert notebook["find_data"](tmp_path / "data" / "noisy_labels") == folder
    assert server.asked == ["/data.zip"]


def test_without_folder_and_address_the_notebook_builds_the_data(
    notebook: dict[str, Any], tmp_path: Path
) -> None:
    notebook["make_data"] = lambda public, *_, seed: (public / "train" / str(seed)).mkdir(parents=True)
    folder = notebook["find_data"](tmp_path / "data")
    assert folder == tmp_path / "data"
    assert [path.name for path in (folder / "train").iterdir()] == ["0"]


def test_a_final_evaluation_never_fetches_data(notebook: dict[str, Any], tmp_path: Path) -> None:
    notebook["FINAL_EVALUATION_MODE"] = True
    with pytest.raises(FileNotFoundError, match="there is no folder train/"):
        notebook["find_data"](tmp_path / "data")


def test_a_task_with_an_address_builds_a_notebook_that_loads_what_prepare_zipped(
    server: Server, tmp_path: Path
) -> None:
    task = load_task("noisy_labels")
    task.builder().make_data(tmp_path / "public", None, None, 0)
    zip_folder(tmp_path / "public", tmp_path / "public.zip")
    server.pages["/public.zip"] = (tmp_path / "public.zip").read_bytes()
    copy = tmp_path / "tasks" / "noisy_labels"
    shutil.copytree(task.folder.parent, copy.parent)
    spec = (copy / "task.toml").read_text()
    spec = spec.replace('\nurl = ""', f'\nurl = "{url_of(server, "/public.zip")}"')
    spec = spec.replace('sha256 = ""', f'sha256 = "{sha256(server.pages["/public.zip"])}"')
    (copy / "task.toml").write_text(spec)
    folder = functions_of(build(read_task(copy)).starter)["find_data"](tmp_path / "data")
    assert (folder / "train/dataset_labels.csv").read_bytes() == (
        tmp_path / "public/train/dataset_labels.csv"
    ).read_bytes()
    assert len(list((folder / "val/data").iterdir())) == 600
