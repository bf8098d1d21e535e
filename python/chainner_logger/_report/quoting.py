"""What a text says without the escapes in which logs, Python, JSON, URLs and HTML write it, and the way back."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from html.entities import html5

_MOST_LAYERS = 3  # a JSON text in a URL in the repr of a string
_LONG = 64 * 1024  # characters

_COLOUR = r"(?:\x1b|\\x1[bB]|\\u001[bB]|\\033|\\e)\[[\d;:?]{0,20}[A-Za-z]"
_ESCAPE = re.compile(
    rf"(?P<colour>{_COLOUR})"
    r"|(?P<bytes>(?:\\x[\da-fA-F]{2})+|(?:%[\da-fA-F]{2})+|(?:\\[0-3][0-7]{2})+)"
    r"|(?P<code>(?:\\u[\da-fA-F]{4})+|\\U[\da-fA-F]{8})"
    r"|\\(?P<letter>[\\/\"'`nrtbfav0])"
    r"|&(?P<entity>(?:lt|gt|amp|quot|apos|nbsp|#\d{1,7}|#[xX][\da-fA-F]{1,6});)"
)
_CONTINUED = re.compile(rf"(?P<continued>\n\t)|{_ESCAPE.pattern}")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "0": "\0"}


def has_escape(text: str) -> bool:
    return _ESCAPE.search(text) is not None


def escapes(text: str) -> Iterator[int]:
    """Where they begin."""
    may_have = any(character in text for character in "\\%&\x1b")
    return (found.start() for found in _ESCAPE.finditer(text)) if may_have else iter(())


class Reading:
    """A text, and the place in what it was read from of each character."""

    def __init__(self, raw: str, pattern: re.Pattern[str]) -> None:
        self._at: list[int] = []  # where characters that were escaped stand in the text,
        self._begins: list[int] = []  # and in what it was read from
        self._ends: list[int] = []
        pieces: list[str] = []
        size = end = 0
        for found in pattern.finditer(raw):
            begin = found.start()
            pieces.append(raw[end:begin])
            size += begin - end
            letter = found["letter"]
            for character, width in _meaning(found) if letter is None else ((_LETTERS.get(letter, letter), 2),):
                pieces.append(character)
                self._at.append(size)
                self._begins.append(begin)
                begin += width
                self._ends.append(begin)
                size += 1
            end = found.end()
        pieces.append(raw[end:])
        self.text = "".join(pieces)

    def place(self, begin: int, end: int) -> tuple[int, int]:
        """Of a part of the text, in what it was read from."""
        return self._place(begin, self._begins), self._place(end - 1, self._ends, 1)

    def _place(self, at: int, borders: list[int], more: int = 0) -> int:
        index = bisect_right(self._at, at) - 1
        if index < 0:
            return at + more
        if self._at[index] == at:
            return borders[index]
        return self._ends[index] + at - self._at[index] - 1 + more


def readings(raw: str) -> Iterator[tuple[str, list[Reading]]]:
    """The text of a record as it stands, and then with a layer of escapes less each time, and the way back.

    What looks like an escape may be none, as in C:\\new: so a text counts in each of its readings; a long one in the
    first and the last, else it would take its time.
    """
    yield raw, []
    layers: list[Reading] = []
    pattern = _CONTINUED
    text = raw
    while len(layers) < _MOST_LAYERS and pattern.search(text):
        layers.append(Reading(text, pattern))
        text = layers[-1].text
        pattern = _ESCAPE
        if len(raw) < _LONG:
            yield text, layers
    if layers and len(raw) >= _LONG:
        yield text, layers


def place(layers: list[Reading], begin: int, end: int) -> tuple[int, int]:
    """Of a part of the innermost reading, in the text as it stands."""
    for layer in reversed(layers):
        begin, end = layer.place(begin, end)
    return begin, end


def _meaning(found: re.Match[str]) -> list[tuple[str, int]]:
    """The characters, and how many each took."""
    kind, text = found.lastgroup, found[0]
    if kind == "bytes":
        width = 3 if text[0] == "%" else 4
        if text[0] == "%" or text[1] == "x":
            data = bytes.fromhex(text.replace("%", "").replace("\\x", ""))
        else:
            data = bytes(int(each, 8) for each in text[1:].split("\\"))
        text = data.decode("utf-8", "surrogateescape")  # what is not UTF-8 is taken for Latin-1
        return [(c, width * len(c.encode())) if not "\udc80" <= c <= "\udcff" else (chr(ord(c) - 0xDC00), width) for c in text]
    if kind == "code":
        if text[1] == "U":
            number = int(text[2:], 16)
            return [(chr(number) if number < 0x110000 else "\ufffd", 10)]
        units = bytes.fromhex(text.replace("\\u", ""))
        return [(c, 6 * len(c.encode("utf-16-be", "surrogatepass")) // 2) for c in units.decode("utf-16-be", "surrogatepass")]
    if kind == "entity":
        name = found["entity"]
        if name[0] != "#":
            return [(html5[name], len(text))]
        number = int(name[2:-1], 16) if name[1] in "xX" else int(name[1:-1])
        return [(chr(number) if number < 0x110000 else "\ufffd", len(text))]
    return [("\n" if kind == "continued" else "\x1b", len(text))]  # a colour separates, and says nothing
