"""What a Python process says past its loggers: how Python's own streams and its sudden ends go with a capture."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any

from . import _native

_has_hooks = False
_replaced: dict[str, tuple[Any, Any]] = {}  # streams of Python's that had to be made, and what was there before


def capture() -> None:
    """Raises OSError if there is no descriptor to be had."""
    global _has_hooks
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
        for each in (stream, getattr(sys, f"__{name}__")):
            _write_lines_at_once(each, descriptor)


def release() -> None:
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


def _write_lines_at_once(stream: Any, descriptor: int) -> None:
    """So that what is printed comes before the next record. What a program has put in the place of the stream stays as
    it is."""
    try:
        if isinstance(stream, io.TextIOWrapper) and stream.fileno() == descriptor:
            stream.reconfigure(line_buffering=True)
            if os.name == "nt":
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    except (OSError, ValueError):
        pass  # closed


def _is_console_of_windows(stream: Any) -> bool:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return type(raw).__name__ == "_WindowsConsoleIO"


def _add_hooks() -> None:
    """For the ends of a process that the library does not see in a Python module."""
    end = os._exit

    def _exit(status: int) -> Any:
        _native.settle_output()
        end(status)

    os._exit = _exit
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
