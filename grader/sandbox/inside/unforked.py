"""The student's process where none can be forked: it starts from nothing, imports, and calls the grader's port."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import NoReturn

from grader.sandbox.inside import libraries, slot, wire
from grader.sandbox.inside.loopback import connect


def main() -> NoReturn:
    """Define the slot that the grader sends, and answer its calls until it is gone."""
    config = json.loads(sys.argv[1])
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    connection = connect(config["port"], config["secret"])
    job = wire.receive(connection, wire.PROGRAM_CAPS)
    with contextlib.suppress(Exception):  # what is wrong with it is reported when the slot is defined
        exec(compile(job["imports"], "imports", "exec", dont_inherit=True), {})  # noqa: S102 -- the task's own protected cell
    slot.seed_everything(job["seed"])
    libraries.adjust(config["threads"], config["processes"], job["seed"])
    slot.Serving(connection, job, config).serve()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
