"""The begin of a child process of multiprocessing, and uncaught exceptions of it: it prints them itself, and calls no hook."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

_on_begin: Callable[[], None]
_on_error: Callable[[str, BaseException], None]
_is_watching = False
_sees_errors = False


def watch(on_begin: Callable[[], None], on_error: Callable[[str, BaseException], None]) -> None:
    """Calls, in each child, `on_begin` before its work, and `on_error` with its name and the exception that ends it."""
    global _on_begin, _on_error
    _on_begin, _on_error = on_begin, on_error
    # multiprocessing is large, and not for us to import. A child has it, or comes by fork from a process that has it.
    _watch()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_watch)


def _watch() -> None:
    global _is_watching
    process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
    if _is_watching or process is None or util is None:
        return
    _is_watching = True
    _wrap_children(process.BaseProcess)
    # After all that the program itself has added with a priority.
    util.Finalize(None, _end, args=(sys.exc_info()[1],), exitpriority=-1_000_000)


def _wrap_children(base: Any) -> None:
    """Each child that begins from now on."""
    bootstrap = base._bootstrap

    def watched_bootstrap(self: Any, *args: object, **kwargs: object) -> object:
        global _sees_errors
        _sees_errors = True
        _on_begin()
        run = self.run

        def reporting_run() -> None:
            try:
                run()
            except BaseException as error:
                _on_error(self.name, error)
                raise

        self.run = reporting_run
        return bootstrap(self, *args, **kwargs)

    base._bootstrap = watched_bootstrap


def _end(error_before: BaseException | None) -> None:
    import multiprocessing

    if multiprocessing.parent_process() is None:
        return  # the end of an ordinary process
    # If this package was imported only by what the child runs: before Python 3.13 an exception is passing here.
    error = sys.exc_info()[1]
    if not _sees_errors and error is not None and error is not error_before:
        _on_error(multiprocessing.current_process().name, error)
