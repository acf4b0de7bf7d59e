"""Take the notebooks out of a zip that nobody has checked, and out of zips in it: no path of it is ever used as a path of ours."""

from __future__ import annotations

import contextlib
import errno
import io
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.errors import GraderFault, StudentFault, Verdict
from grader.files import is_skipped
from grader.submissions.kinds import HEAD_BYTES, NOTEBOOK, Wanted, is_notebook

MAX_MEMBERS = 10_000
MAX_TOTAL_BYTES = 2 << 30
MAX_DEPTH = 3  # zips in zips: a platform's, a student's, and one that they packed once more
MAX_RATIO = 200
RATIO_FREE_BYTES = 100 << 20  # notebooks full of equal lines pack well; only what could fill a disk is a bomb

_MAX_DIRECTORY_BYTES = 8 << 20
_MAX_FOLDERS = 50  # above a file; the levels of a path are compared with those of all others
_MAX_PATH = 4096  # characters, as in Linux
_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075  # an extra field of Info-ZIP
_MAX_REASON = 200  # characters; a name that zipfile quotes may have 65,000
# zipfile unpacks the others without an end: 100 bytes of bzip2 are 45 MB at once, whatever size the entry states.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    OverflowError,  # an offset of 64 bits
    RuntimeError,
    NotImplementedError,
    ValueError,
)

_OURS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EMFILE,
    errno.ENFILE,
    errno.EACCES,
    errno.EROFS,
    errno.EIO,
}


@dataclass(frozen=True)
class Member:
    """A file of an archive: `name` as in there, and the file it was copied to or the reason against it.

    `notebook` is False where it is something else. `unclear` says that the code page of its name can only be guessed.
    """

    name: str
    file: Path | None
    fault: StudentFault | None
    notebook: bool = True
    unclear: bool = False


def holds_members(archive: Path, wanted: Wanted) -> bool:
    """Return whether a zip is itself what students hand in: it holds a file of the task's names.

    One with such files in several folders, or with zips in it, is that of a class, in which somebody forgot to pack theirs.
    """
    try:
        with _BoundedFile(archive) as file, zipfile.ZipFile(file) as opened:
            paths = [PurePosixPath(info.filename.replace("\\", "/")) for info in _contents(opened)]
    except StudentFault:
        return False
    except _DAMAGED as error:
        _raise_if_ours(error)
        return False
    folders = {path.parent for path in paths if path.name in wanted.members}
    return len(folders) == 1 and not any(path.suffix.lower() == ".zip" for path in paths)


def unpack(archive: Path, folder: Path, wanted: Wanted = NOTEBOOK) -> list[Member]:
    """Copy the `wanted` files, notebooks for one, of `archive` to numbered files in the new `folder`; return all its files in order of name.

    A file is a notebook by its name, or by its bytes; zips in the archive are opened, too, within one set of limits.
    Raises StudentFault (`invalid_notebook`) where the whole archive is refused. A single bad member is returned
    with its fault, and costs the others nothing.
    """
    folder.mkdir(parents=True)
    return sorted(_Unpacking(folder, wanted).members(archive, "", 1), key=lambda member: member.name)


def read_member(archive: Path, name: str, max_bytes: int) -> bytes | None:
    """Return the first bytes of the one member `name`, or None where there is none, or several, or it is damaged.

    One byte more than `max_bytes` is returned where there are as many. None, too, where `unpack` would refuse the archive.
    """
    try:
        with _BoundedFile(archive) as file, zipfile.ZipFile(file) as opened:
            infos = _contents(opened)
            _refuse_bomb(infos, archive.stat().st_size)
            members = [info for info in infos if info.filename.replace("\\", "/") == name]
            if len(members) != 1 or members[0].flag_bits & 1 or members[0].compress_type not in _METHODS:
                return None
            with opened.open(members[0]) as packed:
                return packed.read(max_bytes + 1)
    except StudentFault:
        return None
    except _DAMAGED as error:
        _raise_if_ours(error)
        return None


