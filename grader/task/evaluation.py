"""Build what a final evaluation needs: for each repeat the secret seeds, the hidden inputs, and the answers apart."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, WRITTEN, reporting_os_errors
from grader.task.spec import DEFAULT_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.task.spec import Task

_SECRET_FILE = "secret"  # noqa: S105 -- a file name
_SECRET_BYTES = 16


@dataclass(frozen=True)
class Repeat:
    """One complete final evaluation. The trainer never learns of the file `answers`."""

    number: int
    inputs: Path
    answers: Path
    trainer_seed: int
    slot_seed: int
    mark: str  # the same for the same data


def secret_for(out: Path, secret_file: Path | None) -> bytes:
    """Return the secret of a batch: from `secret_file`, else drawn once for `out` and kept there (mode 600).

    Raises UsageError where the file is missing or shorter than 16 bytes.
    """
    if secret_file is not None:
        return _read_secret(secret_file)
    kept = out / _SECRET_FILE
    if not kept.exists():
        # Written whole and then linked: of two graders that start at once, one draws and both read the same.
        with (
            reporting_os_errors(WRITTEN, kept),
            tempfile.NamedTemporaryFile("w", dir=out, prefix=".secret-") as draft,  # made with mode 600
        ):
            draft.write(secrets.token_hex(32) + "\n")
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, kept)
    return _read_secret(kept)


def kept_secret(out: Path, secret_file: Path | None) -> bytes | None:
    """Return the secret of a batch that was graded, or None where it can no longer be read; none is drawn."""
    with contextlib.suppress(UsageError):
        return _read_secret(secret_file or out / _SECRET_FILE)
    return None


def _read_secret(path: Path) -> bytes:
    with reporting_os_errors(READ, f"the secret {path}"):
        secret = path.read_bytes().strip()
    if len(secret) < _SECRET_BYTES:
        raise UsageError(f"the secret {path} is shorter than {_SECRET_BYTES} bytes")
    return secret


def derive_seed(secret: bytes, task_id: str, purpose: str, number: int) -> int:
    """Return a 32-bit seed that reveals nothing about the secret or the other seeds."""
    text = b"\0".join([secret, task_id.encode(), purpose.encode(), str(number).encode()])
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")


def resolve_source(source: str, base: Path) -> str:
    """Return a data source with the path of `npz:PATH` made absolute, relative to `base`."""
    kind, _, path = source.partition(":")
    return f"npz:{(base / path).resolve()}" if kind == "npz" else source


def prepare_repeats(
    task: Task, secret: bytes, folder: Path, *, repeats: int, source: str, size: str = DEFAULT_SIZE
) -> list[Repeat]:
    """Build the inputs and answers of every repeat under `folder` once; later calls find them there.

    Raises UsageError where the data source cannot be read.
    """
    parts = [secret, *map(str.encode, (task.run_digest, source, size))]
    mark = hashlib.sha256(b"\0".join(parts)).hexdigest()
    root = folder / f"{task.id}-{mark[:12]}"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    built, make_data = [], task.builder().make_data
    for number in range(repeats):
        target = root / f"repeat-{number}"
        if not target.exists():
            seed = derive_seed(secret, task.id, "data", number)
            _build_whole(target, partial(make_data, None, seed=seed, source=source, size=size))
        built.append(_repeat(target, number, secret, task.id, mark))
    return built


def prepare_rehearsal(task: Task, public: Path, folder: Path, *, repeats: int) -> list[Repeat]:
    """Build repeats from the public folder alone: data that students know, scored as the hidden data are.

    Raises UsageError where the public folder cannot be used.
    """
    built, rehearse = [], task.builder().rehearse
    for number in range(repeats):
        target = folder / f"repeat-{number}"
        _build_whole(target, partial(rehearse, public, seed=number))
        built.append(_repeat(target, number, b"everybody may know this one", task.id, "public"))
    return built


def _repeat(folder: Path, number: int, secret: bytes, task_id: str, mark: str) -> Repeat:
    return Repeat(
        number=number,
        inputs=folder / "inputs",
        answers=folder / "answers" / "answers.npz",
        trainer_seed=derive_seed(secret, task_id, "trainer", number),
        slot_seed=derive_seed(secret, task_id, "slot", number),
        mark=mark,
    )


def _build_whole(target: Path, make: Callable[[Path, Path], object]) -> None:
    """Build beside `target` and move the data there, so that a crash never leaves half a data set behind."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=target.parent))
    try:
        make(draft / "inputs", draft / "answers")
        draft.rename(target)
    except UsageError:
        raise
    except (ValueError, OSError, ImportError, KeyError, RuntimeError) as error:
        if target.exists():  # somebody else was faster
            return
        raise UsageError(f"the data cannot be built: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
