"""The sessions of which a story tells: a process each, from its set-up to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from . import grammar
from .story import Entry
from .tracebacks import ends_process, exception_of

CLOSED = "closed"
CRASHED = "crashed"
FAILED = "uncaught exception"
KILLED = "killed"
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
    told: str = ""  # how it ended, as the process says that waited for it
    signal: str = ""  # on which it closed its log
    application: str = ""
    library: str = ""
    system: str = ""
    errors: int = 0
    records: int = 0

    def note_end(self, told: str) -> None:
        """Of a process that has not said itself how it ended."""
        self.ending = UNKNOWN if told == "exit code 0" else KILLED
        self.told = told

    def describe_end(self) -> str:
        if self.told:
            return f"ended without a closing record: {self.told}"
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
