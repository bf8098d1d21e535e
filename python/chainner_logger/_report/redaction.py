"""Replaces in text what tells who the user is, and what would let somebody in, by what it was: <home>, <secret> ..."""

from __future__ import annotations

import itertools
import re
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

from . import credentials, identity
from .quoting import escapes, has_escape, place, readings

_MOST_HOMES = 20
_CHUNK = 256 * 1024  # characters; so much is looked through at once for records that may have something in them
_KINDS = ("secret", "e-mail", "home", "company", "volume", "user", "host")  # where they overlap, the first is said

# A record without any of these, without an escape, a long run of letters and digits, and a name that is known, has
# nothing to replace, and is passed over at little cost.
_NEEDLES = (*identity.NEEDLES, *credentials.NEEDLES)
_RUN = b"w" * credentials.SHORTEST_TOKEN
_MOST_RUNS = 50  # of a line that are looked at one by one: to search the whole line takes less time than more of them
_CLASSES = bytes(ord("w") if byte < 128 and (chr(byte).isalnum() or chr(byte) in "_-") else 0 for byte in range(256))


class Redactor:
    """Redacts text, always in the same way, and counts what it replaced."""

    def __init__(
        self,
        homes: Iterable[str] = (),
        users: Iterable[str] = (),
        hosts: Iterable[str] = (),
        ignore_case: bool = False,
        real_names: Iterable[str] = (),
    ) -> None:
        """ignore_case: names and paths may be written in other letters, as on Windows."""
        self.replaced: Counter[str] = Counter()  # how often, by kind
        self._ignore_case = ignore_case
        self._names: dict[str, identity.Name] = {}
        for name in real_names:
            self._names.update({each.pattern.pattern: each for each in identity.real_names(name)})
        for host in hosts:
            self._add_name("host", host, True)
        for user in users:
            self._add_name("user", user, ignore_case)
        homes = sorted({home for home in homes if re.search(r"[^\\/:]{2}", home)}, key=len, reverse=True)
        self._plain_homes = {home: identity.plain_home(home) for home in homes}
        self._homes = [identity.home_pattern(home, ignore_case) for home in homes]

    @classmethod
    def of_this_system(cls) -> Redactor:
        """For the user who runs this, on this computer."""
        homes, users, hosts, real_names = identity.of_this_system()
        return cls(homes, users, hosts, sys.platform == "win32", real_names)

    def learn(self, text: str) -> None:
        """Takes the user's home and name from the paths of log files: the log may come from another computer."""
        for path in set(re.findall(r"Log file: ([^\n]*)", text)):
            for found in identity.others_homes(path):
                self._add_name("user", identity.name_in(found), self._ignore_case)
                self._remember(found[0])

    def __call__(self, text: str) -> str:
        keys = [(*span, "secret") for span in credentials.private_keys(text)]
        text = self._replace(text, keys) if keys else text
        return "".join(map(self._redacted, _chunks(text)))

    def _redacted(self, chunk: str) -> str:
        for home, pattern in self._plain_homes.items():
            if home in chunk:
                chunk, count = pattern.subn("<home>", chunk)
                self.replaced["home"] += count
        if _record_around(chunk, 0)[1] == len(chunk):
            return self._redacted_record(chunk)
        pieces = []
        done = 0
        for at in sorted(self._suspects(chunk)):
            if at < done:
                continue
            begin, end = _record_around(chunk, at)
            pieces.append(chunk[done:begin])
            pieces.append(self._redacted_record(chunk[begin:end]))
            done = end
        return "".join(pieces) + chunk[done:] if pieces else chunk

    def _suspects(self, chunk: str) -> set[int]:
        """Places in records that may have something to replace."""
        small = _lower(chunk)
        found = set(escapes(chunk))
        found.update(credentials.names(small))
        for name in self._names.values():
            found.update(name.places(chunk, small))
        small = small.replace("\\", "/")
        for needle in _NEEDLES:
            found.update(identity.places(small, needle))
        marks = chunk.encode("latin-1", "replace").translate(_CLASSES)
        line_end = looked_at = 0
        at = marks.find(_RUN)
        while at >= 0:
            if at >= line_end:
                line_end = (chunk.find("\n", at) + 1 or len(chunk) + 1) - 1
                looked_at = 0
            looked_at += 1
            end = marks.find(b"\0", at)
            end = end if end >= 0 else len(marks)
            if looked_at > _MOST_RUNS or credentials.is_token(chunk, at, end):
                found.add(at)
                end = line_end  # the record is searched anyway
            at = marks.find(_RUN, end)
        return found

    def _redacted_record(self, record: str) -> str:
        spans: list[identity.Found] = []
        is_escaped = has_escape(record)
        for text, layers in readings(record):
            for begin, end, kind in self._find(text):
                if kind == "e-mail" and is_escaped and not layers:
                    continue  # the n of \n is no part of it
                spans.append((*place(layers, begin, end), kind))
        return self._replace(record, spans)

    def _find(self, text: str) -> Iterator[identity.Found]:
        """In one reading of a record."""
        small = _lower(text)
        secrets = sorted(credentials.find(text, small))
        last = list(itertools.accumulate((end for _, end in secrets), max))  # where those up to each have ended
        yield from ((*span, "secret") for span in secrets)
        for begin, end, kind in identity.find(text, small):
            if kind == "home":
                self._remember(text[begin:end])
            elif kind == "e-mail":
                before = bisect_left(secrets, (end, 0))
                if before and begin < last[before - 1]:
                    continue  # user:password@host
            yield begin, end, kind
        for pattern in self._homes:
            yield from ((*found.span(), "home") for found in pattern.finditer(text))
        for name in self._names.values():
            yield from ((*found.span(), name.kind) for found in name.pattern.finditer(text))

    def _replace(self, text: str, spans: list[identity.Found]) -> str:
        """What overlaps is replaced as one."""
        pieces: list[str] = []
        done = 0
        spans.sort()
        index = 0
        while index < len(spans):
            begin, end, kind = spans[index]
            index += 1
            while index < len(spans) and spans[index][0] < end:
                end = max(end, spans[index][1])
                kind = min(kind, spans[index][2], key=_KINDS.index)
                index += 1
            self.replaced[kind] += 1
            pieces += text[done:begin], f"<{kind}>"
            done = end
        return "".join(pieces) + text[done:]

    def _remember(self, home: str) -> None:
        """Where there is one path to a home there are more: to look for it as it is takes less time."""
        if len(self._plain_homes) < _MOST_HOMES and home not in self._plain_homes:
            self._plain_homes[home] = identity.plain_home(home)

    def _add_name(self, kind: str, name: str, ignore_case: bool) -> None:
        if not identity.is_common(name):
            self._names.setdefault(name, identity.plain_name(kind, name, ignore_case))


def _lower(text: str) -> str:
    """As long as the text is: one letter becomes two in small letters."""
    small = text.lower()
    return small if len(small) == len(text) else text.replace("\u0130", "i").lower()


def _chunks(text: str) -> Iterator[str]:
    """Whole records each; one that is longer is alone."""
    begin = 0
    while begin < len(text):
        end = len(text)
        if begin + _CHUNK < end:
            record, end = _record_around(text, begin + _CHUNK)
            end = record if record > begin else end
        yield text[begin:end]
        begin = end


def _record_around(chunk: str, at: int) -> tuple[int, int]:
    begin = chunk.rfind("\n", 0, at) + 1
    while begin > 0 and chunk[begin] == "\t":
        begin = chunk.rfind("\n", 0, begin - 1) + 1
    end = chunk.find("\n", at) + 1
    while 0 < end < len(chunk) and chunk[end] == "\t":
        end = chunk.find("\n", end) + 1
    return begin, end or len(chunk)
