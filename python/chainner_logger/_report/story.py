"""All logs of a folder as one story: merged by time, with the sessions of which they tell."""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple, Optional

from . import grammar
from .folder import LogName, readable
from .grammar import Record, Zones


class Log(NamedTuple):
    """A file of the story."""

    name: LogName
    text: str


class Entry(NamedTuple):
    place: int  # in the story: milliseconds since 1970 in UTC, never less than of what stands before it in its log
    time: int  # its own; the place, if it has none
    record: Record
    name: LogName
    added: int = 0  # lines of the record that stand in another file


def legible(data: bytes) -> str:
    """What is not UTF-8 as escapes, and the lines of Windows as all others."""
    return readable(data).decode("utf-8", "backslashreplace").replace("\r\n", "\n")


class Story:
    def __init__(self, logs: Iterable[Log], zones: Optional[Zones] = None) -> None:
        """zones: what is known of them already; grows."""
        self.logs = sorted(logs, key=lambda log: log.name.order)
        self.zones = zones or Zones()
        self.zones.learn([log.text for log in self.logs if log.name.kind == "record"])
        self._crashes: dict[str, list[Record]] = {}  # what faulthandler wrote, by log
        self._stacks: dict[tuple[LogName, int], Record] = {}  # the same, by the record of the crash of which it tells
        for log in self.logs:
            if log.name.kind == "crash":
                self._crashes[log.name.log] = list(grammar.parse_crash_file(log.text, log.name))
        for name in self._crashes:
            self._join(name)

    def __iter__(self) -> Iterator[Entry]:
        """By time. Where clocks stepped back, and for the same millisecond, the order in the files is kept."""
        writers = [list(logs) for _, logs in groupby(self.logs, lambda log: (log.name.log, log.name.kind))]
        return heapq.merge(*map(self._entries, writers), key=lambda entry: entry.place)

    def _join(self, name: str) -> None:
        """Gives each crash in a log what faulthandler wrote of it."""
        stacks = defaultdict(list)
        for stack in self._crashes[name]:
            stacks[stack.pid].append(stack)
        for log in self.logs:
            if log.name.log != name or log.name.kind != "record":
                continue
            line = before = 0
            for found in re.finditer("Crashed: ", log.text):
                crash = _record_at(log.text, found.start())
                said = grammar.mark(crash) if crash else None
                if not crash or not said or said.kind != "crashed":
                    continue
                line += log.text.count("\n", before, found.start())
                before = found.start()
                of_it = [each for each in stacks[crash.pid] if _began(each) <= (crash.local_time or 0)]
                if of_it:
                    self._stacks[log.name, line + 1] = of_it[-1]
                    stacks[crash.pid].remove(of_it[-1])
        self._crashes[name] = [each for each in self._crashes[name] if each in stacks[each.pid]]

    def _entries(self, logs: list[Log]) -> Iterator[Entry]:
        """Of one writer."""
        kind = logs[0].name.kind
        if kind == "crash":
            records: Iterator[Record] = map(self._dated, self._crashes[logs[0].name.log])
        else:
            parse = {"record": grammar.parse, "frontend": grammar.parse_frontend}[kind]
            records = (record for log in logs for record in parse(log.text, log.name))
        place = 0
        for time, record in _as_written(grammar.in_utc(records, self.zones)):
            if time is not None and time > place:
                place = time
            stack = self._stacks.get((record.source, record.line)) if record.level == "CRITICAL" else None
            whole = _joined(record, stack) if stack else record
            added = whole.raw.count("\n") - record.raw.count("\n") if stack else 0
            yield Entry(place, place if time is None else time, whole, record.source, added)

    def _dated(self, crash: Record) -> Record:
        """faulthandler does not tell the time: that of the last record of its process."""
        own, others = _by_thread(crash.raw)
        crash = crash._replace(raw="\n".join([*own, *others]))
        for log in reversed(self.logs):
            if log.name.log == crash.source.log and log.name.kind == "record":
                at = log.text.rfind(f" [{crash.pid}] [")
                last = _record_at(log.text, at) if at >= 0 else None
                if last and last.local_time and last.local_time >= _began(crash):
                    return crash._replace(local_time=last.local_time, offset=last.offset)
        return crash


