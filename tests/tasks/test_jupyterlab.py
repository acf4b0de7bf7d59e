"""Students' work in a real JupyterLab: protected cells are locked, the slot is not, and what is saved is graded."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from grader.notebooks.reading import is_code, source, tags
from grader.task.spec import load_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator, Page, ViewportSize

    from grader.notebooks.reading import Json
    from grader.task.spec import Task

    Open = Callable[[str], "Notebook"]

pytest_plugins = ["browser_fixtures"]
pytestmark = pytest.mark.slow

PATIENCE = 60  # seconds, for a machine with much else to do
SIZE: ViewportSize = {"width": 1280, "height": 900}
OPTIONS = [
    "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.terminals_enabled=False",
    "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]  # fmt: skip
NO_NEWS = '{"fetchNews": "false", "checkForUpdates": false}'
# Imported by the server and its kernels as they start: notes every address that is not this machine's.
WATCH = """
import sys

HERE = ("127.0.0.1", "::1", "localhost", "", None)


def note(event, arguments):
    address = arguments[0] if event == "socket.getaddrinfo" else arguments[1][0] if isinstance(arguments[1], tuple) else ""
    if address not in HERE:
        with open(FILE, "a") as file:
            file.write(f"{event} {address}\\n")


sys.addaudithook(lambda event, arguments: note(event, arguments) if event in EVENTS else None)
"""
EVENTS = ("socket.getaddrinfo", "socket.connect", "socket.sendto")
# What JupyterLab holds of the notebook that is shown.
NOTEBOOK = "window.jupyterapp.shell.currentWidget"
CELLS = f"{NOTEBOOK}.content.widgets"


@dataclass(frozen=True)
class Lab:
    """A server that runs: where it is, its folder of notebooks, and the file that notes who is asked from there."""

    address: str
    token: str
    root: Path
    asked: Path


@dataclass(frozen=True)
class Notebook:
    """One notebook, opened in JupyterLab."""

    page: Page
    path: Path

    def sources(self) -> list[str]:
        return list(self.page.evaluate(f"{CELLS}.map((cell) => cell.model.sharedModel.getSource())"))

    def active(self) -> int:
        return int(self.page.evaluate(f"{NOTEBOOK}.content.activeCellIndex"))

    def cell(self, number: int) -> Locator:
        """Return a cell, scrolled to: JupyterLab draws only those that are seen."""
        self.page.evaluate(f"(number) => {NOTEBOOK}.content.scrollToItem(number, 'center')", number)
        return self.page.locator(f'.jp-Notebook [data-windowed-list-index="{number}"]')

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def save(self) -> Json:
        """Press Ctrl+S, and return what lies on the disk when JupyterLab has nothing left to save."""
        self.press("Control+s")
        self.page.wait_for_function(f"!{NOTEBOOK}.context.model.dirty")
        return read(self.path)


def read(path: Path) -> Json:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def slot_number(notebook: Json) -> int:
    (number,) = [number for number, cell in enumerate(notebook["cells"]) if "slot" in tags(cell)]
    return number


def protected(notebook: Json) -> list[tuple[str, str, Any]]:
    """Return id, source and metadata of the cells; whether a source is folded away is the reader's choice."""
    return [
        (cell["id"], source(cell), {**cell["metadata"], "jupyter": None})
        for cell in notebook["cells"]
        if "slot" not in tags(cell)
    ]


def children(pid: int) -> set[int]:
    return {
        int(child)
        for listed in Path(f"/proc/{pid}/task").glob("*/children")
        for child in listed.read_text(encoding="ascii").split()
    }


def address_of(server: subprocess.Popen[bytes], info: Path, log: Path) -> str:
    """Return where the server listens, as soon as it has written that down."""
    end = time.monotonic() + PATIENCE
    while not (info.is_file() and info.read_text(encoding="utf-8").endswith("}")):
        if server.poll() is not None or time.monotonic() > end:
            pytest.fail(f"JupyterLab does not start: {log.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.05)
    return str(json.loads(info.read_text(encoding="utf-8"))["url"])


@pytest.fixture(scope="module")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:  # noqa: ARG001 -- no server without it
    """JupyterLab with nobody's settings, on a port that the system chooses; at the end, no process of it is left."""
    home = tmp_path_factory.mktemp("home")
    root, log, asked, token = home / "work", home / "log", home / "asked", secrets.token_hex(16)
    news = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    for folder in (root, news.parent, home / "watch"):
        folder.mkdir(parents=True)
    news.write_text(NO_NEWS, encoding="utf-8")
    (home / "watch" / "sitecustomize.py").write_text(
        f"FILE, EVENTS = {str(asked)!r}, {EVENTS!r}\n{WATCH}", encoding="utf-8"
    )
    own = {
        "HOME": home, "JUPYTER_CONFIG_DIR": home / "config", "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime", "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces", "IPYTHONDIR": home / "ipython", "PYTHONPATH": home / "watch",
        "JUPYTER_TOKEN": token,
    }  # fmt: skip
    environment = {**os.environ, **{name: str(value) for name, value in own.items()}}
    command = [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--ServerApp.root_dir={root}"]
    with log.open("wb") as told, subprocess.Popen(command, cwd=root, env=environment, stderr=told) as server:
        try:
            address = address_of(server, home / "runtime" / f"jpserver-{server.pid}.json", log)
            yield Lab(address, token, root, asked)
        finally:
            kernels = children(server.pid)
            server.terminate()
            server.wait(PATIENCE)
    assert not [pid for pid in kernels if Path(f"/proc/{pid}").exists()]


@pytest.fixture
def open_notebook(lab: Lab, browser: Browser) -> Iterator[Open]:
    """Give a function that opens a notebook of the folder; at the end, nobody but the server must have been asked."""
    context = browser.new_context(viewport=SIZE)
    context.set_default_timeout(1000 * PATIENCE)
    asked: set[str | None] = set()
    errors: list[str] = []

    def opened(name: str) -> Notebook:
        page = context.new_page()
        page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
        page.on("websocket", lambda socket: asked.add(urlsplit(socket.url).netloc))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{lab.address}lab/workspaces/{Path(name).stem}/tree/{name}?token={lab.token}")
        page.wait_for_function(f"window.jupyterapp && {NOTEBOOK}?.content?.activeCell")
        page.wait_for_function(f"{NOTEBOOK}.sessionContext.session?.kernel?.status === 'idle'")
        return Notebook(page, lab.root / name)

    yield opened
    context.close()
    assert errors == []
    assert asked - {""} == {urlsplit(lab.address).netloc}  # "": pictures that stand in the page
    assert not lab.asked.exists(), lab.asked.read_text(encoding="utf-8")


def test_who_is_asked_for_anything_elsewhere_would_be_noticed(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        (lab.asked.parent / "watch" / "sitecustomize.py")
        .read_text(encoding="utf-8")
        .replace(str(lab.asked), str(tmp_path / "asked")),
        encoding="utf-8",
    )
    program = "import socket\nsocket.getaddrinfo('192.0.2.1', 9)"
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(tmp_path)}, check=True)
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "socket.getaddrinfo 192.0.2.1\n"


