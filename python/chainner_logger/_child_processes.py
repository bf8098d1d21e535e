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
    _add_finalizer(None)
    # A forked child forgets those of its parent before it begins, and may have begun while the parent handled an error.
    util.register_after_fork(_watch, lambda _: _add_finalizer(sys.exc_info()[1]))


def _add_finalizer(error_before: BaseException | None) -> None:
    from multiprocessing.util import Finalize

    # After all that the program itself has added with a priority.
    Finalize(None, _end, args=(error_before,), exitpriority=-1_000_000)


def _end(error_before: BaseException | None) -> None:
    import multiprocessing

    if multiprocessing.parent_process() is None:
        return  # the end of an ordinary process
    # Called in the `finally` of what runs the target, so an exception that goes through it is the one being handled.
    error = sys.exc_info()[1]
    name, has_other_hooks = multiprocessing.current_process().name, multiprocessing.get_start_method() == "spawn"
    _on_end(name, None if error is error_before else error, not has_other_hooks)
