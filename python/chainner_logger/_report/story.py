"""All logs of a folder as one story: merged by time, with the sessions of which they tell."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple, Optional

from . import grammar
from .folder import LogName
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


def legible(data: bytes) -> str:
    """What is not UTF-8 as escapes, and the lines of Windows as all others."""
    return data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")


class Story:
    def __init__(self, logs: Iterable[Log], zones: Optional[Zones] = None) -> None:
        """zones: what is known of them already; grows."""
        self.logs = sorted(logs, key=lambda log: log.name.order)
        self.zones = zones or Zones()
        self.zones.learn([log.text for log in self.logs if log.name.kind == "record"])

    def __iter__(self) -> Iterator[Entry]:
        """By time. Where clocks stepped back, and for the same millisecond, the order in the files is kept."""
        writers = [list(logs) for _, logs in groupby(self.logs, lambda log: (log.name.log, log.name.kind))]
        return heapq.merge(*map(self._entries, writers), key=lambda entry: entry.place)

    def _entries(self, logs: list[Log]) -> Iterator[Entry]:
        """Of one writer."""
        kind = logs[0].name.kind
        parse = {"record": grammar.parse, "frontend": grammar.parse_frontend, "crash": grammar.parse_crash_file}[kind]
        records: Iterator[Record] = (record for log in logs for record in parse(log.text, log.name))
        if kind == "crash":
            records = map(self._dated, records)
        place = 0
        for time, record in grammar.in_utc(records, self.zones):
            if time is not None and time > place:
                place = time
            yield Entry(place, place if time is None else time, record, record.source)

    def _dated(self, crash: Record) -> Record:
        """faulthandler does not tell the time: that of the last record of its process."""
        for log in reversed(self.logs):
            if log.name.log == crash.source.log and log.name.kind == "record":
                at = log.text.rfind(f" [{crash.pid}] [")
                last = next(grammar.parse(log.text[log.text.rfind("\n", 0, at) + 1 :].partition("\n")[0]), None)
                if at >= 0 and last and last.local_time and last.local_time >= (crash.local_time or 0):
                    return crash._replace(local_time=last.local_time, offset=last.offset)
        return crash


CLOSED = "closed"
CRASHED = "crashed"
UNCLOSED = "no closing record"
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
    ending: str = OPEN
    crash: str = ""
    crash_at: Optional[int] = None  # the number of the record
    application: str = ""
    library: str = ""
    system: str = ""
    errors: int = 0
    records: int = 0

    def describe_end(self) -> str:
        return {
            CLOSED: "closed in good order",
            CRASHED: f"crashed: {self.crash}",
            UNCLOSED: "ended without a closing record (killed, crashed or lost power)",
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
            self._note(session, number, said)
        elif name.kind == "crash" and session.ending != CLOSED:  # Python may have caught it, on Windows
            session.ending = CRASHED
            session.crash = session.crash or record.raw.partition("\n")[0]
            session.crash_at = number if session.crash_at is None else session.crash_at
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
            self.all[before].ending = UNCLOSED
        place = entry.place
        self.all.append(Session(name.log, name.role, entry.record.pid, number, number, place, place))
        self._present[name.log] = len(self.all) - 1
        return len(self.all) - 1

    def _note(self, session: Session, number: int, said: grammar.Mark) -> None:
        if said.kind == "begin":
            session.is_begun = True
        elif said.kind == "origin":
            fields = grammar.origin_fields(said.text)
            session.is_begun = session.is_begun or not said.is_continued
            session.application = fields.get("application", session.application)
            session.library = fields.get("chaiNNer logger", session.library)
            session.system = fields.get("system", session.system)
        elif said.kind == "end" and session.ending == OPEN:
            session.ending = CLOSED
        elif said.kind == "crashed":
            session.ending, session.crash, session.crash_at = CRASHED, said.text, number