def _record_at(text: str, at: int) -> Optional[Record]:
    """Of which the first line is the one at this place."""
    end = text.find("\n", at)
    return next(grammar.parse(text[text.rfind("\n", 0, at) + 1 : end if end >= 0 else None]), None)


def _began(crash: Record) -> int:
    """When the process did of which a crash file tells."""
    return crash.local_time or 0


_LATE = 2000  # milliseconds: an unfinished line becomes a record after one second


def _as_written(records: Iterable[tuple[Optional[int], Record]]) -> Iterator[tuple[Optional[int], Record]]:
    """A captured line bears the time at which it was read, which may be after what the process logged next."""
    read: list[tuple[int, Record]] = []
    for time, record in records:
        if time is not None and record.raw.startswith(("stdout: ", "stderr: "), record.start) and len(read) < 1000:
            read.append((time, record))
            continue
        for line_time, line in read:
            is_late = time is not None and time < line_time <= time + _LATE
            yield time if is_late else line_time, line
        read.clear()
        yield time, record
    yield from read


def _joined(crash: Record, stack: Record) -> Record:
    """Python's stack comes before the native one, and all other threads after it."""
    head, *native = crash.raw.split("\n")
    python, others = (["\t" + line for line in lines] for lines in _by_thread(stack.raw))
    return crash._replace(raw="\n".join([head, *python, "\t", *native, *others]))


def _by_thread(stacks: str) -> tuple[list[str], list[str]]:
    """Of what faulthandler wrote: the lines about the thread that crashed, and about all others."""
    paragraphs = re.split(r"\n\n+", stacks)
    own = [each for each in paragraphs if not each.startswith(("Thread ", "Extension modules"))]
    others = [each for each in paragraphs if each not in own]
    return "\n\n".join(own).split("\n"), "\n\n".join(["", *others])[1:].split("\n") if others else []


CLOSED = "closed"
CRASHED = "crashed"
FAILED = "uncaught exception"
UNCLOSED = "no closing record"
UNKNOWN = "not said"
OPEN = "open"


@dataclass
class Session:
    """A process, as far as its log tells of it."""

    log: str
    role: str
    pid: int
    first: int  # the numbers of its first and last record in the story
    last: int
    began: int  # milliseconds
    ended: int
    is_begun: bool = False  # the log has its beginning
    is_marked: bool = False  # it says about itself what sessions say
    ending: str = OPEN
    crash: str = ""  # how it crashed, or which exception ended it
    signal: str = ""  # on which it closed its log
    application: str = ""
    library: str = ""
    system: str = ""
    errors: int = 0
    records: int = 0

    def describe_end(self) -> str:
        return {
            CLOSED: f"ended by {self.signal}" if self.signal else "closed in good order",
            CRASHED: f"crashed: {self.crash}",
            FAILED: f"closed after an uncaught exception: {self.crash}",
            UNCLOSED: "ended without a closing record (killed, crashed or lost power)",
            UNKNOWN: "does not say how it ended",
            OPEN: "no closing record yet: still running, or killed",
        }[self.ending]


