"""One logger for each role, and one for whoever does not know the process's role."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, cast, get_args

from . import _child_processes, _configuration, _crashes, _native, _output
from ._handlers import ConsoleHandler, EarlyRecords, FileHandler
from ._records import repaired

ProcessType = Literal["host", "worker"]


class Logger(logging.Logger):
    """A logging.Logger whose records take a direct way to the library if they go there alone and unchanged."""

    # Of a role that is set up:
    own_handlers: tuple[FileHandler, ConsoleHandler] | None = None
    has_file = False

    def setLevel(self, level: int | str) -> None:
        """Of all who write to this log: of the role's logger, and of the module's own while it follows the role."""
        for each in (self, logger, *_role_loggers.values()):
            if each is self or each.handlers is self.handlers:
                logging.Logger.setLevel(each, level)
                # Left undone for a logger that somebody has thrown out of the tree.
                each._cache.clear()  # type: ignore[attr-defined]

    def handle(self, record: logging.LogRecord) -> None:
        super().handle(repaired(record))

    def __reduce__(self) -> tuple[object, ...]:
        return get_logger, (self.name.partition(".")[2],)


class ProcessLogger(Logger):
    """The module's own logger, and its children: named as those of the role that the process has set up, or will set
    up if nobody says otherwise. In the tree they have a branch of their own, so that they can go from role to role."""

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"chaiNNer.{_process_role()}{self._path[len('chaiNNer') :]}"

    @property
    def _path(self) -> str:
        return vars(self)["name"]

    def getChild(self, suffix: str) -> logging.Logger:  # type: ignore[override]
        if suffix.partition(".")[0] in _role_loggers:
            return super().getChild(suffix)  # below the role's logger: here that name is the role itself
        return _process_logger_at(f"{self._path}.{suffix}")

    def __reduce__(self) -> tuple[object, ...]:
        return _process_logger_at, (self._path,)


_native.add_direct_way(Logger)


def _process_logger_at(path: str) -> logging.Logger:
    found = logging.getLogger(path)
    kind = type(found)
    if not issubclass(kind, ProcessLogger):
        # Others may have set a class for new loggers, whose methods they call.
        found.__class__ = ProcessLogger if kind is logging.Logger else type(kind.__name__, (ProcessLogger, kind), {})
    return found


def _make(name: str, kind: type[Logger]) -> Logger:
    made = logging.getLogger(name)  # perhaps one that others have asked for before
    made.__class__ = kind
    made.disabled = False
    return cast(Logger, made)


# A role's logger is a child of the module's own, and passes its records on to that one until it is set up.
_role_loggers = {role: _make(f"chaiNNer.{role}", Logger) for role in get_args(ProcessType)}
logger: logging.Logger = _make("chaiNNer", ProcessLogger)
logger.propagate = False
logger.setLevel(logging.DEBUG)

_process_logger: Logger | None = None  # of the role that the process has set up
_early = EarlyRecords(lambda: get_logger_from_env())
logger.addHandler(_early)


def _process_role() -> str:
    if _process_logger is not None:
        return _process_logger.name.partition(".")[2]
    named = os.environ.get("CHAINNER_PROCESS_TYPE", "")
    return named if named in _role_loggers else "worker"


@contextmanager
def _setting_up() -> Iterator[None]:
    """One thread at a time, with no early record on its way. First the lock of the standard library, which a
    configuration holds while it closes handlers and while code of its own logs."""
    with logging._lock, _early:  # type: ignore[attr-defined]
        yield


def is_own(name: str) -> bool:
    return name == "chaiNNer" or name.startswith("chaiNNer.")


def _after_configuration(left_alone: set[str]) -> None:
    """A configuration takes the handlers of all that it names. If it gives none instead, it wanted something else."""
    if _process_logger is None and _early not in logger.handlers:
        logger.addHandler(_early)
    for role, each in _role_loggers.items():
        is_named = f"chaiNNer.{role}" not in left_alone or (each is _process_logger and "chaiNNer" not in left_alone)
        if is_named and not each.handlers:
            _add_own_handlers(each)


_configuration.spare(is_own, _after_configuration)


def _record_error_of_child(name: str, error: BaseException) -> None:
    is_crash = not isinstance(error, (KeyboardInterrupt, SystemExit))
    if is_crash and (_crashes.is_caught() or _process_logger is None):
        logger.critical("Uncaught exception in process %s", name, exc_info=error)


_child_processes.watch(_output.begin_in_child, _record_error_of_child, _native.end_sessions)


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
    capture_output: bool | None = None,
    utc_offset: bool = False,
    group_readable: bool = False,
) -> logging.Logger:
    """Sets up the logger of a role, and makes it this process's.

    From then on the module's own `logger` writes to it, first of all what was logged there before. Called again, it
    changes the logger that it returned.

    log_dir: where the file is written, created if missing. None: where `python -m chainner_logger` says.
    log_level: records below it are dropped. The variable CHAINNER_LOG_LEVEL wins over it.
    dev_mode: no file, console only.
    catch_crashes: an uncaught exception, also of a thread, becomes a CRITICAL record, and so does a crash of native
        code, of which faulthandler, if it is not in use, writes more to a file beside the log (`worker.crash.txt`).
    capture_output: True: each line that this process, its native code or a program that it starts writes to stdout or
        stderr is a record too, at level INFO, with `stdout: ` or `stderr: ` before it; the streams show it as before,
        and whoever prints waits for no reader of theirs. None: as it is. False: no longer.
    utc_offset: times in the file say their UTC offset (`2025-10-19 05:52:25.123+02:00`). The variable
        CHAINNER_LOG_UTC_OFFSET (1 or 0) wins over it.
    group_readable: the group of the log files may read them, as a collector may have to that runs as another user.
        The folder is not touched. No effect on Windows. The variable CHAINNER_LOG_GROUP_READABLE (1 or 0) wins over it.

    Raises ValueError for an unknown role, OSError if log_dir cannot be used or nothing can be captured.
    """
    level = logging.Logger("", log_level).level
    with _setting_up():
        state = _native.setup_logger(
            process_type, os.fspath(log_dir or ""), level, not dev_mode, utc_offset, group_readable
        )
        found = _adopt(state)
        _follow(found)
        if catch_crashes:
            _crashes.catch(logger, state.file)
    if capture_output is not None:
        _output.capture() if capture_output else _output.release()
    return found


def get_logger(process_type: ProcessType = "worker") -> logging.Logger:
    """The logger of a role, set up with defaults if it is not yet set up."""
    with _setting_up():
        found = _role_loggers.get(process_type)
        return found if found and found.own_handlers else _adopt_by_default(_native.get_logger(process_type))


def get_logger_from_env() -> logging.Logger:
    """The logger of the role that this process has set up, else of the one in CHAINNER_PROCESS_TYPE (unset: worker)."""
    with _setting_up():
        return _process_logger or _adopt_by_default(_native.get_logger_from_env())


def describe_exit(status: int) -> str:
    """`exit code 3`, or `killed by SIGKILL (9), as the OOM killer does`: what a Popen's `returncode` says."""
    return _native.describe_exit(status)


def _adopt(state: _native.RoleState) -> Logger:
    """Lets the logging.Logger write to what the library has set up."""
    found = _role_loggers[state.role]
    if found.own_handlers is None:
        found.own_handlers = FileHandler(), ConsoleHandler()
        _native.bind(state.role, *found.own_handlers)
        found.propagate = False
        found.parent = logging.root  # not to pass a record on to the module's own, which has its handlers
    found.has_file = state.file is not None
    if not found.has_file:
        found.removeHandler(found.own_handlers[0])
    _add_own_handlers(found)
    for handler in found.own_handlers:
        handler.setFormatter(handler.formatter)  # the library has gone back to its own
    # Whatever others have done to it meanwhile:
    found.disabled = logger.disabled = False
    logging.root.manager.loggerDict.update({found.name: found, "chaiNNer": logger})
    found.setLevel(state.level)
    return found


def _add_own_handlers(found: Logger) -> None:
    if found.own_handlers is not None:
        file, console = found.own_handlers
        if found.has_file:
            found.addHandler(file)
        found.addHandler(console)


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
