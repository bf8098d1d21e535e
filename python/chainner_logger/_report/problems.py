"""What went wrong in a story: equal ones together, the newest first."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional

from . import grammar
from .sessions import CLOSED, UNCLOSED, Session
from .story import Entry
from .tracebacks import exception_of, is_uncaught, traceback_of

CRASH, EXCEPTION, ERROR, KILLED = "crash", "exception", "error", "killed"

_OWN = 5  # records of the process before its problem, and as many of others
_OTHERS = 3
_MOST_TOLD = 1000  # of equal problems, the places in the story


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
    session: int = 0
    entry: Optional[Entry] = None
    before: list[Entry] = field(default_factory=list)

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
        """The innermost one that is the program's own; if none is, the innermost of all."""
        return next((each for each in self.stack if not _LIBRARY.search(each)), "".join(self.stack[:1]))

    @property
    def where(self) -> str:
        """The same, in short."""
        return _FRAME.sub(r"\1:\2\3", self.own_frame).removeprefix("at ")


class Problems:
    """Learns of them record by record."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], Problem] = {}
        self._of_session: list[deque[tuple[int, Entry]]] = []  # its last records
        self._recent: deque[tuple[int, int, Entry]] = deque(maxlen=32)  # of all

    def add(self, number: int, entry: Entry, index: int, session: Session) -> None:
        """index: of the session to which it belongs."""
        record = entry.record
        if record.level in ("ERROR", "CRITICAL") and (entry.name.kind != "crash" or session.ending != CLOSED):
            kind, what = _kind_of(entry)
            self._count(kind, what, number, entry, index, self._before(index))
        while len(self._of_session) <= index:
            self._of_session.append(deque(maxlen=_OWN + 1))
        self._of_session[index].append((number, entry))
        self._recent.append((number, index, entry))

    def all(self, sessions: Sequence[Session]) -> list[Problem]:
        """The newest first."""
        for index, session in enumerate(sessions):
            if session.ending == UNCLOSED:
                _, entry = self._of_session[index][-1]
                before = [each for _, each in self._of_session[index]]
                self._count(KILLED, "killed, crashed or lost power", session.last, entry, index, before)
        return sorted(self._found.values(), key=lambda each: (each.last, each.at[-1]), reverse=True)

    def _before(self, index: int) -> list[Entry]:
        own = list(self._of_session[index])[-_OWN:] if index < len(self._of_session) else []
        others = [(number, entry) for number, of, entry in self._recent if of != index][-_OTHERS:]
        return [entry for _, entry in sorted([*own, *others], key=lambda each: each[0])]

    def _count(self, kind: str, what: str, number: int, entry: Entry, index: int, before: list[Entry]) -> None:
        place = _stack(kind, entry)[:3] if kind in (CRASH, EXCEPTION) else []
        key = kind, entry.name.role, _NUMBERS.sub("#", what)[:160], *place
        problem = self._found.setdefault(key, Problem(kind, entry.name.log, what, first=entry.time))
        problem.count += 1
        if len(problem.at) < _MOST_TOLD:
            problem.at.append(number)
        else:
            problem.at[-1] = number
        if entry.time >= problem.last:
            problem.what, problem.log, problem.last = what, entry.name.log, entry.time
            problem.session, problem.entry, problem.before = index, entry, before


_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+")
_LIBRARY = re.compile(
    r"[\\/](?:(?:site|dist)-packages|lib\d*[\\/]python3|Lib)[\\/.\d]|\"<frozen "  # of Python
    r"|\blibc[.-]|\bntdll|\bucrtbase|\bKERNEL"
)
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
