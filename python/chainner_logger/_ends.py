"""Ends of a process that pass by `atexit`: `os._exit`, signals, another program in its place."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

from . import _native


def watch(deliver: Callable[[], None], close: Callable[[], None]) -> None:
    """From now on calls `deliver` before another program takes the place of this one, and `close` at `os._exit`, by
    which gunicorn and the children of multiprocessing end. The library sees to the signals, see `close_at_signals`."""
    os._exit = _preceded(os._exit, close)  # type: ignore[assignment]
    for name in "execv", "execve":  # the others of their family call these
        if replace_process := getattr(os, name, None):
            setattr(os, name, _preceded(replace_process, deliver))
            if replace_process in os.supports_fd:
                os.supports_fd.add(getattr(os, name))
    set_handler = signal.signal

    @functools.wraps(set_handler)
    def set_handler_and_close_by_default(number: Any, handler: Any) -> Any:
        before = set_handler(number, handler)
        if handler == signal.SIG_DFL:
            # So does uvicorn, before it raises the signal again that it has caught.
            _native.close_at_signals()
        return before

    signal.signal = set_handler_and_close_by_default


def _preceded(function: Callable[..., Any], before: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        try:
            before()
        except BaseException:
            pass  # as a signal handler may raise: a child by fork that went on would do its parent's work once more
        return function(*arguments, **keywords)

    return call
