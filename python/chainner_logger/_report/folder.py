"""Which files of a folder are logs, in which order they were written, and how to read them while they are written."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
import time
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

# In the order in which records of the same millisecond are shown: the last record of a worker comes before what the
# host says about it.
ROLES = ("worker", "host", "renderer", "main")
_OURS = re.compile(r"(?P<log>(?P<role>worker|host)(?:-(?P<instance>\d+))?)(?:\.(?P<number>\d+))?\.log")
_CRASH = re.compile(r"(?P<log>(?P<role>worker|host)(?:-(?P<instance>\d+))?)\.crash\.txt")
_FRONTEND = re.compile(r"(?P<log>(?P<role>main|renderer))(?:\.old\.log|\.log\.old|\.old|\.log)")

_PATIENCE = 2.0  # seconds, for a folder in which files are renamed faster than it can be listed
_WRITE = 0.02  # seconds; so long after a part of a record all of it is there

_MOST_UNPACKED = 1 << 30  # bytes of a log in a report

_IS_LINK = "a link, which is not followed"
_PACKED = (b"PK\3\4", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")

Identity = tuple[int, int]


@dataclass(frozen=True)
class LogName:
    """What the name of a file says."""

    name: str
    kind: str  # record, crash, frontend
    log: str  # worker, worker-2, main ...: all files with the same went through one writer
    role: str
    age: int  # 0: the live file, else the number of the rotated one

    @property
    def order(self) -> tuple[int, int, bool, int]:
        """Oldest first within a log; what Python says about a crash comes after the log."""
        instance = int(self.log.partition("-")[2] or 1)
        return ROLES.index(self.role), instance, self.kind == "crash", -self.age


def log_name(name: str) -> Optional[LogName]:
    """None: no log of ours or of the frontend."""
    found = _OURS.fullmatch(name)
    if found:
        return LogName(name, "record", found["log"], found["role"], int(found["number"] or 0))
    found = _CRASH.fullmatch(name)
    if found:
        return LogName(name, "crash", found["log"], found["role"], 0)
    found = _FRONTEND.fullmatch(name)
    if found:
        return LogName(name, "frontend", found["log"], found["role"], int("old" in name))
    return None


@dataclass
class LogFile:
    """An open file. Its content stays readable whatever becomes of its name."""

    name: LogName
    descriptor: int
    identity: Identity

    def read(self, begin: int, most: int = sys.maxsize) -> bytes:
        """All that is there from `begin` on, or so many bytes of it."""
        pieces: list[bytes] = []
        os.lseek(self.descriptor, begin, os.SEEK_SET)
        while True:
            piece = os.read(self.descriptor, min(1 << 22, most))
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            most -= len(piece)

    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def changed(self) -> float:
        """Seconds since 1970."""
        return os.fstat(self.descriptor).st_mtime

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


@dataclass
class Snapshot:
    """All logs of a folder at a time, open, and what could not be opened."""

    folder: Path
    files: list[LogFile] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)  # by the file's name
    is_report: bool = False  # nothing is written to it any more

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.files:
            file.close()


def snapshot(folder: Path, may_be_missing: bool = False) -> Snapshot:
    """Opens each log of the folder once, also while they are rotated. A report is a folder, too.

    may_be_missing: as if the folder were empty.
    OSError: there is no such folder, or it may not be read.
    """
    taken = Snapshot(folder)
    if may_be_missing and not os.path.lexists(folder):
        return taken
    if folder.is_file():
        taken.is_report = True
        _unpack(taken)
        return taken
    if os.path.isfile(folder / "summary.txt") and os.path.isdir(folder / "logs"):
        taken.is_report = True
        folder = folder / "logs"  # of a report that somebody has unpacked
    known: dict[Identity, LogFile] = {}
    deadline = time.monotonic() + _PATIENCE
    names = listing(folder)
    while True:
        # The oldest first: it is the next to be deleted.
        for name, identity in sorted(names.items(), key=lambda item: item[0].order):
            if identity in known or name.name in taken.problems:
                continue
            try:
                file = open_log(folder / name.name, name)
            except FileNotFoundError:
                continue  # renamed or deleted meanwhile: the next listing tells
            except OSError as error:
                taken.problems[name.name] = error.strerror or str(error)
                continue
            if file.identity in known:
                file.close()
            else:
                known[file.identity] = file
        before, names = names, listing(folder)
        is_complete = all(each in known or name.name in taken.problems for name, each in names.items())
        if (names == before and is_complete) or time.monotonic() > deadline:
            break
    _name(known, names)
    taken.files = sorted(known.values(), key=lambda file: file.name.order)
    return taken


def _unpack(taken: Snapshot) -> None:
    """Opens the logs of a report, or of any zip."""
    try:
        archive = zipfile.ZipFile(taken.folder)
    except zipfile.BadZipFile:
        raise NotADirectoryError(errno.ENOTDIR, "neither a folder nor a report", str(taken.folder)) from None
    with archive:
        for number, member in enumerate(archive.infolist()):
            name = log_name(member.filename.replace("\\", "/").rpartition("/")[2])
            if name is None:
                continue
            try:
                if member.file_size > _MOST_UNPACKED:
                    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
                if member.flag_bits & 1:
                    raise OSError(errno.EACCES, "it needs a password")
                with archive.open(member) as packed, tempfile.TemporaryFile() as file:
                    shutil.copyfileobj(packed, file)
                    file.flush()
                    taken.files.append(_as_text(LogFile(name, os.dup(file.fileno()), (0, number))))
            except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
                taken.problems[name.name] = getattr(error, "strerror", None) or str(error)
    taken.files.sort(key=lambda file: file.name.order)


def listing(folder: Path) -> dict[LogName, Identity]:
    found = {}
    for name in os.listdir(folder):
        known = log_name(name)
        if known:
            try:
                status = os.stat(folder / name, follow_symlinks=False)
            except OSError:
                continue
            found[known] = status.st_dev, status.st_ino
    return found


def _name(known: dict[Identity, LogFile], names: dict[LogName, Identity]) -> None:
    """Gives each file the name that it has now, and those that were deleted meanwhile the ones that would come next."""
    now = {identity: name for name, identity in names.items()}
    gone = sorted((file for each, file in known.items() if each not in now), key=lambda file: file.name.age)
    for identity, file in known.items():
        file.name = now.get(identity, file.name)
    for file in gone:
        ages = [each.name.age for each in known.values() if each is not file and each.name.log == file.name.log]
        if file.name.age in ages and file.name.kind == "record":
            name = log_name(f"{file.name.log}.{max(ages) + 1}.log")
            assert name is not None
            file.name = name


def open_log(path: Path, name: LogName) -> LogFile:
    """Never through a link, and nothing but a file: a folder may be prepared by somebody else."""
    if sys.platform == "win32":
        if path.is_symlink():
            raise OSError(errno.ELOOP, _IS_LINK, str(path))
        descriptor = _open_shared(path)
    else:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if path.is_symlink():
                raise OSError(error.errno, _IS_LINK, str(path)) from None
            raise
    status = os.fstat(descriptor)
    file = LogFile(name, descriptor, (status.st_dev, status.st_ino))
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise OSError(0, "not a regular file", str(path))
    return _as_text(file)


def _as_text(file: LogFile) -> LogFile:
    """What has the name of a log may be an archive of logs."""
    if file.read(0, 6).startswith(_PACKED):
        file.close()
        raise OSError(0, "it is packed, and no text", file.name.name)
    return file


def _open_shared(path: Path) -> int:
    """As Python's own, but the file can be renamed and deleted meanwhile, as a rotation does."""
    assert sys.platform == "win32"
    import ctypes
    import msvcrt
    from ctypes import wintypes

    create_file = ctypes.WinDLL("kernel32", use_last_error=True).CreateFileW
    create_file.restype = wintypes.HANDLE
    create_file.argtypes = [
        wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID, wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE
    ]  # fmt: skip
    generic_read, share_all, open_existing, open_reparse_point = 0x80000000, 7, 3, 0x00200000
    handle = create_file(str(path), generic_read, share_all, None, open_existing, open_reparse_point, None)
    if handle == wintypes.HANDLE(-1).value:
        raise ctypes.WinError(ctypes.get_last_error())
    return msvcrt.open_osfhandle(handle, os.O_RDONLY | getattr(os, "O_BINARY", 0))


