"""logs.html: a story as one page that needs nothing but a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import sys
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Optional

from . import grammar
from .folder import LogName
from .page_markup import MARKUP
from .page_script import SCRIPT
from .page_style import STYLE
from .problems import Problem, Problems
from .sessions import Sessions
from .story import Story
from .summary import issue, plural

_LEVELS = {level: number for number, level in enumerate((*grammar.LEVELS, grammar.UNKNOWN))}
_DATA = b"@@DATA@@"
_LONGEST_PREFIX = 255
_MOST_PROBLEMS = 200


class Page:
    """Takes the records of a story one by one; then `html` has them all.

    The browser gets them as columns, compressed: it need not parse 600,000 lines, and text cannot be taken for markup.
    """

    def __init__(self, story: Story) -> None:
        self.zones = story.zones
        self._file_count = len(story.logs)
        self.sessions = Sessions()
        self.counts = [0] * len(_LEVELS)
        self.problems: list[Problem] = []  # the newest first
        self.begin: Optional[int] = None  # milliseconds since 1970
        self.end = 0
        self._text: list[bytes] = []
        self._times = array("d")  # since the record before, which compresses well
        self._sizes = array("I")
        self._lines = array("I")
        self._starts = array("B")
        self._levels = array("B")
        self._sessions = array("H")
        self._files = array("H")
        self._file_numbers: dict[LogName, int] = {}
        self._added: dict[int, int] = {}  # lines of a record that stand in another file, by its number

    def take(self, story: Story, progress: Callable[[int], None] = lambda _: None) -> None:
        """progress: is told how many characters it has taken."""
        text, files = self._text, self._file_numbers
        problems = Problems()
        done = time_before = 0
        for number, entry in enumerate(story):
            record = entry.record
            raw = record.raw.encode("utf-8", "backslashreplace") + b"\n"
            text.append(raw)
            self._sizes.append(len(raw))
            self._lines.append(raw.count(b"\n"))
            self._times.append(entry.time - time_before)
            time_before = entry.time
            start = record.start if record.start <= _LONGEST_PREFIX and raw[: record.start].isascii() else 0
            self._starts.append(start)
            level = _LEVELS[record.level]
            self._levels.append(level)
            self.counts[level] += 1
            session = self.sessions.add(number, entry)
            self._sessions.append(min(session, 0xFFFF))
            problems.add(number, entry, session, self.sessions.all[session])
            if entry.added:
                self._added[number] = entry.added
            self._files.append(files.setdefault(entry.name, len(files)))
            if entry.time:
                self.begin = entry.time if self.begin is None or entry.time < self.begin else self.begin
                self.end = max(self.end, entry.time)
            done += len(raw)
            if number % 4096 == 0:
                progress(done)
        self.problems = problems.all(self.sessions.all)

    def __len__(self) -> int:
        return len(self._times)

    @property
    def extent(self) -> str:
        sessions = sum(bool(each.pid) for each in self.sessions.all)
        return f"{plural(len(self), 'record')}, {plural(sessions, 'session')}, {plural(self._file_count, 'file')}"

    def html(self, text: str) -> bytes:
        """text: what the page says about the report."""
        about = {
            "text": text,
            "extent": self.extent,
            "begin": self.begin or 0,
            "end": self.end,
            "count": len(self),
            "levels": [*grammar.LEVELS, "other"],
            "offsets": self.zones.changes or [(0, self.zones.at(self.begin or 0))],
            "added": list(self._added.items()),
            "problems": [self._told(each) for each in self.problems[:_MOST_PROBLEMS]],
            "sessions": [{**asdict(each), "end_text": each.describe_end()} for each in self.sessions.all],
            "files": [each.name for each in self._file_numbers],
        }
        head = json.dumps(about, ensure_ascii=True).encode()
        head += b" " * (-(len(head) + 4) % 8)
        columns = (self._times, self._sizes, self._lines, self._sessions, self._files, self._starts, self._levels)
        compressor = zlib.compressobj(6)
        pieces = [struct.pack("<I", len(head)), head]
        for column in columns:
            if sys.byteorder == "big":
                column.byteswap()
            pieces.append(column.tobytes() + b"\0" * (-len(column) * column.itemsize % 8))
        data = b"".join(compressor.compress(piece) for piece in (*pieces, *self._batches())) + compressor.flush()
        before, _, after = _page().partition(_DATA)
        return before + base64.b64encode(data) + after

    def _told(self, problem: Problem) -> dict[str, object]:
        fields = ("kind", "verb", "what", "where", "count", "first", "last", "at", "also", "session")
        told = {field: getattr(problem, field) for field in fields}
        return {**told, "issue": issue(problem, self.sessions.all[problem.session], self.zones)}

    def _batches(self) -> Iterator[bytes]:
        for begin in range(0, len(self._text), 4096):
            yield b"".join(self._text[begin : begin + 4096])


def _page() -> bytes:
    """Whatever a log may hold: the browser runs the page's own script, and loads nothing."""
    page = MARKUP
    for name, content in ("STYLE", STYLE), ("SCRIPT", SCRIPT):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        page = page.replace(f"@@{name}_DIGEST@@", f"'sha256-{digest}'").replace(f"@@{name}@@", content)
    return page.encode()
