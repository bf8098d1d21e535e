"""The grammar of the logs, on which all of ours that read them agree. doc/format.md says it in words: "The grammar"."""

from __future__ import annotations

import calendar
import functools
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Optional

LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
UNKNOWN = ""  # the level of a line that is no record

_STAMP = r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"
_RECORD = re.compile(rf"{_STAMP}\.(\d{{3}})([+-]\d\d:\d\d)? \[(\d+)\] \[({'|'.join(LEVELS)})\] ")
_FRONTEND = re.compile(rf"\[{_STAMP}\.(\d{{3}})\] \[(\w+)\]( \([^)]*\))? *")
# Before what faulthandler writes; but Windows tells it of an exception first, and the library only if nobody handles it.
_CRASH_FILE = re.compile(rf"^{_STAMP}(?:\.\d+)?([+-]\d\d:\d\d)? \[(\d+)\] (\[CRITICAL\])?.*$", re.MULTILINE)
_WINDOWS_EXCEPTION = "\nWindows fatal exception: "

# electron-log's
_FRONTEND_LEVELS = {
    "error": "ERROR", "warn": "WARNING", "info": "INFO", "log": "INFO", "verbose": "DEBUG", "debug": "DEBUG",
    "silly": "TRACE",
}  # fmt: skip

# The records with which the library marks a session. How a record of ours is told from a message that says the same is
# decided here and nowhere else.
_OFFSET = r"[+-]\d\d:\d\d"
_BEGIN = re.compile(r"Logger initialized for (?:a forked process|\w+ process)")
_ORIGIN = re.compile(rf"(Continues an older file\. )?Role: (.*), UTC offset: ({_OFFSET})\Z")
_END = re.compile(r"Logger closed for \w+ process\Z")
_LEFT_OPEN = re.compile(r"The previous session of this log ended without a closing record")
_OFFSET_CHANGE = re.compile(rf"Local time is UTC({_OFFSET}) from now on, it was UTC({_OFFSET})\Z")
_CRASHED = re.compile(r"Crashed: (.*)")

# What `describe_exit` says, in a record of whoever waited for the process.
_SIGNAL = r"signal \d+|SIG\w+(?:\+\d+)? \(\d+\)(?:, as the OOM killer does)?"
_EXIT = re.compile(rf"killed by (?:{_SIGNAL})|exit code (?:0x[0-9a-f]+(?: \([^)]*\))?|-?\d+)")

# How all of them begin: to pass other records over at little cost. A message of the program that begins so gets its
# first letter escaped (src/record/escaping.hpp has the same list).
_BEGINNINGS = (
    "Logger initialized for ", "Logger closed for ", "Role: ", "Continues an older file. ",
    "The previous session of this log ", "Local time is UTC", "Crashed: ",
)  # fmt: skip


class Record(NamedTuple):
    """One record, and where it stood."""

    raw: str  # as it stood, without the last line feed
    local_time: Optional[int]  # milliseconds since 1970 as the writer's clock on the wall showed them
    offset: Optional[int]  # minutes that local time is ahead of UTC, if the record itself says so
    pid: int  # 0: it does not say
    level: str
    start: int  # where the message begins in raw
    line: int  # of the file, counted from 1
    source: Any = None  # the file, as whoever parses it calls it

    @property
    def message(self) -> str:
        """What was logged: without the tabs before further lines."""
        return self.raw[self.start :].replace("\n\t", "\n")


class Mark(NamedTuple):
    """What a record says about its session."""

    kind: str  # begin, origin, end, left open, offset, crashed
    text: str = ""  # crashed: how; origin: what it says about the process
    offset: Optional[int] = None  # minutes
    before: Optional[int] = None  # offset: the one until then
    is_continued: bool = False  # origin: of a rotated file


@functools.lru_cache(maxsize=4096)
def milliseconds(stamp: str) -> Optional[int]:
    """Of "2025-10-19 05:52:25", since 1970 on the same clock. None: there is no such time."""
    try:
        return calendar.timegm(time.strptime(stamp, "%Y-%m-%d %H:%M:%S")) * 1000
    except (ValueError, OverflowError):
        return None


@functools.lru_cache(maxsize=64)
def minutes(offset: str) -> int:
    """Of "+05:30"."""
    count = int(offset[1:3]) * 60 + int(offset[4:6])
    return -count if offset[0] == "-" else count


def offset_text(count: int) -> str:
    """Of minutes: "+05:30"."""
    return f"{'-' if count < 0 else '+'}{abs(count) // 60:02}:{abs(count) % 60:02}"


def parse(text: str, source: Any = None) -> Iterator[Record]:
    """The records of a log of ours. A line that is none, and belongs to none, is a record without level and time.

    source: what the records are to say of it.
    """
    return _parse(text, source, _ours, "\t")


