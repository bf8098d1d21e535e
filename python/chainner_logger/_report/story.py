"""All logs of a folder as one story, merged by time."""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple, Optional

from . import grammar
from .encoding import readable
from .folder import LogName
from .grammar import Record
from .tracebacks import with_printed
from .zones import Zones, in_utc


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
                crash = grammar.record_at(log.text, found.start())
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
        for time, record in _as_written(in_utc(records, self.zones)):
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
                last = grammar.record_at(log.text, at) if at >= 0 else None
                if last and last.local_time and last.local_time >= _began(crash):
                    return crash._replace(local_time=last.local_time, offset=last.offset)
        return crash


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
        for line_time, line in with_printed(read) if read else ():
            is_late = time is not None and time < line_time <= time + _LATE
            yield time if is_late else line_time, line
        read.clear()
        yield time, record
    yield from with_printed(read)


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