def test_no_protected_cell_can_be_edited_or_deleted_and_the_slot_can(lab: Lab, open_notebook: Open) -> None:
    task = load_task("noisy_labels")
    shutil.copy(task.starter, lab.root / "locked.ipynb")
    before = read(task.starter)
    opened = open_notebook("locked.ipynb")
    sources, slot = opened.sources(), slot_number(before)
    assert sources == [source(cell) for cell in before["cells"]]
    folded = [number for number, cell in enumerate(before["cells"]) if {"data", "folded"} & set(tags(cell))]
    for number in folded:
        opened.cell(number).locator(".jp-InputPlaceholder").click()  # what they hide is locked, too
    opened.cell(0).click()
    opened.press("Escape")
    for number in range(len(sources)):
        assert opened.active() == number
        if number != slot:
            opened.press("Enter", "7", "Backspace", "Delete", "Escape", "d", "d")
        opened.press("ArrowDown")
    assert opened.sources() == sources
    opened.cell(slot).locator(".cm-content").click()
    opened.press("Control+End")
    opened.page.keyboard.type("  # typed")
    saved = opened.save()
    assert protected(saved) == protected(before)
    assert source(saved["cells"][slot]) == source(before["cells"][slot]) + "  # typed"


def test_a_solution_that_was_typed_run_and_saved_is_graded(
    lab: Lab, open_notebook: Open, toy_task: Task, toy_solution: str, tmp_path: Path
) -> None:
    shutil.copy(toy_task.starter, lab.root / "student.ipynb")
    before = read(toy_task.starter)
    opened, slot = open_notebook("student.ipynb"), slot_number(before)
    opened.cell(slot).locator(".cm-content").click()
    opened.press("Control+a")
    opened.page.keyboard.insert_text(toy_solution)
    run_all(opened)
    assert opened.page.get_by_text("points on the validation data:").last.is_visible()
    saved = opened.save()
    assert protected(saved) == protected(before)
    assert source(saved["cells"][slot]) == toy_solution
    assert all(cell["execution_count"] for cell in saved["cells"] if is_code(cell))
    assert saved["metadata"]["language_info"]["nbconvert_exporter"] == "python"  # JupyterLab's own hand
    result = graded(toy_task, opened.path, tmp_path)
    assert (result["verdict"], result["changed_cells"]) == ("scored", [])
    assert result["points"] >= 90


def run_all(opened: Notebook) -> None:
    """Choose "Restart Kernel and Run All Cells" in the menu, say yes, and wait until every cell has run, or one failed."""
    page = opened.page
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("Restart Kernel and Run All Cells")).click()
    page.locator(".jp-Dialog button.jp-mod-accept").click()
    models = f"{CELLS}.map((cell) => cell.model).filter((model) => model.type === 'code')"
    failed = "model.outputs.toJSON().filter((output) => output.output_type === 'error')"
    page.wait_for_function(
        f"{models}.every((model) => model.executionCount && model.executionState === 'idle') "
        f"|| {models}.some((model) => {failed}.length)"
    )
    assert page.evaluate(f"{models}.flatMap((model) => {failed}.map((output) => output.evalue))") == []


def graded(task: Task, notebook: Path, folder: Path) -> dict[str, Any]:
    """Grade one notebook with the command, as the browser's library has this thread's event loop."""
    secret = folder / "secret"
    secret.write_text("the same seeds in every run of the tests", encoding="utf-8")
    words = [
        task.folder,
        notebook,
        "--out",
        folder / "results",
        "--repeats",
        "1",
        "--secret-file",
        secret,
        "--json",
    ]
    command = [sys.executable, "-m", "grader", "grade", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (result,) = json.loads(done.stdout)
    return dict(result)
