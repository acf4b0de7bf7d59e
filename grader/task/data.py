"""Build a task's data folders, and the zip of the public data that students get."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.task.spec import DEFAULT_SIZE

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip; a fixed one gives equal data equal bytes


def prepare(task: Task, folder: Path, *, seed: int, source: str, size: str = DEFAULT_SIZE) -> dict[str, Any]:
    """Build `folder`/{public,inputs,answers,public.zip,manifest.json} and return the manifest.

    The folders of an earlier call are replaced only when the new data are complete. Raises UsageError where the data
    cannot be built.
    """
    draft = folder.with_name(folder.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        manifest = task.builder().make_data(
            draft / "public", draft / "inputs", draft / "answers", seed, source, size=size
        )
        zip_folder(draft / "public", draft / "public.zip")
        digest = hashlib.sha256((draft / "public.zip").read_bytes()).hexdigest()
        manifest = {"task": task.id, "version": task.version, "seed": seed, "zip_sha256": digest, **manifest}
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        folder.mkdir(parents=True, exist_ok=True)
        for made in sorted(draft.iterdir()):
            old = folder / made.name
            if old.is_dir():
                shutil.rmtree(old)
            made.replace(old)
    except (ValueError, OSError, ImportError, KeyError, RuntimeError) as error:
        raise UsageError(f"the data of {task.id} cannot be built: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def zip_folder(folder: Path, path: Path) -> None:
    """Zip the files of `folder` so that equal files give equal bytes; programs stay executable."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                member = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _EPOCH)
                member.external_attr = (0o755 if file.stat().st_mode & 0o100 else 0o644) << 16
                archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
