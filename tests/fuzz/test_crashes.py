"""Every file that was too much for the reader once is not any more: `crashes/` holds what the fuzz tests found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fuzzing import CRASHES
from test_fuzz_archives import check_archive
from test_fuzz_notebooks import GENERATED, check_notebook, check_program
from test_fuzz_trainer import check_stream
from test_fuzz_wire import check_frame

from grader.sandbox.inside import wire

if TYPE_CHECKING:
    from pathlib import Path

    from grader.notebooks.reading import Json


@pytest.mark.parametrize("path", sorted(CRASHES.iterdir()), ids=lambda path: path.name)
def test_what_crashed_once_does_not_any_more(path: Path, starter: Json) -> None:
    data = path.read_bytes()
    match path.suffix:
        case ".ipynb":
            for ours in [starter, *(ours for _, ours in GENERATED.values())]:
                check_notebook(data, ours)
        case ".slot":
            check_program(data.decode("utf-8", "surrogatepass"), starter)
        case ".zip":
            check_archive(data)
        case ".frames":
            for receive in (wire.receive, wire.receive_outline):
                check_frame(data, receive)
                check_stream(data, receive)
        case other:
            pytest.fail(f"{path} is of no kind that can be tried: {other}")
