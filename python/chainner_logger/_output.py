"""What a Python process says past its loggers: how Python's own streams and its sudden ends go with a capture."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any

from . import _native

_has_hooks = False


def capture() -> None:
    """Raises OSError if there is no descriptor to be had."""
    global _has_hooks
    if not _has_hooks:
        _has_hooks = True
        _add_hooks()
    _flush()
    _native.capture_output()
    sys.stdout = _line_buffered(sys.stdout, 1)
    sys.stderr = _line_buffered(sys.stderr, 2)


def release() -> None:
    _flush()
    _native.release_output()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # there is none, or it is closed


def _line_buffered(stream: Any, descriptor: int) -> Any:
    """So that what is printed is in the log when `print` returns. What a program has put in the place of the stream
    stays as it is."""
    if stream is None or _is_console_of_windows(stream):
        # The first has had no stream, and the second would write past the capture.
        return open(descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    try:
        if isinstance(stream, io.TextIOWrapper) and stream.fileno() == descriptor:
            stream.reconfigure(line_buffering=True)
            if os.name == "nt":
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    except (OSError, ValueError):
        pass  # closed
    return stream


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
        if hasattr(os, name):
            setattr(os, name, _releasing(getattr(os, name)))


def _releasing(replace_process: Callable[..., Any]) -> Callable[..., Any]:
    """The program that takes the place of this one has the same streams, and nobody would read the pipes."""

    def release_and_replace_process(*arguments: object) -> Any:
        was_captured = _native.is_output_captured()
        release()
        try:
            replace_process(*arguments)
        finally:
            if was_captured:
                _native.capture_output()

    return release_and_replace_process
