"""The names of the functions in native stacks, as far as modules on this machine have symbol tables.

Only ELF's tell how long a function is. Of a Windows module that has no more than exported names, the nearest one before
a place would mostly be a wrong one.
"""

from __future__ import annotations

import ctypes
import os
import re
import stat
import struct
import time
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO, Optional

_STACK = re.compile(r"(?:\n\tat [^\n]+)+")
_FRAME = re.compile(r"(?<=\n\tat )(/[^\n]*)\+0x([0-9a-f]+)(?=,|\n|\Z)")
_SYMBOL_TABLE, _DYNAMIC_SYMBOLS = 2, 11
_FUNCTIONS = (2, 10)  # the latter are those of which the loader chooses one
_FUTURE = 60  # seconds: a clock that was set, a file system that rounds

_Function = tuple[int, int, str]  # where it begins, its size and its name


def with_names(log: str) -> str:
    """The text of a log, where "module+0x12a09" has become "upscale_tile+0x39 (module+0x12a09)"."""
    return _STACK.sub(_with_names, log)


def _with_names(stack: re.Match[str]) -> str:
    begin = stack.string.rfind("\n", 0, stack.start()) + 1
    head = stack.string[begin : min(begin + 80, stack.start())]
    if "] [CRITICAL] " not in head:
        return stack[0]
    try:
        crashed = time.mktime(time.strptime(head[:19], "%Y-%m-%d %H:%M:%S"))
    except (ValueError, OverflowError):
        return stack[0]
    return _FRAME.sub(lambda frame: _named(frame, crashed), stack[0])


def _named(frame: re.Match[str], crashed: float) -> str:
    path, place = frame[1], int(frame[2], 16)
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_ctime > crashed + _FUTURE:
            return frame[0]  # no module, or another one than that which crashed
        functions = _functions(path)
    except (OSError, ValueError, IndexError, struct.error):
        return frame[0]
    at = bisect_right(functions, (place, 1 << 64, "")) - 1
    if at < 0 or place > functions[at][0] + functions[at][1]:  # a call that never returns may be the last of all
        return frame[0]
    begin, _, name = functions[at]
    return f"{_demangled(name)}+{place - begin:#x} ({os.path.basename(path)}+{place:#x})"


@lru_cache(maxsize=64)
def _functions(path: str) -> list[_Function]:
    with open(path, "rb") as file:
        return sorted(_read(file))


def _read(file: BinaryIO) -> Iterator[_Function]:
    """Of an ELF file for a machine of 64 bits that stores the lowest byte first, as all on which we run."""
    head = file.read(64)
    if head[:6] != b"\x7fELF\2\1":
        return
    (table,), (size, count) = struct.unpack_from("<Q", head, 40), struct.unpack_from("<HH", head, 58)
    sections = list(struct.iter_unpack("<IIQQQQIIQQ", _part(file, table, size * count)))
    kinds = [section[1] for section in sections]
    kind = next((each for each in (_SYMBOL_TABLE, _DYNAMIC_SYMBOLS) if each in kinds), None)
    if kind is None:
        return
    _, _, _, _, begin, length, strings, *_ = sections[kinds.index(kind)]
    names = _part(file, *sections[strings][4:6])
    for name, info, _, section, value, extent in struct.iter_unpack("<IBBHQQ", _part(file, begin, length)):
        if info & 15 in _FUNCTIONS and section and extent:
            yield value, extent, names[name : names.index(0, name)].decode("ascii", "replace")


def _part(file: BinaryIO, begin: int, size: int) -> bytes:
    if begin + size > os.fstat(file.fileno()).st_size:
        raise ValueError("cut short")
    file.seek(begin)
    return file.read(size)


@lru_cache(maxsize=1)
def _demangler() -> Optional[ctypes.CDLL]:
    try:
        library = ctypes.CDLL("libstdc++.so.6")
        library.__cxa_demangle.restype = ctypes.c_void_p
        return library
    except (OSError, AttributeError):
        return None


def _demangled(name: str) -> str:
    """As it stands in the source, where the C++ runtime is there to tell."""
    library = _demangler() if name.startswith("_Z") else None
    if library is None:
        return name
    status = ctypes.c_int()
    found = library.__cxa_demangle(name.encode(), None, None, ctypes.byref(status))
    if not found:
        return name
    try:
        return ctypes.string_at(found).decode("utf-8", "replace")
    finally:
        free = ctypes.CDLL(None).free
        free.argtypes = [ctypes.c_void_p]
        free(found)
