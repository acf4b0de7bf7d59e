"""Students who hand in over HTTP, whole, slowly or cut off, and remember what they have a receipt for."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.contest.receipts import Receipt

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

LIMIT_SECONDS = 120.0  # twice the toy task's; what has no answer, or no verdict, by then is stuck
_PIECES, _AGAIN_SECONDS = 6, 0.1
_REFUSED = (403, 409, 429)
_MANNERS = ("whole", "whole", "whole", "slow", "cut off", "unheard")


@dataclass(frozen=True)
class HandInFile:
    """Bytes that a student hands in, and the verdict that they deserve."""

    content: bytes
    verdict: str


@dataclass(frozen=True)
class Student:
    """Somebody with a token for programs and a code for browsers."""

    id: str
    token: str
    code: str


@dataclass
class Upload:
    """One file of one student under one key, and what came of it: a receipt, or a reason why not."""

    key: str
    student: Student
    file: HandInFile
    receipt: Receipt | None = None
    refusal: str = ""


@dataclass
class Sender:
    """Hands in for some students by turns, and counts the `answers`.

    `problems` are answers with 5xx and the like, `stuck` what no answer came to.
    """

    port: int
    students: Sequence[Student]
    draw: Callable[[random.Random], HandInFile]
    chance: random.Random
    pause: float
    name: str = "day"
    uploads: list[Upload] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    stuck: list[Upload] = field(default_factory=list)
    answers: int = 0

    def play(self, is_over: Callable[[], bool]) -> None:
        """Hand in until `is_over`, and for each student once at least."""
        while not self.stuck and (len(self.uploads) < len(self.students) or not is_over()):
            student = self.students[len(self.uploads) % len(self.students)]
            upload = Upload(f"{self.name}-{student.id}-{len(self.uploads)}", student, self.draw(self.chance))
            self.uploads.append(upload)
            self._hand_in(upload)
            time.sleep(self.chance.random() * 2 * self.pause)

    def _hand_in(self, upload: Upload) -> None:
        """Send until there is an answer: after the first try as a program does that asks again."""
        left, manner = LIMIT_SECONDS, self.chance.choice(_MANNERS)
        while upload.receipt is None and not upload.refusal:
            if left < 0:
                self.stuck.append(upload)
                return
            begun = time.monotonic()
            try:
                self._send(upload, manner)
                left -= time.monotonic() - begun
            except ConnectionRefusedError:  # it is being started, however long that takes on a busy machine
                time.sleep(_AGAIN_SECONDS)
            except (
                OSError,
                http.client.HTTPException,
                json.JSONDecodeError,
            ):  # it was killed
                left -= time.monotonic() - begun
                time.sleep(_AGAIN_SECONDS * self.chance.random())
            manner = "whole"

    def _send(self, upload: Upload, manner: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_SECONDS / 4)
        try:
            self._send_pieces(connection, upload, manner)
            if manner in ("cut off", "unheard"):
                time.sleep(self.chance.random() * 0.05)
                return
            answer = connection.getresponse()
            content = answer.read()
            self._note(upload, answer.status, content)
        finally:
            connection.close()

    def _send_pieces(self, connection: http.client.HTTPConnection, upload: Upload, manner: str) -> None:
        content = upload.file.content
        connection.putrequest("PUT", "/submit/toy_task")
        connection.putheader("Authorization", f"Bearer {upload.student.token}")
        connection.putheader("Idempotency-Key", upload.key)
        connection.putheader("Content-Length", str(len(content)))
        connection.endheaders()
        step = -(-len(content) // _PIECES)
        pieces = [content[start : start + step] for start in range(0, len(content), step)]
        for piece in pieces[: len(pieces) // 2] if manner == "cut off" else pieces:
            connection.send(piece)
            if manner == "slow":
                time.sleep(self.chance.random() * 0.05)

    def _note(self, upload: Upload, status: int, content: bytes) -> None:
        if status == 201:
            upload.receipt = Receipt.from_json(content)
            self.answers += 1
        elif status in _REFUSED:
            upload.refusal = str(json.loads(content)["error"])
            self.answers += 1
        else:
            assert status >= 500, content
            self.problems.append(f"{status} {content.decode(errors='replace')}")
            time.sleep(_AGAIN_SECONDS)
