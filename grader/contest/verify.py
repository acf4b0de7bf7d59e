"""Verify the archive of a contest with nothing but that file: chain, files, verdicts, ranking, and receipts of students."""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
import zlib
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken

from grader.contest.archive import (
    EVENTS_MEMBER,
    MANIFEST_MEMBER,
    RANKING_MEMBER,
    SEALED_MEMBER,
    SPEC_MEMBER,
    SUBMISSIONS,
    ranking_text,
)
from grader.contest.events import Event, EventKind, broken_link
from grader.contest.receipts import Receipt, is_genuine
from grader.errors import UsageError
from grader.files import READ, reporting_os_errors
from grader.findings import Finding, found
from grader.text import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path


def verify_archive(path: Path, receipt: Path | None = None) -> list[Finding]:
    """Return what was looked at in an archive: members, chain, files, verdicts, the ranking, and a receipt if one is given.

    Nothing but the file is needed. Raises UsageError where it cannot be read or is no such archive.
    """
    with _reporting_damage(path):
        with zipfile.ZipFile(path) as archive:
            sent = [name for name in archive.namelist() if name.startswith(SUBMISSIONS)]
            files = [(PurePosixPath(name).stem, _digest_of(archive, name)) for name in sent]
            rest = [name for name in archive.namelist() if not name.startswith(SUBMISSIONS)]
            content = {name: archive.read(name) for name in rest}
        manifest = json.loads(content[MANIFEST_MEMBER])
        events = [Event.from_json(json.loads(line)) for line in content[EVENTS_MEMBER].splitlines()]
        findings = [
            _check_members(manifest, content),
            _check_chain(manifest, events),
            _check_files(events, files),
            _check_verdicts(events, content),
            _check_ranking(content[SPEC_MEMBER].decode(), events, content),
        ]
        public_key = str(manifest["public_key"])
    if receipt is not None:
        with reporting_os_errors(READ, receipt):
            findings.append(check_receipt(receipt.read_bytes(), public_key, events))
    return findings


@contextlib.contextmanager
def _reporting_damage(path: Path) -> Iterator[None]:
    """Turn whatever reading an archive that somebody damaged may raise into one UsageError."""
    with reporting_os_errors(READ, path):
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, LookupError, ValueError, TypeError, RuntimeError) as error:
            raise UsageError(f"{path} is not the archive of a contest: {error!r}") from error


def check_receipt(text: bytes, public_key: str, events: Iterable[Event]) -> Finding:
    """Return whether a receipt was signed by the contest, and its submission is among the events as it says."""
    receipt = Receipt.from_json(text)
    name = f"receipt {receipt.number}"
    if not is_genuine(receipt, public_key):
        return Finding(name, ok=False, detail="its signature is not that of this contest")
    for event in events:
        if event.hash == receipt.event:
            same = (event.submission, event.data["sha256"]) == (receipt.number, receipt.sha256)
            return Finding(name, same, f"received {receipt.received}, event {event.number}")
    return Finding(name, ok=False, detail="genuine, but the contest's events do not have it")


def unsealed_secrets(path: Path, key: str) -> dict[str, str]:
    """Return the secrets of the hidden data by task, in hex. Raises UsageError where the key is another one."""
    with _reporting_damage(path), zipfile.ZipFile(path) as archive:
        sealed = archive.read(SEALED_MEMBER)
    try:
        return dict(json.loads(Fernet(key.encode()).decrypt(sealed)))
    except (InvalidToken, ValueError) as error:
        raise UsageError("the secrets of this archive are sealed with another key") from error


def _check_members(manifest: Mapping[str, Any], content: Mapping[str, bytes]) -> Finding:
    wrong = [
        f"{name} is not the file of the manifest"
        for name, digest in manifest["members"].items()
        if hashlib.sha256(content.get(name, b"")).hexdigest() != digest
    ]
    wrong += [
        f"{name} is not in the manifest" for name in content.keys() - {*manifest["members"], MANIFEST_MEMBER}
    ]
    return found("members", wrong, count(len(manifest["members"]), "file"))


def _check_chain(manifest: Mapping[str, Any], events: list[Event]) -> Finding:
    link = broken_link(events)
    if link is not None:
        return Finding("events", ok=False, detail=f"event {link} does not follow from the one before")
    ends = bool(events) and events[-1].hash == manifest["head"]
    return Finding("events", ends, f"{count(len(events), 'event')}, head {manifest['head']}")


def _digest_of(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # any binary stream will do


def _check_files(events: Iterable[Event], files: Sequence[tuple[str, str]]) -> Finding:
    """Compare the files of an archive, given by number and SHA-256, with what the events say was received."""
    every, digests = list(events), dict(files)
    erased = {event.data["person"] for event in every if event.kind is EventKind.ERASED}
    received = [event for event in every if event.kind is EventKind.RECEIVED]
    times = Counter(number for number, _ in files)
    wrong = [
        f"submission {number} is there {count(times[number], 'time')}"
        for number in times
        if times[number] > 1
    ]
    for event in received:
        digest = digests.get(str(event.submission))
        if digest is None and event.data["person"] not in erased:
            wrong.append(f"submission {event.submission} is missing")
        elif digest is not None and digest != event.data["sha256"]:
            wrong.append(f"submission {event.submission} is not the file that was received")
    return found("submissions", wrong, count(len(received), "file") + " as received")


def _check_verdicts(events: Iterable[Event], content: Mapping[str, bytes]) -> Finding:
    """Compare the verdicts of events that graded something with the results of the gradebooks."""
    every = list(events)
    digests = {event.submission: event.data["sha256"] for event in every if event.kind is EventKind.RECEIVED}
    results = {
        (name.removeprefix("results/").removesuffix(".jsonl"), row["student"], row["submission_sha256"], row["verdict"], row["points"])
        for name, lines in content.items()
        if name.startswith("results/")
        for row in map(json.loads, lines.splitlines())
    }  # fmt: skip
    scored = [event for event in every if event.kind is EventKind.VERDICT and event.data["repeats"]]
    wrong = [
        f"the verdict of submission {event.submission} is in no gradebook"
        for event in scored
        if (event.task, event.team, digests.get(event.submission), event.data["verdict"], event.data["points"]) not in results
    ]  # fmt: skip
    return found("verdicts", wrong, f"{count(len(scored), 'score')} as in the gradebooks")


def _check_ranking(rules: str, events: Iterable[Event], content: Mapping[str, bytes]) -> Finding:
    same = ranking_text(rules, events) == content.get(RANKING_MEMBER)
    return Finding("ranking", same, "as recomputed" if same else "another one follows from rules and events")
