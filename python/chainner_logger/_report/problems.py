"""What went wrong in a story: equal ones together, the newest first."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional

from . import grammar
from .sessions import CLOSED, KILLED, OPEN, UNCLOSED, UNKNOWN, Session
from .story import Entry
from .tracebacks import ends_process, exception_of, is_printed, is_uncaught, traceback_of

CRASH, EXCEPTION, ERROR = "crash", "exception", "error"  # and KILLED

_OWN = 5  # records of the process before its problem, and as many of others
_OTHERS = 3
_SOON = 2000  # milliseconds between two records of one event
_WAITED = 10_000  # the same, where one tells how a process ended, which may have left a core dump meanwhile
_MOST_OPEN = 64
_MOST_TOLD = 1000  # of equal problems, the places in the story


def named_first(frames: list[str]) -> list[str]:
    """A module and a place in it tell a reader little."""
    return sorted(frames, key=lambda each: _NAMELESS.fullmatch(each) is not None)


@dataclass
class Problem:
    """Equal ones. What is not counted is said of the last of them."""

    kind: str
    log: str
    what: str
    count: int = 0
    first: int = 0  # UTC in milliseconds
    last: int = 0
    at: list[int] = field(default_factory=list)  # the records' numbers in the story
    also: list[int] = field(default_factory=list)  # those of other records that tell of the same
    session: int = 0
    entry: Optional[Entry] = None
    before: list[Entry] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)  # that tell of it, too

    @property
    def verb(self) -> str:
        return {
            CRASH: "crashed",
            EXCEPTION: "had an uncaught exception",
            ERROR: "logged an error",
            KILLED: "ended without a closing record",
        }[self.kind]

    @property
    def stack(self) -> list[str]:
        """From where it happened outwards: Python's stack, then the native one."""
        return _stack(self.kind, self.entry) if self.entry and self.kind != KILLED else []

    @property
    def own_frame(self) -> str:
        """The innermost one that is the program's own, with a name if any has one; if none is, the innermost of all."""
        own = [each for each in self.stack if not _LIBRARY.search(each)]
        return next(iter(named_first(own) or self.stack), "")

    @property
    def where(self) -> str:
        """The same, in short."""
        return _MODULE.sub(r"\1", _FRAME.sub(r"\1:\2\3", self.own_frame)).removeprefix("at ")


@dataclass
class _Event:
    """What went wrong once, and who tells of it."""

    kind: str
    what: str
    number: int
    entry: Entry
    index: int
    before: list[Entry]
    time: int
    raised: tuple[str, ...] = ()  # what, and where; an exception is told by these
    tellers: set[tuple[str, bool]] = field(default_factory=set)  # logs, and whether it was logged or printed there
    also: list[tuple[int, Entry]] = field(default_factory=list)


