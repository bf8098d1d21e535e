"""What a process says when it dies."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path

from . import _native
from ._handlers import ConsoleHandler

_has_hooks = False
_crash_file: int | None = None


def catch(logger: logging.Logger, log_file: Path | None) -> None:
    """Uncaught exceptions and crashes of native code become records of `logger`.

    The stacks of Python's code go to a file beside `log_file`, as only faulthandler knows them then.
    """
    global _has_hooks
    if not _has_hooks:
        _has_hooks = True
        _add_hooks(logger)
    if log_file is not None and (_crash_file is not None or not faulthandler.is_enabled()):
        try:
            _write_native_crashes(log_file.with_suffix(".crash.txt"))
        except OSError as error:
            logger.warning("Python's stacks will not be written if native code crashes: %s", error)
    _native.install_crash_handler()  # last, so that it comes first, and then hands over to faulthandler


def _add_hooks(logger: logging.Logger) -> None:
    previous, previous_of_threads = sys.excepthook, threading.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        is_interrupt = issubclass(kind, KeyboardInterrupt)
        if not is_interrupt:
            logger.critical("Uncaught exception", exc_info=(kind, error, trace))
        if is_interrupt or not _has_shown(logger, previous):
            previous(kind, error, trace)

    def excepthook_of_threads(args: threading.ExceptHookArgs) -> None:
        is_exit = issubclass(args.exc_type, SystemExit)
        if not is_exit:
            name = args.thread.name if args.thread else "unknown"
            logger.critical("Uncaught exception in thread %s", name, exc_info=args.exc_value)
        if is_exit or not _has_shown(logger, previous_of_threads):
            previous_of_threads(args)

    sys.excepthook, threading.excepthook = excepthook, excepthook_of_threads


def _has_shown(logger: logging.Logger, hook: Callable[..., object]) -> bool:
    """Whether our console has shown all that `hook` would: the interpreter's own prints the same again, and waits for
    ever if nobody reads it."""
    is_interpreters_own = isinstance(hook, types.BuiltinFunctionType)
    has_console = any(isinstance(each, ConsoleHandler) for each in logger.handlers)
    return is_interpreters_own and has_console and logger.isEnabledFor(logging.CRITICAL)


def _write_native_crashes(path: Path) -> None:
    global _crash_file
    before = _crash_file
    _crash_file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    os.write(_crash_file, f"{now} [{os.getpid()}] started; if it crashes, this follows:\n".encode())
    faulthandler.enable(_crash_file)
    if before is not None:
        os.close(before)
