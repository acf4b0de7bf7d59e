"""Build the badge "Open in Colab" at the top of the notebooks, and remove it from a text.

The address is kept once, in `repository.toml` beside the task folders: what is built follows from what is committed.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, WRITTEN, reporting_os_errors

if TYPE_CHECKING:
    from pathlib import Path

FORM = "https://github.com/OWNER/REPO[/tree/BRANCH[/FOLDER]]"

_COLAB = "https://colab.research.google.com"
_PICTURE = f"[![Open in Colab]({_COLAB}/assets/colab-badge.svg)]"
_BADGE = re.compile(rf"{re.escape(_PICTURE)}\({re.escape(_COLAB)}/github/[^\s()]+\)\s*")
_PART = r"[^\s/?#()\[\]<>\"'`\\]+"  # nothing that would end the link, or is no path of GitHub's
_ADDRESS = re.compile(
    rf"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?(?:/tree/({_PART})((?:/{_PART})*))?/?"
)
_DEFAULT_BRANCH = "main"
_COMMENT = (
    "# Where this repository is on GitHub; written by `grader build --repo-url`, read by `grader build`."
)


def badge(repo_url: str, notebook: str) -> str:
    """Return the badge that opens `notebook`, a path below the address, in Colab; the branch is `main` if none is named.

    Raises UsageError where the address is not of the form `FORM`.
    """
    match = _ADDRESS.fullmatch(repo_url)
    if not match or {".", ".."} & set(repo_url.split("/")):
        raise UsageError(
            f"--repo-url {repo_url!r} is not of the form {FORM}: Colab opens notebooks from GitHub"
        )
    owner, repository, branch, folder = match.groups(default="")
    location = f"{owner}/{repository}/blob/{branch or _DEFAULT_BRANCH}{folder}/{notebook}"
    return f"{_PICTURE}({_COLAB}/github/{location})"


def without_badge(text: str) -> str:
    """Return a cell's text without the badge that it begins with, whatever repository that leads to."""
    match = _BADGE.match(text)
    return text[match.end() :] if match else text


def kept_url(tasks: Path) -> str:
    """Return the address that is kept in the folder `tasks`; "" where there is none.

    Raises UsageError where its file cannot be used.
    """
    path = _path(tasks)
    if not path.is_file():
        return ""
    try:
        with reporting_os_errors(READ, path):
            kept = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} {READ}: {error}") from error
    url = kept.get("repo_url")
    if set(kept) != {"repo_url"} or not isinstance(url, str):
        raise UsageError(f'{path} must hold one line, repo_url = "{FORM}"')
    return url


def keep_url(tasks: Path, repo_url: str) -> Path | None:
    """Keep the address in the folder `tasks`, or none if it is empty; return its file where that was written anew.

    Raises UsageError where that cannot be done.
    """
    path = _path(tasks)
    text = f"{_COMMENT}\nrepo_url = {json.dumps(repo_url)}\n".encode()
    with reporting_os_errors(WRITTEN, path):
        if not repo_url:
            path.unlink(missing_ok=True)
        elif not path.is_file() or path.read_bytes() != text:
            path.write_bytes(text)
            return path
    return None


def _path(tasks: Path) -> Path:
    return tasks / "repository.toml"