class _BoundedFile(io.FileIO):
    """A file that refuses huge reads: zipfile reads a whole table of contents at once, however long it says it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MAX_DIRECTORY_BYTES:
            raise _refused(f"The archive lists more than {MAX_MEMBERS} files. Unpack it and give the folder.")
        return super().read(_MAX_DIRECTORY_BYTES if size is None or size < 0 else size)


class _Unpacking:
    """Unpacks an archive and those in it, and counts what they hold together."""

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._folder, self._wanted = folder, wanted
        self._copied = 0  # files
        self._listed = 0  # files, in all tables of contents
        self._bytes = 0

    def members(self, archive: Path, prefix: str, depth: int) -> list[Member]:
        """Return the files of an archive, `prefix` before their names. Raises StudentFault where it is refused."""
        try:
            with _BoundedFile(archive) as file, zipfile.ZipFile(file) as opened:
                infos = _contents(opened)
                self._refuse_excess(infos, archive.stat().st_size)
                return [
                    member
                    for info in infos
                    if not info.filename.endswith("/")  # is_dir() fails on an empty name
                    and not is_skipped(PurePosixPath(info.filename.replace("\\", "/")).parts)
                    for member in self._of(opened, info, prefix, depth)
                ]
        except _DAMAGED as error:
            _raise_if_ours(error)
            raise _refused(f"The archive cannot be read as a zip: {_reason(error)}.") from error

    def _refuse_excess(self, infos: list[zipfile.ZipInfo], size: int) -> None:
        self._listed += len(infos)
        if self._listed > MAX_MEMBERS:
            raise _refused(f"The archive lists more than {MAX_MEMBERS} files. Unpack it and give the folder.")
        _refuse_bomb(infos, size)
        if any(_is_endless(info.filename) for info in infos):
            raise _refused(
                f"The archive has a path of more than {_MAX_FOLDERS} folders or {_MAX_PATH} characters."
            )
        self._bytes += sum(info.file_size for info in infos if _ending(info) in {self._wanted.ending, ".zip"})
        if self._bytes > MAX_TOTAL_BYTES:
            raise _refused(
                f"The {self._wanted.plural} of the archive have {self._bytes >> 20} MB. Unpack it and give the folder."
            )

    def _of(self, opened: zipfile.ZipFile, info: zipfile.ZipInfo, prefix: str, depth: int) -> list[Member]:
        """Return what one entry is: a notebook, the files of a zip, or something else."""
        name, unclear = prefix + info.filename, not _is_clear(info)
        ending, wanted = _ending(info), self._wanted
        is_wanted = ending == wanted.ending and ending != ".zip"
        try:
            _check(
                info, MAX_TOTAL_BYTES if ending == ".zip" else wanted.max_bytes if is_wanted else None, wanted
            )
            if is_wanted:
                return [Member(name, self._copy(opened, info), None, unclear=unclear)]
            if ending == ".zip" and depth < MAX_DEPTH:
                return self._nested(opened, info, name, depth) or [self._other(name, b"", unclear=unclear)]
            with opened.open(info) as packed:
                head = packed.read(HEAD_BYTES)
            if wanted.may_be(head) and info.file_size <= wanted.max_bytes:
                file = self._copy(opened, info)
                if is_notebook(file.read_bytes()):
                    return [Member(name, file, None, unclear=unclear)]
            return [self._other(name, head, unclear=unclear)]
        except StudentFault as fault:
            return [Member(name, None, wanted.fault(fault.message), notebook=is_wanted, unclear=unclear)]
        except _DAMAGED as error:
            _raise_if_ours(error)
            damage = wanted.fault(f"This file of the archive is damaged: {_reason(error)}.")
            return [Member(name, None, damage, notebook=is_wanted, unclear=unclear)]

    def _other(self, name: str, head: bytes, *, unclear: bool) -> Member:
        return Member(name, None, self._wanted.refuse(name, head), notebook=False, unclear=unclear)

    def _nested(self, opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, depth: int) -> list[Member]:
        file = self._copy(opened, info)
        if holds_members(file, self._wanted):
            return [Member(name, file, None)]
        try:
            return self.members(file, f"{name}/", depth + 1)
        finally:
            file.unlink()

    def _copy(self, opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Path:
        self._copied += 1
        target = self._folder / f"{self._copied}{self._wanted.ending}"
        with opened.open(info) as packed, target.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)  # at most the size the entry states, which was checked
        return target


def _refuse_bomb(infos: list[zipfile.ZipInfo], size: int) -> None:
    """Raise StudentFault where an archive of `size` bytes says that it holds far more than such archives do."""
    everything = sum(info.file_size for info in infos)
    if everything > RATIO_FREE_BYTES and everything > MAX_RATIO * size:
        raise _refused(
            f"The archive is a zip bomb: {everything >> 20} MB packed into {size / (1 << 20):.1f} MB."
        )


def _is_endless(path: str) -> bool:
    return len(path) > _MAX_PATH or path.replace("\\", "/").count("/") > _MAX_FOLDERS


def _ending(info: zipfile.ZipInfo) -> str:
    return PurePosixPath(info.filename.replace("\\", "/")).suffix.lower()


def _contents(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the table of contents, each name as its packer meant it.

    zipfile reads a name without the flag for UTF-8 as code page 437. Macs and many libraries write UTF-8 without the
    flag, and Info-ZIP puts the name in UTF-8 into an extra field; valid UTF-8 is hardly ever meant as something else.
    """
    infos = opened.infolist()
    for info in infos:
        info.filename = unicodedata.normalize("NFC", _utf8_name(info) or info.filename)
    return infos


