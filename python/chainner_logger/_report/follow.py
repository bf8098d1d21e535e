"""Follows the logs of a folder: also across rotations, and when further processes begin theirs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from . import folder as folders
from .folder import Identity, LogFile, LogName
from .story import Log, Story, legible
from .zones import Zones

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25  # seconds

_MEMORY = 256  # bytes, by which a file that was emptied and has grown again is told from one that has grown
_OLDER_THAN_ALL = 1_000_000


class _Followed:
    """A file, and what of it has not been told."""

    def __init__(self, file: LogFile, position: int) -> None:
        self.file = file
        self.position = position
        self.rest = b""  # a record that may go on
        self.missed = 0  # so many looks in a row found no name for it; one does if files are renamed meanwhile
        self._seen = self._just_before()

    def _just_before(self) -> bytes:
        """What stands before the position."""
        begin = max(0, self.position - _MEMORY)
        return self.file.read(begin, self.position - begin)

    def read(self) -> bytes:
        """What is new, in whole records. The last one is held back until nothing more has come, or another record has:
        it may have further lines. Nothing more comes to a file that has been renamed, and the next one goes on at once."""
        before = b""
        size = self.file.size()
        if size < self.position or (size > self.position and self._just_before() != self._seen):
            before, self.rest = self.rest, b""  # somebody has emptied it
            before += b"" if before.endswith(b"\n") or not before else b"\n"
            self.position = 0
        new = self.file.read(self.position)
        if new:
            self.position += len(new)
            self._seen = self._just_before()
        data = self.rest + new
        if self.file.name.age > 0 or (not new and data.endswith(b"\n")):
            cut = len(data)
        else:
            cut = _last_record(data) if new else 0
        self.rest = data[cut:]
        return before + data[:cut]


def _last_record(data: bytes) -> int:
    """Where the last record begins."""
    end = len(data)
    while True:
        end = data.rfind(b"\n", 0, end)
        if end < 0:
            return 0
        if end + 1 < len(data) and data[end + 1 : end + 2] != b"\t":
            return end + 1


def follow(
    folder: Path,
    started: folders.Snapshot,
    positions: dict[Identity, int],
    zones: Zones,
    say: Callable[[str], None],
) -> Iterator[Story]:
    """What is written from `positions` in the files of `started` on, in portions, for ever.

    zones: what is known of them until now; grows.

    say: is told when records may be missing, as files were deleted before they could be opened.
    """
    followed = {file.identity: _Followed(file, positions[file.identity]) for file in started.files}
    pause = _SHORTEST_PAUSE
    while True:
        _find_new(folder, followed, say)
        portions: dict[LogName, bytes] = {}
        for identity, each in sorted(followed.items(), key=lambda item: item[1].file.name.order):
            data = each.read()
            if data:
                portions[each.file.name] = portions.get(each.file.name, b"") + data
            elif each.missed > 1 and not each.rest:
                each.file.close()
                del followed[identity]
        if portions:
            yield Story([Log(name, legible(data)) for name, data in portions.items()], zones)
            pause = _SHORTEST_PAUSE
        else:
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)


def _find_new(folder: Path, followed: dict[Identity, _Followed], say: Callable[[str], None]) -> None:
    try:
        names = folders.listing(folder)
    except OSError:
        return  # the folder is gone; it may come back
    known_logs = {each.file.name.log for each in followed.values() if each.file.name.kind == "record"}
    now = {identity: name for name, identity in names.items()}
    for each in followed.values():
        each.missed = 0 if each.file.identity in now else each.missed + 1
        # What has no name any more is older than all that has one.
        each.file.name = now.get(each.file.identity) or dataclasses.replace(each.file.name, age=_OLDER_THAN_ALL)
    new: dict[str, list[LogName]] = {}
    for name, identity in sorted(names.items(), key=lambda item: item[0].order):
        if identity in followed:
            continue
        try:
            file = folders.open_log(folder / name.name, name)
        except OSError:
            continue  # rotated meanwhile: the next look finds it under its next name
        if file.identity in followed:
            file.close()
            continue
        followed[file.identity] = _Followed(file, 0)
        new.setdefault(name.log, []).append(name)
    for log in new:
        seen = [each for each in followed.values() if each.file.name.log == log and each.position > 0]
        if log in known_logs and seen and all(each.missed for each in seen):
            say(f"{log}: rotated faster than it could be followed; records may be missing here")
