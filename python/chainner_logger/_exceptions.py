"""Uncaught exceptions become records. Who else would show them still does, unless our console has."""

from __future__ import annotations

import logging
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

from ._handlers import ConsoleHandler

_ours: set[object] = set()
_at_work: set[int] = set()  # on exceptions with these ids


def catch(logger: logging.Logger) -> None:
    """From now on. Called again, it finds out whether others have taken the hooks away meanwhile."""
    if sys.excepthook not in _ours:
        sys.excepthook = _hook(logger, sys.excepthook)
    if threading.excepthook not in _ours:
        threading.excepthook = _hook_of_threads(logger, threading.excepthook)


def is_caught() -> bool:
    """Whether `catch` has been called."""
    return bool(_ours)


def _hook(logger: logging.Logger, previous: Callable[..., object]) -> Callable[..., None]:
    def excepthook(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        about = kind, error, trace
        if issubclass(kind, KeyboardInterrupt) or _is_packagers(error, trace):
            previous(*about)
        else:
            _record(logger, "Uncaught exception", about, previous, *about)

    _ours.add(excepthook)
    return excepthook


def _is_packagers(error: BaseException, trace: types.TracebackType | None) -> bool:
    """At the end of an app PyInstaller flushes the standard streams, also those that a windowed one does not have."""
    if not (getattr(sys, "frozen", False) and (sys.stdout is None or sys.stderr is None) and trace is not None):
        return False
    is_no_file = trace.tb_next is None and trace.tb_frame.f_code.co_filename == "<string>"
    return is_no_file and isinstance(error, AttributeError)


def _hook_of_threads(logger: logging.Logger, previous: Callable[..., object]) -> Callable[..., None]:
    def excepthook(args: threading.ExceptHookArgs) -> None:
        if issubclass(args.exc_type, SystemExit):
            previous(args)
        else:
            message = f"Uncaught exception in thread {args.thread.name if args.thread else 'unknown'}"
            _record(logger, message, (args.exc_type, args.exc_value, args.exc_traceback), previous, args)

    _ours.add(excepthook)
    return excepthook


def _record(logger: logging.Logger, message: str, about: Any, previous: Callable[..., object], *arguments: object) -> None:
    """Python's own hook is left out where our console has shown the exception: it prints the same again, and waits for
    ever if nobody reads it."""
    key = id(about[1])
    if key in _at_work:
        previous(*arguments)  # a hook of ours has come to stand before this one
        return
    _at_work.add(key)
    try:
        ConsoleHandler.awaited[key] = False
        logger.critical("%s", message, exc_info=about)
        is_shown = ConsoleHandler.awaited.pop(key, False)
        if not (is_shown and isinstance(previous, types.BuiltinFunctionType)):
            previous(*arguments)
    finally:
        _at_work.discard(key)
