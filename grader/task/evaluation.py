"""Build what a final evaluation needs: for each repeat the secret seeds, the hidden inputs, and the answers apart."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.gradebook.run_settings import SEED_VERSION
from grader.task.seeds import Seeds
from grader.task.spec import DEFAULT_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.task.spec import Task

HANDED_OUT = 0  # the seed of data that are handed out without a secret
_REHEARSAL_KEY = b"everybody may know this one"


@dataclass(frozen=True)
class Repeat:
    """One complete final evaluation. The trainer never learns of the file `answers`."""

    number: int
    inputs: Path
    answers: Path
    trainer_seed: int
    slot_seed: int
    mark: str  # the same for the same data


def resolve_source(source: str, base: Path) -> str:
    """Return a data source with the path of `npz:PATH` made absolute, relative to `base`."""
    kind, _, path = source.partition(":")
    return f"npz:{(base / path).resolve()}" if kind == "npz" else source


def prepare_repeats(
    task: Task,
    secret: bytes,
    folder: Path,
    *,
    repeats: int,
    source: str,
    size: str = DEFAULT_SIZE,
    seed_version: int = SEED_VERSION,
) -> list[Repeat]:
    """Build the inputs and answers of every repeat under `folder` once; later calls find them there.

    The inputs of a task of files are what students get, and an empty `secret` stands for the seeds from `HANDED_OUT` on, with
    which everybody draws them.

    Raises UsageError where the data source cannot be read.
    """
    seeds = Seeds.of(secret, task.id, seed_version)
    parts = [seeds.mark, *map(str.encode, (task.run_digest, source, size))]
    mark = hashlib.sha256(b"\0".join(parts)).hexdigest()
    root = folder / f"{task.id}-{mark[:12]}"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    built, make_data = [], task.builder().make_data
    make = partial(make_data, None) if task.spec.runs_code else partial(_make_one_draw, make_data)
    for number in range(repeats):
        target = root / f"repeat-{number}"
        if not target.exists():
            seed = seeds.derive("data", number) if secret or task.spec.runs_code else HANDED_OUT + number
            _build_whole(target, partial(make, seed=seed, source=source, size=size))
        built.append(_repeat(target, number, seeds, mark))
    return built


def _make_one_draw(make_data: Callable[..., object], inputs: Path, answers: Path, **settings: Any) -> None:
    """Build what students get as the inputs: the rows that they predict are in it."""
    make_data(inputs, None, answers, **settings)


def prepare_rehearsal(task: Task, public: Path, folder: Path, *, repeats: int) -> list[Repeat]:
    """Build repeats from the public folder alone: data that students know, scored as the hidden data are.

    Raises UsageError where the public folder cannot be used.
    """
    built, rehearse, seeds = [], task.builder().rehearse, Seeds(_REHEARSAL_KEY, task.id)
    for number in range(repeats):
        target = folder / f"repeat-{number}"
        _build_whole(target, partial(rehearse, public, seed=number))
        built.append(_repeat(target, number, seeds, "public"))
    return built


def _repeat(folder: Path, number: int, seeds: Seeds, mark: str) -> Repeat:
    return Repeat(
        number=number,
        inputs=folder / "inputs",
        answers=folder / "answers" / "answers.npz",
        trainer_seed=seeds.derive("trainer", number),
        slot_seed=seeds.derive("slot", number),
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