def content(file: LogFile, most: int) -> tuple[bytes, int]:
    """The file's last records, at most about `most` bytes, and how many bytes before them were left out. A record that
    is being written is there whole or not at all."""
    begin = max(0, file.size() - most)
    data = file.read(begin)
    before = len(data)
    for _ in range(50 if file.name.age == 0 else 0):
        time.sleep(_WRITE)
        more = file.read(begin + len(data))
        if not more:
            break
        data += more
        end = _first_record(data, before)
        if end >= 0:
            data = data[:end]
            break
    if begin:
        cut = max(0, _first_record(data, 1))
        data, begin = data[cut:], begin + cut
    return data, begin


def _first_record(data: bytes, begin: int) -> int:
    """Where the first record at or behind `begin` begins; -1: there is none."""
    if data[begin - 1 : begin] != b"\n":
        begin = data.find(b"\n", begin) + 1
    while 0 < begin < len(data):
        if data[begin : begin + 1] != b"\t":
            return begin
        begin = data.find(b"\n", begin) + 1
    return -1


def last_time(data: bytes) -> bytes:
    """The stamp of the last record, to be compared with others; empty: there is none."""
    found = b""
    for match in re.finditer(rb"^\[?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", data[-65536:], re.MULTILINE):
        found = match[1]
    return found
