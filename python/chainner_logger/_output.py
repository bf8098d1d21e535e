"""What a Python process says past its loggers: how Python's own streams and its sudden ends go with a capture."""

from __future__ import annotations

import atexit
import io
import os
import sys
from collections.abc import Callable
from typing import Any

from . import _native

is_wanted = False  # by this process, or by the parent that has forked it
_has_hooks = False
_replaced: dict[str, tuple[Any, Any]] = {}  # streams of Python's that had to be made, and what was there before


def capture() -> None:
    """Raises OSError if there is no descriptor to be had."""
    global _has_hooks, is_wanted
    if not _has_hooks:
        _has_hooks = True
        _add_hooks()
    _native.capture_output()
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None or _is_console_of_windows(stream):
            # The first has had no stream, and the second would write past the capture.
            made = open(descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
            _replaced[name] = made, stream
            setattr(sys, name, made)
        for each in {id(each): each for each in (stream, getattr(sys, f"__{name}__"))}.values():
            _fit_to_pipe(each, descriptor)
    is_wanted = True


def begin_in_child() -> None:
    """In a child by fork: what it says goes into the log of its own."""
    if is_wanted:
        _native.capture_output()


def release() -> None:
    global is_wanted
    is_wanted = False
    _flush()
    _native.release_output()
    while _replaced:
        name, (made, stream) = _replaced.popitem()
        if getattr(sys, name) is made:
            setattr(sys, name, stream)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # there is none, or it is closed


def _settle() -> None:
    _flush()
    _native.settle_output()


def _fit_to_pipe(stream: Any, descriptor: int) -> None:
    """Lines are written at once, so that what is printed comes before the next record. What a program has put in the
    place of the stream stays as it is."""
    try:
        if isinstance(stream, io.TextIOWrapper) and stream.fileno() == descriptor:
            if stream.seekable():
                _forget_seeking(stream, descriptor)
            stream.reconfigure(line_buffering=True)
            if os.name == "nt":
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    except (AttributeError, OSError, ValueError):
        pass  # closed, or without a buffer


def _forget_seeking(stream: Any, descriptor: int) -> None:
    """Python remembers that the stream was a file, and would ask for its place in it. The stream itself stays, as
    others hold on to it."""
    stream.flush()
    settings = {
        "encoding": stream.encoding,
        "errors": stream.errors,
        "newline": None if os.name == "nt" else "\n",  # as the interpreter makes it
        "write_through": stream.write_through,
    }
    raw = io.FileIO(descriptor, "wb", closefd=False)
    raw.name = stream.name
    buffer = stream.buffer
    if isinstance(buffer, io.BufferedWriter):
        buffer.__init__(raw)
        stream.__init__(buffer, **settings)
    else:  # by `python -u`
        stream.__init__(raw, **settings)


def _is_console_of_windows(stream: Any) -> bool:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return type(raw).__name__ == "_WindowsConsoleIO"


def _add_hooks() -> None:
    """For the ends of a process that the library does not see in a Python module, or sees too late."""
    if os.name == "nt":
        # Its own hook comes when the threads have ended that show what was written.
        atexit.register(_settle)
    for name in ("execv", "execve"):  # the others of their family call these
        if replace_process := getattr(os, name, None):
            setattr(os, name, _releasing(replace_process))
            if replace_process in os.supports_fd:
                os.supports_fd.add(getattr(os, name))


def _releasing(replace_process: Callable[..., Any]) -> Callable[..., Any]:
    """The program that takes the place of this one has the same streams, and nobody would read the pipes."""

    def release_and_replace_process(*arguments: object) -> Any:
        if not _native.is_output_captured():
            return replace_process(*arguments)
        release()
        try:
            return replace_process(*arguments)
        finally:
            capture()

    return release_and_replace_process