def parse_frontend(text: str, source: Any = None) -> Iterator[Record]:
    """The records of electron-log. All that is no record belongs to the one before."""
    return _parse(text, source, _frontends, "")


_Fields = tuple[Optional[int], Optional[int], int, str, int]  # of a Record from local_time to start
_NOTHING: _Fields = (None, None, 0, UNKNOWN, 0)


def _parse(text: str, source: Any, head: Callable[[str], Optional[_Fields]], indent: str) -> Iterator[Record]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    current: list[str] = []
    found: _Fields = _NOTHING
    began = 1
    for number, each in enumerate(lines, 1):
        if current and each.startswith(indent) and (indent or head(each) is None):
            current.append(each)
            continue
        if current:
            yield Record("\n".join(current) if len(current) > 1 else current[0], *found, began, source)
        found = head(each) or _NOTHING
        current = [each]
        began = number
    if current:
        yield Record("\n".join(current) if len(current) > 1 else current[0], *found, began, source)


def _ours(line: str) -> Optional[_Fields]:
    found = _RECORD.match(line)
    if found is None:
        return None
    stamp, fraction, offset, pid, level = found.groups()
    time_ = milliseconds(stamp)
    if time_ is None:
        return None
    return time_ + int(fraction), minutes(offset) if offset else None, int(pid), level, found.end()


def _frontends(line: str) -> Optional[_Fields]:
    found = _FRONTEND.match(line)
    level = _FRONTEND_LEVELS.get(found[3]) if found else None
    time_ = milliseconds(found[1]) if found else None
    if found is None or level is None or time_ is None:
        return None
    start = found.start(4) + 1 if found[4] else found.end()  # a scope is part of the message
    return time_ + int(found[2]), None, 0, level, start


def parse_crash_file(text: str, source: Any = None) -> Iterator[Record]:
    """What faulthandler wrote of each process that crashed, with the time and process that a line of the library tells."""
    text = "\n" + text
    found = None
    after = 0
    for following in [*_CRASH_FILE.finditer(text), None]:
        end = following.start() if following else len(text)
        is_windows = following is not None and following[4] is not None
        before = text.rfind(_WINDOWS_EXCEPTION, after, end) if is_windows else -1
        cut = end if before < 0 else before
        for begin, crash, teller in (after, text[after:cut], found), (cut, text[cut:end], following):
            crash = crash.strip("\n")
            if crash:
                number = text.count("\n", 0, text.index(crash, begin))
                time_ = milliseconds(teller[1]) if teller else None
                offset = minutes(teller[2]) if teller and teller[2] else None
                yield Record(crash, time_, offset, int(teller[3]) if teller else 0, "CRITICAL", 0, number, source)
        if following:
            found, after = following, following.end()


def mark(record: Record) -> Optional[Mark]:
    """None: the record says nothing about its session."""
    raw, start = record.raw, record.start
    if not raw.startswith(_BEGINNINGS, start):
        return None
    if record.level == "CRITICAL":
        found = _CRASHED.match(raw, start)
        return Mark("crashed", found[1]) if found else None
    if record.level != "INFO":
        return None
    if _BEGIN.match(raw, start):
        return Mark("begin")
    found = _ORIGIN.match(raw, start)
    if found:
        return Mark("origin", found[2], minutes(found[3]), is_continued=found[1] is not None)
    if _END.match(raw, start):
        return Mark("end")
    if _LEFT_OPEN.match(raw, start):
        return Mark("left open")
    found = _OFFSET_CHANGE.match(raw, start)
    if found:
        return Mark("offset", "", minutes(found[1]), minutes(found[2]))
    return None


def end_of_another(record: Record) -> Optional[tuple[set[int], str]]:
    """How a process ended that is named by one of these numbers. None: the record says nothing of that kind."""
    if "killed by " not in record.raw and "exit code " not in record.raw:
        return None
    found = _EXIT.search(record.raw, record.start)
    if found is None:
        return None
    numbers = re.findall(r"\b\d+\b", record.raw[record.start : found.start()])
    return {int(each) for each in numbers if len(each) < 20}, found[0]


def origin_fields(text: str) -> dict[str, str]:
    """Of the record that says where a file comes from: "process", "started", "application", "system" ..."""
    return dict(re.findall(r"(process|started|application|chaiNNer logger|system): (.*?)(?=, [a-zA-Z ]+: |\Z)", text))


def record_at(text: str, at: int) -> Optional[Record]:
    """Of which the first line is the one at this place."""
    end = text.find("\n", at)
    return next(parse(text[text.rfind("\n", 0, at) + 1 : end if end >= 0 else len(text)]), None)
