"""One logger for each role, and one for whoever does not know the process's role."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from typing import Literal, cast

from . import _crashes, _native
from ._handlers import ConsoleHandler, EarlyRecords, FileHandler

ProcessType = Literal["host", "worker"]


class Logger(logging.Logger):
    """A logging.Logger whose records take a direct way to the library if they go there alone and unchanged."""

    own_handlers: tuple[FileHandler, ConsoleHandler]  # a role's

    def setLevel(self, level: int | str) -> None:
        """Of all who write to this log: of the role's logger, and of the module's own while it follows the role."""
        for each in (logger, *_role_loggers.values()):
            if each.handlers is self.handlers:
                logging.Logger.setLevel(each, level)

    def __reduce__(self) -> tuple[object, ...]:
        return _logger_named, (self.name,)


_native.add_direct_way(Logger)


def _make_logger(name: str) -> Logger:
    made = logging.getLogger(name)  # perhaps one that others have asked for before
    made.__class__ = Logger
    made.propagate = False
    made.parent = logging.root  # a role's logger is not to pass a record on to the module's own, which has its handlers
    return cast(Logger, made)


def _logger_named(name: str) -> logging.Logger:
    return logger if name == logger.name else get_logger(cast(ProcessType, name.partition(".")[2]))


_early = EarlyRecords(lambda: get_logger_from_env())
_role_loggers: dict[str, Logger] = {}
_process_logger: Logger | None = None

logger: logging.Logger = _make_logger("chaiNNer")
logger.addHandler(_early)
logger.setLevel(logging.DEBUG)


@atexit.register
def _deliver_at_exit() -> None:
    if _early:
        get_logger_from_env()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_early.leave_to_parent)


def setup_logger(
    process_type: ProcessType,
    log_dir: str | os.PathLike[str] | None = None,
    log_level: int | str = logging.INFO,
    dev_mode: bool = False,
    *,
    catch_crashes: bool = True,
) -> logging.Logger:
    """Sets up the logger of a role, and makes it this process's.

    From then on the module's own `logger` writes to it, first of all what was logged there before. Called again, it
    changes the logger that it returned.

    log_dir: where the file is written, created if missing. None: where `python -m chainner_logger` says.
    log_level: records below it are dropped. The variable CHAINNER_LOG_LEVEL wins over it.
    dev_mode: no file, console only.
    catch_crashes: an uncaught exception, also of a thread, becomes a CRITICAL record, and so does a crash of native
        code, of which faulthandler, if it is not in use, writes more to a file beside the log (`worker.crash.txt`).

    Raises ValueError for an unknown role, OSError if log_dir cannot be used.
    """
    level = logging.Logger("", log_level).level
    with _early:
        state = _native.setup_logger(process_type, os.fspath(log_dir or ""), level, not dev_mode)
        found = _adopt(state)
        _follow(found)
        if catch_crashes:
            _crashes.catch(logger, state.file)
    return found


def get_logger(process_type: ProcessType = "worker") -> logging.Logger:
    """The logger of a role, set up with defaults if it is not yet set up."""
    with _early:
        found = _role_loggers.get(process_type)
        return found or _adopt_by_default(_native.get_logger(process_type))


def get_logger_from_env() -> logging.Logger:
    """The logger of the role that this process has set up, else of the one in CHAINNER_PROCESS_TYPE (unset: worker)."""
    with _early:
        return _process_logger or _adopt_by_default(_native.get_logger_from_env())


def attach(*names: str) -> None:
    """Brings the records of other loggers, such as "sanic.root" ("": the root logger), into this process's log.

    Their own handlers that write to the console are removed: the console is in our log, and if nobody reads it, those
    would stop the program. Call it after the framework has configured them.
    """
    console = [each for each in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) if each is not None]
    for name in names:
        other = logging.getLogger(name)
        if isinstance(other, Logger):
            continue
        for handler in other.handlers[:]:
            if isinstance(handler, logging.StreamHandler) and handler.stream in console:
                other.removeHandler(handler)
        other.addHandler(_attached)
        other.propagate = False


def describe_exit(status: int) -> str:
    """`exit code 3`, or `killed by SIGKILL (9), as the OOM killer does`: what a Popen's `returncode` says."""
    return _native.describe_exit(status)


class _Attached(logging.Handler):
    def handle(self, record: logging.LogRecord) -> bool:
        # Ours may come by if somebody has let them propagate to the root logger.
        is_ours = record.name.partition(".")[0] == logger.name
        if not is_ours and logger.isEnabledFor(record.levelno):
            logger.handle(record)
        return not is_ours


_attached = _Attached()


def _adopt(state: _native.RoleState) -> Logger:
    """Makes the logging.Logger for what the library has set up."""
    found = _role_loggers.get(state.role)
    if found is None:
        found = _make_logger(f"chaiNNer.{state.role}")
        file, console = FileHandler(), ConsoleHandler()
        _native.bind(state.role, file, console)
        found.own_handlers = file, console
        _role_loggers[state.role] = found
    file, console = found.own_handlers
    (found.addHandler if state.file else found.removeHandler)(file)
    found.addHandler(console)
    for handler in found.own_handlers:
        handler.setFormatter(handler.formatter)  # the library has gone back to its own
    found.setLevel(state.level)
    return found


def _adopt_by_default(state: _native.RoleState) -> Logger:
    found = _adopt(state)
    if _process_logger is None:
        _follow(found)
        _crashes.catch(logger, state.file)
    return found


def _follow(found: Logger) -> None:
    """Makes the module's own logger write to this one's log."""
    global _process_logger
    if _process_logger is None:
        _early.hand_over(found)  # first, as the handlers and filters below have had these records
        for handler in logger.handlers:
            if handler is not _early:
                found.addHandler(handler)
        for each in logger.filters:
            found.addFilter(each)
    _process_logger = found
    logger.handlers, logger.filters = found.handlers, found.filters
    logger.setLevel(found.level)
