"""Read what a client sends, piece by piece, with limits of size and time: a silent or slow sender holds nothing up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from grader.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

SILENT_SECONDS, LONGEST_SECONDS = 20.0, 600.0
_FORM_BYTES = 64 << 10
_FORM_FIELDS = 20
_FIELD_BYTES = 1024
_BEFORE_FILE_BYTES = 256 << 10  # a chunk of the server's has up to 64 kB
_DRAINED_BYTES, _DRAINED_SECONDS = 128 << 20, 20.0


class SlowSenderError(UsageError):
    """A request whose body did not come in time."""


class Body:
    """The body of a request."""

    def __init__(self, request: Request, silent_seconds: float = SILENT_SECONDS) -> None:
        self._stream = request.stream()
        self._silent_seconds = silent_seconds
        self._deadline = time.monotonic() + LONGEST_SECONDS

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what arrives. Raises SlowSenderError where nothing comes for a while, or it takes too long altogether."""
        while chunk := await self.next_chunk():
            yield chunk

    async def next_chunk(self) -> bytes:
        """Return the next bytes, none at the end. Raises SlowSenderError."""
        seconds = min(self._silent_seconds, self._deadline - time.monotonic())
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                async for chunk in self._stream:
                    if chunk:
                        return chunk
        except TimeoutError as error:
            raise SlowSenderError("the upload was too slow; hand in again") from error
        return b""

    async def form(self) -> dict[str, str]:
        """Return the fields of a small form. Raises UsageError where it is too large, or no form."""
        content = b""
        async for chunk in self.chunks():
            content += chunk
            if len(content) > _FORM_BYTES:
                raise UsageError("the form is too large; shorten the text")
        try:
            return dict(parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=_FORM_FIELDS))
        except ValueError as error:
            raise UsageError("this is not a form of this site; load the page again") from error

    async def drain(self) -> None:
        """Read what is left, within limits: a browser shows an answer only after it could send everything."""
        left = _DRAINED_BYTES
        with contextlib.suppress(TimeoutError, SlowSenderError, ClientDisconnect):
            async with asyncio.timeout(_DRAINED_SECONDS):
                while left > 0 and (chunk := await self.next_chunk()):
                    left -= len(chunk)


class FileForm:
    """A form with some short fields and then exactly one file, read while it arrives."""

    def __init__(self, body: Body, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise UsageError("this is not a form with a file; load the page again")
        self._body = body
        self._events: list[tuple[str, bytes]] = []
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": lambda: self._note("part"),
                "on_header_field": lambda data, start, end: self._note("field", data[start:end]),
                "on_header_value": lambda data, start, end: self._note("value", data[start:end]),
                "on_header_end": lambda: self._note("header_end"),
                "on_headers_finished": lambda: self._note("headers"),
                "on_part_data": lambda data, start, end: self._note("data", data[start:end]),
                "on_part_end": lambda: self._note("part_end"),
                "on_end": lambda: self._note("end"),
            },
        )

    async def fields(self) -> dict[str, str]:
        """Return the fields before the file, at whose first byte reading stops. Raises UsageError where there is no file."""
        fields: dict[str, str] = {}
        header, value, name, read = b"", b"", "", 0
        while True:
            kind, data = await self._next()
            read += len(data)
            if read > _BEFORE_FILE_BYTES or len(fields) > _FORM_FIELDS or kind == "end":
                raise UsageError("the form has no file; choose one and hand in again")
            if kind == "field":
                header += data
            elif kind == "value":
                value += data
            elif kind == "header_end":
                if header.lower() == b"content-disposition":
                    name, is_file = _disposition(value)
                    if is_file:
                        await self._until("headers")
                        return fields
                    fields[name] = ""
                header = value = b""
            elif kind == "data":
                fields[name] = fields.get(name, "") + data.decode("utf-8", "replace")
                if len(fields[name]) > _FIELD_BYTES:
                    raise UsageError("a field of the form is too long; load the page again")

    async def file(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the file. Raises UsageError where it is not the last of the form, or the form is cut off."""
        while True:
            kind, data = await self._next()
            if kind == "data":
                yield data
            elif kind == "part_end":
                break
        kind, _ = await self._next()
        if kind != "end":
            raise UsageError("the form has more than one file; hand in one at a time")

    async def _until(self, wanted: str) -> None:
        while (await self._next())[0] != wanted:
            pass

    async def _next(self) -> tuple[str, bytes]:
        while not self._events:
            chunk = await self._body.next_chunk()
            if not chunk:
                raise UsageError("the form is incomplete; hand in again")
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise UsageError("the form is damaged; load the page again") from error
        return self._events.pop(0)

    def _note(self, kind: str, data: bytes = b"") -> None:
        self._events.append((kind, data))


def _disposition(value: bytes) -> tuple[str, bool]:
    """Return the name of a part of a form, and whether it is a file."""
    _, options = parse_options_header(value)
    return options.get(b"name", b"").decode("utf-8", "replace"), b"filename" in options
