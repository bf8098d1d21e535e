"""Loggers of others, whose records come into this process's log."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Iterator

from . import _configuration
from ._loggers import is_own, level_followers, logger
from ._records import repaired

_attached: dict[str, _Attached] = {}  # by the logger's name


def attach(*names: str) -> None:
    """Brings the records of other loggers, such as "uvicorn" ("": the root logger), into this process's log.

    Their own handlers that write to the console are removed: the console is in our log, and if nobody reads it, those
    would stop the program. They keep their levels, but for a root logger at Python's default, WARNING: that takes the
    level of the log, and goes with it. What is attached stays so when a framework configures its loggers later.
    """
    for name in names:
        if is_own(name):
            continue
        other = logging.getLogger(name)
        if other is logging.root and name not in _attached and other.level == logging.WARNING:
            other.setLevel(logger.level)
            level_followers.append(other)
        _attach(other, _attached.setdefault(name, _Attached(other)))


def _attach(other: logging.Logger, ours: _Attached) -> None:
    console = [each for each in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) if each is not None]
    for handler in other.handlers[:]:
        if isinstance(handler, logging.StreamHandler) and handler.stream in console:
            other.removeHandler(handler)
    other.addHandler(ours)
    other.propagate = False


def _attach_again(*_: object) -> None:
    for name, ours in _attached.items():
        _attach(logging.getLogger(name), ours)


def _is_attached(name: str) -> bool:
    return any(not each or f"{name}.".startswith(f"{each}.") for each in _attached)


_configuration.spare(_is_attached, _attach_again)
_configuration.after_root(_attach_again)


class _Attached(logging.Handler):
    """Hands the records of another logger over to all handlers of ours that do not get them from that one anyway."""

    def __init__(self, other: logging.Logger) -> None:
        super().__init__()
        self._other = other

    def handle(self, record: logging.LogRecord) -> bool:
        # Ours may come by if somebody has let them propagate to the root logger.
        is_ours = is_own(str(record.name))  # None, if it was made without one
        if not is_ours and logger.isEnabledFor(record.levelno):
            self._hand_over(repaired(_with_message(record)))
        return not is_ours

    def _hand_over(self, record: logging.LogRecord) -> None:
        """As Logger.handle, which would let it come by once more."""
        found = logger.filter(record)
        if not found:
            return
        for handler in dict.fromkeys(_handlers_of(logger)):
            has_it = isinstance(handler, _Attached) or handler in self._other.handlers
            if not has_it and record.levelno >= handler.level:
                handler.handle(found if isinstance(found, logging.LogRecord) else record)


def _handlers_of(at: logging.Logger) -> Iterator[logging.Handler]:
    yield from at.handlers
    if at.propagate and at.parent:
        yield from _handlers_of(at.parent)


def _with_message(record: logging.LogRecord) -> logging.LogRecord:
    """Sanic says of a request all by attributes that its own formatter knows, and nothing by the message."""
    extra = {name: value for name, value in vars(record).items() if name not in _usual_names}
    if record.msg == "" and extra:
        record = copy.copy(record)
        record.msg = ", ".join(f"{name}: %s" for name in extra)
        record.args = tuple(extra.values())
    return record


_usual_names = {*vars(logging.makeLogRecord({})), "message", "asctime"}