class Problems:
    """Learns of them record by record."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], Problem] = {}
        self._raised: deque[_Event] = deque()  # exceptions of which others may tell yet
        self._ends: list[tuple[set[int], str, _Event]] = []  # of processes, as others tell: by number, and how
        self._ended: dict[int, tuple[Problem, int]] = {}  # what ended a session, and when
        self._of_session: list[deque[tuple[int, Entry]]] = []  # its last records
        self._recent: deque[tuple[int, int, Entry]] = deque(maxlen=32)  # of all

    def add(self, number: int, entry: Entry, index: int, session: Session) -> None:
        """index: of the session to which it belongs."""
        record = entry.record
        is_problem = record.level in ("ERROR", "CRITICAL") and (entry.name.kind != "crash" or session.ending != CLOSED)
        end = grammar.end_of_another(record)
        if is_problem or end:
            kind, what = _kind_of(entry)
            event = _Event(kind, what, number, entry, index, self._before(index) if is_problem else [], entry.time)
            if end and kind == ERROR:
                self._ends.append((*end, event))
            elif is_problem:
                self._take(event)
        while len(self._of_session) <= index:
            self._of_session.append(deque(maxlen=_OWN + 1))
        self._of_session[index].append((number, entry))
        self._recent.append((number, index, entry))

    def all(self, sessions: Sequence[Session]) -> list[Problem]:
        """The newest first. Sessions learn from others how they ended."""
        for event in self._raised:
            self._count(event)
        of_number: dict[int, list[int]] = {}
        for index, session in enumerate(sessions):
            of_number.setdefault(session.pid, []).append(index)
        for numbers, how, event in self._ends:
            known = (index for number in numbers - {0, event.entry.record.pid} for index in of_number.get(number, ()))
            begun = [index for index in known if sessions[index].began <= event.entry.place + _SOON]
            self._assign(max(begun, default=None), how, event, sessions)
        for index, session in enumerate(sessions):
            if session.ending == UNCLOSED:
                self._count(self._cut_off(index, session, "killed, crashed or lost power"))
        for problem in self._found.values():
            problem.at.sort()
        return sorted(self._found.values(), key=lambda each: (each.last, each.at[-1]), reverse=True)

    def _before(self, index: int) -> list[Entry]:
        own = list(self._of_session[index])[-_OWN:] if index < len(self._of_session) else []
        others = [(number, entry) for number, of, entry in self._recent if of != index][-_OTHERS:]
        return [entry for _, entry in sorted([*own, *others], key=lambda each: each[0])]

    def _take(self, event: _Event) -> None:
        """An exception may be logged, printed, and printed again by whoever reads that. Who tells of it twice tells of
        two."""
        while self._raised and (len(self._raised) == _MOST_OPEN or self._raised[0].time < event.time - _SOON):
            self._count(self._raised.popleft())
        frames, raised = traceback_of(event.entry.record) if event.kind != CRASH else ([], "")
        if not frames:
            self._count(event)
            return
        event.raised = raised, frames[0]
        log, is_copy = event.entry.name.log, is_printed(event.entry.record)
        event.tellers = {(log, is_copy)}
        same = [each for each in self._raised if each.raised == event.raised and not each.tellers & event.tellers]
        own = [each for each in same if (log, not is_copy) in each.tellers]
        if not own and not (is_copy and same):
            self._raised.append(event)
            return
        known = (own or same)[0]
        known.tellers |= event.tellers
        if not is_copy:  # which tells more than what was printed before it
            event.also.append((known.number, known.entry))
            known.kind, known.what, known.number, known.entry = event.kind, event.what, event.number, event.entry
        known.also += event.also or [(event.number, event.entry)]

    def _assign(self, index: Optional[int], how: str, event: _Event, sessions: Sequence[Session]) -> None:
        """To the end of the session, if it is that of which the event tells."""
        problem = None if index is None else self._end_of(index, how, event.entry.place, sessions[index])
        if problem:
            problem.also.append(event.number)
            if problem.session == index:
                problem.others.append(event.entry)
        elif event.entry.record.level in ("ERROR", "CRITICAL"):
            self._count(event)

    def _end_of(self, index: int, how: str, time: int, session: Session) -> Optional[Problem]:
        """time: when another process told of it."""
        if session.ending in (OPEN, UNCLOSED, UNKNOWN) and not session.told and session.ended <= time + _SOON:
            session.note_end(how)
            if session.ending == KILLED and index not in self._ended:
                self._count(self._cut_off(index, session, how, time))
        problem, ended = self._ended.get(index, (None, 0))
        return problem if abs(time - ended) <= _WAITED else None

    def _cut_off(self, index: int, session: Session, how: str, time: int = 0) -> _Event:
        _, entry = self._of_session[index][-1]
        before = [each for _, each in self._of_session[index]]
        return _Event(KILLED, how, session.last, entry, index, before, time or entry.time)

    def _count(self, event: _Event) -> None:
        kind, entry = event.kind, event.entry
        place = _stack(kind, entry)[:3] if kind in (CRASH, EXCEPTION) else []
        what = event.what if kind == KILLED else _NUMBERS.sub("#", event.what)[:160]
        key = kind, entry.name.role, what, *place
        problem = self._found.setdefault(key, Problem(kind, entry.name.log, event.what, first=event.time))
        problem.count += 1
        if len(problem.at) < _MOST_TOLD:
            problem.at.append(event.number)
        else:
            problem.at[-1] = event.number
        problem.also.extend(number for number, _ in event.also[: _MOST_TOLD - len(problem.also)])
        problem.first = min(problem.first, event.time)
        if event.time >= problem.last:
            problem.what, problem.log, problem.last = event.what, entry.name.log, event.time
            problem.session, problem.entry, problem.before = event.index, entry, event.before
            problem.others = [each for _, each in event.also]
        if kind in (CRASH, KILLED) or ends_process(entry.record):
            self._ended[event.index] = problem, event.time


_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+")
_LIBRARY = re.compile(
    r"[\\/](?:(?:site|dist)-packages|lib\d*[\\/]python3|Lib)[\\/.\d]|\"<frozen "  # of Python
    r"|\blibc[.-]|\bntdll|\bucrtbase|\bKERNEL"
)
_MODULE = re.compile(r"(?<=\+0x)([0-9a-f]+) \(.*\+0x[0-9a-f]+\)")
_NAMELESS = re.compile(r"at \S.*\+0x[0-9a-f]+(?:, \d+ times)?")
_FRAME = re.compile(r'File "(?:.*[\\/])?(.*)", line (\d+),?( in .*)?')


def _kind_of(entry: Entry) -> tuple[str, str]:
    """And what is said."""
    record = entry.record
    said = grammar.mark(record) if entry.name.kind == "record" else None
    if said and said.kind == "crashed":
        return CRASH, said.text
    first = record.message.partition("\n")[0]
    if entry.name.kind == "crash":
        return CRASH, first
    raised = exception_of(record)
    if is_uncaught(record):
        return EXCEPTION, raised
    if first.endswith("Traceback (most recent call last):"):
        return ERROR, raised
    return ERROR, first if raised in first else f"{first.rstrip(':')}: {raised}"


def _stack(kind: str, entry: Entry) -> list[str]:
    if kind != CRASH:
        return traceback_of(entry.record)[0]
    lines = entry.record.message.split("\n")
    others = next((i for i, line in enumerate(lines) if line.startswith("Thread ")), len(lines))
    return [line.strip() for line in lines[:others] if line.startswith(("  File ", "at "))]
