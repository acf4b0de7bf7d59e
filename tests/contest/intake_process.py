"""A process that takes files into a contest as a web process does: a line in JSON for each upload, a line for its receipt.

Its wall clock jumps, and its disk is full, when a line says so.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from grader.contest.folder import Contest, open_contest
from grader.contest.intake import Ticket
from grader.contest.moments import Moment, read_clocks
from grader.contest.store import Store
from grader.errors import GraderFault, UsageError

_SMALL = 4096  # bytes that a file may have on a disk that is full


class JumpingClocks:
    """The clocks of this machine, of which somebody moves the one on the wall."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> Moment:
        moment = read_clocks()
        return replace(moment, wall=moment.wall + self.ahead)


def answer(contest: Contest, clocks: JumpingClocks, upload: dict[str, Any]) -> dict[str, Any]:
    clocks.ahead = timedelta(seconds=upload["ahead"])
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_SMALL if upload["full"] else most, most))
    content = Path(upload["file"]).read_bytes()
    chunks = [content[start : start + 1024] for start in range(0, len(content), 1024)]
    try:
        ticket = Ticket(upload["person"], "toy_task", "api", upload["key"])
        return contest.intake.take(ticket, chunks).as_json()
    except (GraderFault, UsageError) as error:
        return {"problem": str(error)}
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    opened = open_contest(Path(sys.argv[1]))
    clocks = JumpingClocks()
    contest = replace(opened, store=Store(opened.store.folder, clocks))
    say("ready")
    for line in sys.stdin:
        say(json.dumps(answer(contest, clocks, json.loads(line))))


if __name__ == "__main__":
    main()
