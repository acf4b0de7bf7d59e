"""Take the notebooks out of a zip that nobody has checked: no path of it is ever used as a path of ours."""

from __future__ import annotations

import errno
import io
import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.errors import GraderFault, StudentFault, Verdict
from grader.notebooks.reading import MAX_BYTES, too_large

MAX_MEMBERS = 10_000
MAX_TOTAL_BYTES = 2 << 30
MAX_RATIO = 200
RATIO_FREE_BYTES = 100 << 20  # notebooks full of equal lines pack well; only what could fill a disk is a bomb

_MAX_DIRECTORY_BYTES = 8 << 20
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
    """A notebook of an archive: `name` as in there, and the file it was copied to or the reason against it."""

    name: str
    file: Path | None
    fault: StudentFault | None


def is_skipped(parts: tuple[str, ...]) -> bool:
    """Return whether a path is an editor's or a system's own: hidden, a checkpoint, a resource fork."""
    return any((part.startswith(".") and part not in {".", ".."}) or part == "__MACOSX" for part in parts)


def unpack(archive: Path, folder: Path) -> list[Member]:
    """Copy the notebooks of `archive` to numbered files in the new `folder`; return them in order of name.

    Raises StudentFault (`invalid_notebook`) where the whole archive is refused. A single bad member is returned
    with its fault, and costs the others nothing.
    """
    folder.mkdir(parents=True)
    try:
        with _BoundedFile(archive) as file, zipfile.ZipFile(file) as opened:
            members = _notebooks(opened)
            _refuse_bomb(opened, members, archive.stat().st_size)
            return [
                _copy(opened, member, folder / f"{number}.ipynb") for number, member in enumerate(members)
            ]
    except _DAMAGED as error:
        _raise_if_ours(error)
        raise _refused(f"The archive cannot be read as a zip: {_reason(error)}.") from error


def read_member(archive: Path, name: str, max_bytes: int) -> bytes | None:
    """Return the bytes of the one member `name`, or None where there is none, or several, or it is damaged or larger."""
    try:
        with _BoundedFile(archive) as file, zipfile.ZipFile(file) as opened:
            members = [info for info in opened.infolist() if info.filename.replace("\\", "/") == name]
            if len(members) != 1 or members[0].file_size > max_bytes or members[0].flag_bits & 1:
                return None
            if members[0].compress_type not in _METHODS:
                return None
            unpacked = io.BytesIO()
            with opened.open(members[0]) as packed:
                shutil.copyfileobj(packed, unpacked)  # piece by piece: read() unpacks all before it counts
            return unpacked.getvalue()
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


def _notebooks(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    infos = opened.infolist()
    if len(infos) > MAX_MEMBERS:
        raise _refused(f"The archive lists more than {MAX_MEMBERS} files. Unpack it and give the folder.")
    wanted = [
        info
        for info in infos
        if info.filename.lower().endswith(".ipynb")
        and not is_skipped(PurePosixPath(info.filename.replace("\\", "/")).parts)
    ]
    if not wanted:
        raise _refused("The archive contains no notebook.")
    return sorted(wanted, key=lambda info: info.filename)


def _refuse_bomb(opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], size: int) -> None:
    total = sum(member.file_size for member in members)
    everything = sum(member.file_size for member in opened.infolist())
    if everything > RATIO_FREE_BYTES and everything > MAX_RATIO * size:
        raise _refused(
            f"The archive is a zip bomb: {everything >> 20} MB packed into {size / (1 << 20):.1f} MB."
        )
    if total > MAX_TOTAL_BYTES:
        raise _refused(f"The notebooks of the archive have {total >> 20} MB. Unpack it and give the folder.")


def _copy(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> Member:
    try:
        _check(info)
        with opened.open(info) as packed, target.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)  # at most the size the entry states, which was checked
    except StudentFault as fault:
        return Member(info.filename, None, fault)
    except _DAMAGED as error:
        _raise_if_ours(error)
        return Member(
            info.filename, None, _refused(f"This file of the archive is damaged: {_reason(error)}.")
        )
    return Member(info.filename, target, None)


def _raise_if_ours(error: Exception) -> None:
    """Raise GraderFault where this machine failed and not the archive: a full disk is nobody's zero."""
    if isinstance(error, OSError) and error.errno in _OURS:
        raise GraderFault(f"an archive cannot be unpacked: {error.strerror}") from error


def _check(info: zipfile.ZipInfo) -> None:
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
    if info.file_size > MAX_BYTES:
        raise too_large(info.file_size)


def _reason(error: BaseException) -> str:
    return str(error).split("\n", 1)[0][:_MAX_REASON].rstrip(".") or type(error).__name__


def _refused(message: str) -> StudentFault:
    return StudentFault(Verdict.INVALID_NOTEBOOK, message)
