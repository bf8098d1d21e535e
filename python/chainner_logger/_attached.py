"""Loggers of others, whose records come into this process's log."""

from __future__ import annotations

import logging
import sys

from ._loggers import is_own, logger


def attach(*names: str) -> None:
    """Brings the records of other loggers, such as "sanic.root" ("": the root logger), into this process's log.

    Their own handlers that write to the console are removed: the console is in our log, and if nobody reads it, those
    would stop the program. Call it after the framework has configured them.
    """
    console = [each for each in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) if each is not None]
    for name in names:
        if is_own(name):
            continue
        other = logging.getLogger(name)
        for handler in other.handlers[:]:
            if isinstance(handler, logging.StreamHandler) and handler.stream in console:
                other.removeHandler(handler)
        other.addHandler(_attached)
        other.propagate = False


class _Attached(logging.Handler):
    def handle(self, record: logging.LogRecord) -> bool:
        # Ours may come by if somebody has let them propagate to the root logger.
        is_ours = is_own(str(record.name))  # None, if it was made without one
        if not is_ours and logger.isEnabledFor(record.levelno):
            logger.handle(record)
        return not is_ours


_attached = _Attached()
