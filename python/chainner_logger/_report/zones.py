"""Times of logs in UTC: which offset held when, as far as the logs tell."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Optional

from .grammar import Record, mark, record_at


class Zones:
    """Which offset from UTC held when, as far as logs tell. For all that does not say it itself."""

    def __init__(self) -> None:
        self.changes: list[tuple[int, int]] = []  # UTC in milliseconds, minutes from then on

    def learn(self, texts: Iterable[str]) -> None:
        """From what logs of ours say about their zone."""
        for text in texts:
            for sign in "UTC offset: ", "Local time is UTC":
                at = text.find(sign)
                while at >= 0:
                    record = record_at(text, at)
                    said = mark(record) if record else None
                    if record and record.local_time is not None and said and said.offset is not None:
                        utc = record.local_time - said.offset * 60_000
                        self.changes.append((utc, said.offset))
                        if said.before is not None:
                            self.changes.append((utc - 1, said.before))
                    at = text.find(sign, at + 1)
            first = record_at(text, 0)
            if first and first.local_time is not None and first.offset is not None:
                self.changes.append((first.local_time - first.offset * 60_000, first.offset))
        self._settle()

    def _settle(self) -> None:
        """Leaves what changes something."""
        changes: list[tuple[int, int]] = []
        for utc, offset in sorted(self.changes):
            if not changes or changes[-1][1] != offset:
                changes.append((utc, offset))
        self.changes = changes

    def at(self, utc: int) -> int:
        """Minutes."""
        if not self.changes:
            return (time.localtime(utc / 1000).tm_gmtoff or 0) // 60
        return self.changes[max(0, bisect_right(self.changes, (utc, 24 * 60)) - 1)][1]

    def utc(self, local_time: int, previous: Optional[int] = None) -> int:
        """Of a time on the wall. previous: UTC of the record before, which tells one hour from the other when an hour
        comes twice."""
        candidates = sorted({offset for _, offset in self.changes}, reverse=True)
        if not candidates:
            return int(time.mktime((*time.gmtime(local_time / 1000)[:8], -1)) * 1000) + local_time % 1000
        times = [local_time - offset * 60_000 for offset in candidates]
        valid = [each for each, offset in zip(times, candidates) if self.at(each) == offset]
        later = [each for each in valid if previous is None or each >= previous]
        return (later or valid or times)[0]


_MOST_BEFORE_ORIGIN = 100  # records, of other threads, between the one that begins a session and its origin


def in_utc(records: Iterable[Record], zones: Zones) -> Iterator[tuple[Optional[int], Record]]:
    """Each record of one log, in its order, with its UTC in milliseconds since 1970 (None: it has no time).

    The offset is the record's own, else what the log, or a record of it, has said last. What comes before a log has
    said anything has the offset that it says first; so has the record that begins a session, which its origin follows.
    """
    offset: Optional[int] = None
    waiting: list[Record] = []

    def let_go(of: Optional[int]) -> Iterator[tuple[Optional[int], Record]]:
        previous = None
        for each in waiting:
            if each.local_time is None:
                utc = None
            elif each.offset is not None:
                utc = each.local_time - each.offset * 60_000
            else:
                utc = zones.utc(each.local_time, previous) if of is None else each.local_time - of * 60_000
            previous = utc if utc is not None else previous
            yield utc, each
        waiting.clear()

    for record in records:
        own = record.offset
        said = mark(record) if waiting or own is None else None
        if own is not None and record.local_time is not None:
            yield from let_go(said.before if said and said.before is not None else own)
            offset = own
            yield record.local_time - own * 60_000, record
            continue
        if said is None and not waiting and offset is not None:
            yield None if record.local_time is None else record.local_time - offset * 60_000, record
            continue
        if said and said.offset is not None:
            yield from let_go(said.before if said.before is not None else said.offset)
            offset = said.offset
            waiting.append(record)
            yield from let_go(offset)
        elif said and said.kind == "begin":
            yield from let_go(offset) if offset is not None else ()
            waiting.append(record)
        else:
            waiting.append(record)
            if offset is not None and len(waiting) > _MOST_BEFORE_ORIGIN:
                yield from let_go(offset)
    yield from let_go(offset)
