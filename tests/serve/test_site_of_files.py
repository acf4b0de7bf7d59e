"""A contest with a task of files: what is handed in is a file of predictions on every page, and under every name that it gets."""

from __future__ import annotations

import io
import json
import re
import threading
import urllib.request
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from contests import RULES
from sites import SiteClient, SmallSite, small_site

from grader.contest.archive import close_contest
from grader.contest.backup import back_up
from grader.contest.grading import GradingChoices, prepare_grading
from grader.contest.privacy import export_person
from grader.contest.verify import verify_archive
from grader.contest.worker import ContestWorker, WorkerSettings
from grader.grading.engine import LocalEngine
from grader.grading.file_answers import handed_in_by
from grader.serve.demo import start_demo

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2 as httpx

    from grader.task.spec import Task


@pytest.fixture(scope="module")
def good(files_task: Task) -> bytes:
    return handed_in_by(files_task, files_task.solution)


@pytest.fixture
def site(tmp_path: Path, files_task: Task) -> SmallSite:
    rules = RULES.replace('"toy_task"', f'"{files_task.folder}"')
    return small_site(tmp_path / "contest", files_task, rules=rules)


def hand_in(client: SiteClient, content: bytes) -> httpx.Response:
    files = {"file": ("results (1).TXT", content)}
    return client.post("/task/toy_files", data={"token": client.form_token}, files=files)


def grade_all(site: SmallSite) -> None:
    tasks = prepare_grading(site.small.contest, GradingChoices(device="cpu"))
    lines: list[str] = []
    with closing(LocalEngine()) as engine:
        worker = ContestWorker(site.small.store, tasks, engine, WorkerSettings(1, lines.append))
        worker.run(threading.Event(), until_idle=True)


def test_a_file_has_the_ending_of_its_task_wherever_it_is_kept_or_goes(
    site: SmallSite, files_task: Task, good: bytes, tmp_path: Path
) -> None:
    small, ada = site.small, site.client("student")
    assert hand_in(ada, good).headers["location"] == "/attempt/1"
    small.hand_in(small.bob, good, task="toy_files")  # under the name of before, that of a notebook
    assert sorted(path.suffix for path in small.store.files.iterdir()) == [".csv", ".ipynb"]
    grade_all(site)
    for number, client in ((1, ada), (2, site.client("bob"))):
        page = client.get(f"/attempt/{number}").text
        assert "Your file was read, and its predictions were scored." in page
        assert "your code" not in page.lower()
        answer = client.get(f"/attempt/{number}/file")
        assert answer.content == good
        assert answer.headers["content-type"].startswith("text/csv")
        assert f"submission-{number}.csv" in answer.headers["content-disposition"]
    assert f"<code>submission-{1}.csv</code>" in ada.get("/attempt/1/feedback").text
    assert export_person(small.store, small.ada.id, tmp_path / "ada.zip") == 1
    close_contest(small.contest, {"toy_files": files_task}, tmp_path / "all.zip", early=True)
    for name, members in {"ada.zip": ["1.csv"], "all.zip": ["1.csv", "2.ipynb"]}.items():
        with zipfile.ZipFile(tmp_path / name) as archive:
            kept = [member for member in archive.namelist() if member.startswith("submissions/")]
            assert kept == [f"submissions/{member}" for member in members]
            assert archive.read(kept[0]) == good
    assert [finding.name for finding in verify_archive(tmp_path / "all.zip") if not finding.ok] == []
    assert back_up(small.store, tmp_path / "copy") == 2
    assert len(list((tmp_path / "copy" / "files").glob("*.csv"))) == 1


def test_two_files_of_one_number_in_an_archive_are_found(
    site: SmallSite, files_task: Task, good: bytes, tmp_path: Path
) -> None:
    hand_in(site.client("student"), good)
    grade_all(site)
    path = tmp_path / "all.zip"
    close_contest(site.small.contest, {"toy_files": files_task}, path, early=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("submissions/1.ipynb", good)
    (wrong,) = [finding for finding in verify_archive(path) if not finding.ok]
    assert (wrong.name, wrong.detail) == ("submissions", "submission 1 is there 2 times")


def test_the_page_names_the_file_and_its_cell_hands_it_in(
    site: SmallSite, good: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = site.client("student")
    page = ada.fill("/task/toy_files/token").text
    assert 'accept=".csv"' in page
    assert "grader submit predictions.csv --to" in page
    assert "run it when the file is written" in page
    cell = re.search(r"<pre tabindex=\"0\">(FILE.*?)</pre>", page, re.DOTALL)[1]  # type: ignore[index]
    (tmp_path / "predictions.csv").write_bytes(good)
    monkeypatch.chdir(tmp_path)

    def urlopen(request: urllib.request.Request, timeout: float) -> io.BytesIO:  # noqa: ARG001 -- as the cell calls it
        assert isinstance(request.data, bytes)
        headers = dict(request.header_items())
        return io.BytesIO(site.client().put(request.full_url, content=request.data, headers=headers).content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    exec(cell.replace("&#34;", '"'), {})
    (kept,) = site.small.store.files.iterdir()
    assert (kept.suffix, kept.read_bytes()) == (".csv", good)


def test_what_is_too_large_gets_advice_for_files(site: SmallSite) -> None:
    token = site.token("student", "toy_files")
    headers = {"Authorization": f"Bearer {token}"}
    answer = site.client().put("/submit/toy_files", content=bytes((20 << 20) + 1), headers=headers)
    assert (answer.status_code, json.loads(answer.text)["message"]) == (
        413,
        "the file has more than 20 MB; hand in a smaller one",
    )


def test_a_demo_hands_in_what_the_starter_writes(files_task: Task, tmp_path: Path) -> None:
    demo = start_demo(tmp_path / "demo", files_task)
    (kept,) = demo.contest.store.files.iterdir()
    assert kept.suffix == ".csv"
    assert kept.read_bytes().startswith(b"id,warm,degrees\n")
