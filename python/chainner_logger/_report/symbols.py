"""The names of the functions in native stacks, as far as modules on this machine have symbol tables."""

from __future__ import annotations

import ctypes
import os
import re
import stat
import struct
import time
from bisect import bisect_right
from functools import lru_cache
from typing import Optional

from . import modules

_STACK = re.compile(r"(?:\n\tat [^\n]+)+")
# Of this machine only: nobody knows who answers to the name of a server in a log that somebody sent.
_FRAME = re.compile(r"(?<=\n\tat )((?:/(?!/)|[A-Za-z]:\\)[^\n]*)\+0x([0-9a-f]+)(?=,|\n|\Z)")
_NAME_ONLY = 0x1000
_FUTURE = 60  # seconds: a clock that was set, a file system that rounds


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
        if not stat.S_ISREG(found.st_mode) or max(found.st_ctime, found.st_mtime) > crashed + _FUTURE:
            return frame[0]  # no module, or another one than that which crashed
        functions = _functions(path)
    except (OSError, ValueError, IndexError, struct.error):
        return frame[0]
    at = bisect_right(functions, (place, 1 << 64, "")) - 1
    if at < 0 or place >= functions[at][0] + functions[at][1]:
        return frame[0]
    begin, _, name = functions[at]
    return f"{_demangled(name)}+{place - begin:#x} ({os.path.basename(path)}+{place:#x})"


_functions = lru_cache(maxsize=64)(modules.functions)


@lru_cache(maxsize=1)
def _demangler() -> Optional[ctypes.CDLL]:
    for runtime in "libstdc++.so.6", "libc++.1.dylib":
        try:
            library = ctypes.CDLL(runtime)
            library.__cxa_demangle.restype = ctypes.c_void_p
            return library
        except (OSError, AttributeError):
            continue
    return None


def _demangled(name: str) -> str:
    """As it stands in the source, where the C++ runtime or Windows is there to tell."""
    if name.startswith("?"):
        return _undecorated(name)
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


def _undecorated(name: str) -> str:
    try:
        undecorate = ctypes.windll.dbghelp.UnDecorateSymbolName
    except (OSError, AttributeError):
        return name
    text = ctypes.create_string_buffer(4096)
    size = undecorate(name.encode(), text, len(text), _NAME_ONLY)
    return text.value.decode("utf-8", "replace") if size else name
