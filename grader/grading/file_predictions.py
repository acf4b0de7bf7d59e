"""Turn a checked file of predictions into what scoring reads: the predictions of a repeat, as if a notebook had saved them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from grader.submissions.kinds import NOTEBOOK, Wanted
from grader.task.file_check import check_file, read_expected

if TYPE_CHECKING:
    from grader.gradebook.run_folder import RepeatFolder
    from grader.task.evaluation import Repeat
    from grader.task.files_table import FilesTable
    from grader.task.spec import Task


def wanted_of(task: Task) -> Wanted:
    """Return what students hand in for a task: notebooks, or its file of predictions."""
    files = task.spec.files
    if files is None:
        return NOTEBOOK
    return Wanted(files.name, files.max_bytes, frozenset(table.name for table in files.members))


def keep_predictions(data: bytes, files: FilesTable, repeat: Repeat, folder: RepeatFolder) -> None:
    """Write the predicted columns of a file, in the order of the answers, into the new folder of a repeat.

    Raises StudentFault for a file that cannot be read or has wrong rows, and GraderFault where its rows are not known.
    """
    columns = check_file(data, files, read_expected(repeat.answers))
    folder.path.mkdir()
    np.savez(folder.predictions, allow_pickle=False, **columns)