class Sessions:
    """Tells to which session each record of a story belongs."""

    def __init__(self) -> None:
        self.all: list[Session] = []
        self._present: dict[str, int] = {}

    def add(self, number: int, entry: Entry) -> int:
        """Returns the number of the session. number: of the record in the story."""
        record, name = entry.record, entry.name
        said = grammar.mark(record) if name.kind == "record" else None
        index = self._session_of(entry, said)
        if index is None:
            index = self._begin(number, entry)
        session = self.all[index]
        session.last = number
        session.records += 1
        session.ended = max(session.ended, entry.place)
        session.errors += record.level in ("ERROR", "CRITICAL")
        if said:
            self._note(session, said)
        elif name.kind == "crash" and session.ending != CLOSED:  # Python may have caught it, on Windows
            session.ending = CRASHED
            session.crash = session.crash or record.raw.partition("\n")[0]
        elif record.level == "CRITICAL" and session.ending == OPEN and ends_process(record):
            session.crash = exception_of(record)
        elif record.raw.startswith("Ended by SIG", record.start):
            session.signal = record.raw[record.start + len("Ended by ") :]
        return index

    def _session_of(self, entry: Entry, said: Optional[grammar.Mark]) -> Optional[int]:
        """None: a new one."""
        record, name = entry.record, entry.name
        present = self._present.get(name.log)
        if present is None:
            return None
        session = self.all[present]
        if name.kind == "crash":
            is_of = (i for i, each in enumerate(self.all) if each.log == name.log and each.pid == record.pid)
            return max(is_of, default=present)
        if record.level and record.pid not in (0, session.pid):
            return None
        is_beginning = said is not None and said.kind in ("begin", "origin") and not said.is_continued
        return None if is_beginning and session.ending != OPEN else present

    def _begin(self, number: int, entry: Entry) -> int:
        name = entry.name
        before = self._present.get(name.log)
        if before is not None and self.all[before].ending == OPEN and name.kind == "record":
            self.all[before].ending = UNCLOSED if self.all[before].is_marked else UNKNOWN
        place = entry.place
        self.all.append(Session(name.log, name.role, entry.record.pid, number, number, place, place))
        self._present[name.log] = len(self.all) - 1
        return len(self.all) - 1

    def _note(self, session: Session, said: grammar.Mark) -> None:
        session.is_marked = True
        if said.kind == "begin":
            session.is_begun = True
        elif said.kind == "origin":
            fields = grammar.origin_fields(said.text)
            session.is_begun = session.is_begun or not said.is_continued
            session.application = fields.get("application", session.application)
            session.library = fields.get("chaiNNer logger", session.library)
            session.system = fields.get("system", session.system)
        elif said.kind == "end" and session.ending == OPEN:
            session.ending = FAILED if session.crash else CLOSED
        elif said.kind == "crashed":
            session.ending, session.crash = CRASHED, said.text


_UNCAUGHT = "Uncaught exception"  # as _crashes.py and _loggers.py log it


def is_uncaught(record: Record) -> bool:
    """A record of an exception that nothing handled."""
    return record.level == "CRITICAL" and record.raw.startswith(_UNCAUGHT, record.start)


def ends_process(record: Record) -> bool:
    """In a thread, it does not."""
    return is_uncaught(record) and not record.raw.startswith(_UNCAUGHT + " in thread ", record.start)


def exception_of(record: Record) -> str:
    """What a traceback in the record says was raised: "MemoryError: too large". Else its first line."""
    _, raised = traceback_of(record)
    first, _, more = record.message.partition("\n")
    return raised or (more.partition("\n")[0] if is_uncaught(record) else "") or first


def traceback_of(record: Record) -> tuple[list[str], str]:
    """The frames, the innermost first, and what was raised there. Of several exceptions, the one that was left."""
    lines = record.message.split("\n")
    if "  + Exception Group Traceback (most recent call last):" in lines:
        lines = [line[4:] for line in lines if line.startswith("  | ")]
    last = max((i for i, line in enumerate(lines) if line.startswith("  File ")), default=len(lines))
    raised = next((line for line in lines[last:] if line and not line.startswith(" ")), "")
    frames: list[str] = []
    for line in lines[last::-1] if raised else ():
        if not line.startswith(" "):
            break
        if line.startswith("  File "):
            frames.append(line.strip())
    return frames, raised
