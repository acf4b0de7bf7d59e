"""Keep beside the gradebook what a task's own answers got on the machine that graded, in `agreement.json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors, write_atomic

if TYPE_CHECKING:
    from pathlib import Path

AGREEMENT_FILE = "agreement.json"


def read_agreements(out: Path) -> dict[str, Any]:
    """Return what is kept in the folder of results `out`, by task; nothing where nothing was compared.

    Raises UsageError where the file cannot be read.
    """
    path = out / AGREEMENT_FILE
    if not path.is_file():
        return {}
    with reporting_os_errors(READ, path):
        text = path.read_text(encoding="utf-8")
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"{path} is damaged: {error}; remove it, and the next call of grade writes it anew"
        ) from error


def keep_agreement(out: Path, task_id: str, content: dict[str, Any]) -> None:
    """Keep what was seen for a task in the folder of results `out`, beside that of other tasks.

    Raises UsageError where it cannot be written.
    """
    kept = read_agreements(out) | {task_id: content}
    write_atomic(out / AGREEMENT_FILE, (json.dumps(kept, indent=2) + "\n").encode())


def agreement_row(content: dict[str, Any]) -> str:
    """Return in a line whether the recorded points came out, and on how many machines of a cluster.

    Raises KeyError, TypeError or AttributeError where `content` is not what grading writes.
    """
    if "nodes" in content:
        nodes = list(content["nodes"].values())
        return f"as recorded on {sum(bool(node['agrees']) for node in nodes)} of {len(nodes)} nodes"
    values = [
        f"{name} {sum(answer['per_repeat']) / max(1, len(answer['per_repeat'])):.3f}"
        for name, answer in content["answers"].items()
    ]
    return f"{'as recorded' if content['agrees'] else 'not as recorded'}: {', '.join(values)}"
