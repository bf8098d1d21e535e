"""Logs that an editor, a shell or a power loss has written to, as text."""

from __future__ import annotations

import codecs
import re

_BYTE_ORDER_MARK = codecs.BOM_UTF8
_OTHER_LETTERS = rb"(?!\d{4}-)(?:[^\0]{2}){1,400}?"  # of other scripts, up to the next of ours
_UTF_16 = re.compile(
    rb"(?P<little>(?:\xff\xfe)?(?:[^\0]\0){8,}(?:" + _OTHER_LETTERS + rb"(?:[^\0]\0)+)*)"
    rb"|(?P<big>(?:\xfe\xff)?(?:\0[^\0]){8,}(?:" + _OTHER_LETTERS + rb"(?:\0[^\0])+)*)|(?P<zeros>\0{8,})"
)


def readable(data: bytes) -> bytes:
    """As UTF-8, what an editor or a shell has saved in another encoding, or appended in it. What a power loss has made
    zeros becomes a line that says so, and does not hide what follows."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    elif b"\0" in data:
        data = _UTF_16.sub(_in_utf_8, data)
    if _BYTE_ORDER_MARK in data:
        data = re.sub(rb"^\xef\xbb\xbf", b"", data, flags=re.MULTILINE)
    return data


def _in_utf_8(found: re.Match[bytes]) -> bytes:
    if found["zeros"] is None:
        text = found[0].decode("utf-16-le" if found["little"] else "utf-16-be", "replace")
        return text.lstrip("\ufeff").encode()
    return (b"\n\t" if found.start() else b"") + b"(%d bytes here are zeros)\n" % len(found[0])