def _utf8_name(info: zipfile.ZipInfo) -> str:
    """Return a name that is UTF-8, though nothing says so; else ""."""
    if info.flag_bits & _UTF8_FLAG:
        return ""
    raw = info.orig_filename.encode("cp437")
    for name in (_unicode_path(info.extra, raw), raw):
        with contextlib.suppress(UnicodeDecodeError):
            if decoded := name.decode("utf-8").partition("\0")[0]:
                return decoded
    return ""


def _unicode_path(extra: bytes, raw: bytes) -> bytes:
    """Return the name in Info-ZIP's extra field 0x7075, if it belongs to the name `raw`; see its appnote, 4.6.9."""
    while len(extra) >= 4:
        tag, size = struct.unpack("<HH", extra[:4])
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        if tag == _UNICODE_PATH and len(body) > 5 and body[0] == 1:
            (checksum,) = struct.unpack("<I", body[1:5])
            if checksum == zlib.crc32(raw):
                return body[5:]
    return b""


def _is_clear(info: zipfile.ZipInfo) -> bool:
    """Return whether a name means the same in every code page, or its encoding is known."""
    return bool(info.flag_bits & _UTF8_FLAG) or info.orig_filename.isascii() or bool(_utf8_name(info))


def _raise_if_ours(error: Exception) -> None:
    """Raise GraderFault where this machine failed and not the archive: a full disk is nobody's zero."""
    if isinstance(error, OSError) and error.errno in _OURS:
        raise GraderFault(f"an archive cannot be unpacked: {error.strerror}") from error


def _check(info: zipfile.ZipInfo, most_bytes: int | None, wanted: Wanted) -> None:
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0]:
        raise _refused("The path of this file climbs out of the archive.")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        raise _refused("This entry of the archive is a symbolic link or a device; hand in the file itself.")
    if info.flag_bits & 1:
        raise _refused("This file of the archive is encrypted; hand it in without a password.")
    if info.compress_type not in _METHODS:
        raise _refused(
            "This file of the archive is packed by an unusual method; pack it as a plain zip, or hand in the file itself."
        )
    if most_bytes is not None and info.file_size > most_bytes:
        raise wanted.too_large(info.file_size)


def _reason(error: BaseException) -> str:
    return str(error).split("\n", 1)[0][:_MAX_REASON].rstrip(".") or type(error).__name__


def _refused(message: str) -> StudentFault:
    return StudentFault(Verdict.INVALID_NOTEBOOK, message)
