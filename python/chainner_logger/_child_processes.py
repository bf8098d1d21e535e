"""The end of a child process of multiprocessing, which passes by the hooks that see the end of any other.

It prints an uncaught exception itself, and all but those that were spawned end by `os._exit`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

_on_end: Callable[[str, BaseException | None, bool], None]
_is_watching = False


def watch(on_end: Callable[[str, BaseException | None, bool], None]) -> None:
    """Has `on_end` called at the end of each child, in it: with its name, with the exception that ends it, if there is
    one, and with whether nothing else is called at its end."""
    global _on_end
    _on_end = on_end
    # multiprocessing is large, and not for us to import. A child has it, or comes by fork from a process that has it.
    _watch()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_watch)


def _watch() -> None:
    global _is_watching
    util = sys.modules.get("multiprocessing.util")
    if _is_watching or util is None:
        return
    _is_watching = True
    _add_finalizer()
    util.register_after_fork(_watch, _add_finalizer)  # a forked child forgets those of its parent before it begins


def _add_finalizer(*_: object) -> None:
    from multiprocessing.util import Finalize

    Finalize(None, _end, exitpriority=-1_000_000)  # after all that the program itself has added with a priority


def _end() -> None:
    import multiprocessing

    if multiprocessing.parent_process() is None:
        return  # the end of an ordinary process
    # Called in the `finally` of what runs the target, so an exception that goes through it is the one being handled.
    error = sys.exc_info()[1]
    _on_end(multiprocessing.current_process().name, error, multiprocessing.get_start_method() != "spawn")
