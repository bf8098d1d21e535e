"""One logger for each role, and one for whoever does not know the process's role."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
import types
from typing import Literal, TypeVar, cast, get_args

from . import _child_processes, _configuration, _crashes, _ends, _exceptions, _native, _output
from ._handlers import ConsoleHandler, EarlyRecords, FileHandler
from ._records import is_of_signal_handler, repaired

ProcessType = Literal["host", "worker"]
ColorMode = Literal["automatic", "always", "never"]


level_followers: list[logging.Logger] = []  # of others, as long as they have the level of the process's log


class Logger(logging.Logger):
    """A logging.Logger whose records take a direct way to the library if they go there alone and unchanged."""

    def setLevel(self, level: int | str) -> None:
        """Of all who write to this log: of the role's logger, and of the module's own while it follows the role."""
        before = self.level
        for each in (self, logger, *_role_loggers.values()):
            if each is self or each.handlers is self.handlers:
                logging.Logger.setLevel(each, level)
                # Left undone for a logger that somebody has thrown out of the tree.
                each._cache.clear()  # type: ignore[attr-defined]
        for other in level_followers:
            if self.handlers is logger.handlers and other.level == before:
                other.setLevel(self.level)

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


_AnyLogger = TypeVar("_AnyLogger", bound=Logger)


def _become(found: logging.Logger, kind: type[_AnyLogger]) -> _AnyLogger:
    """Others may have set a class for new loggers, whose methods they call, and which come first as in any logger."""
    others = type(found)
    if not isinstance(found, kind):
        found.__class__ = kind if others is logging.Logger else type(others.__name__, (others, kind), {})
    return cast(_AnyLogger, found)


def _process_logger_at(path: str) -> logging.Logger:
    return _become(logging.getLogger(path), ProcessLogger)


def _make(name: str, kind: type[_AnyLogger]) -> _AnyLogger:
    made = _become(logging.getLogger(name), kind)  # perhaps one that others have asked for before
    made.disabled = False
    return made


def _add_direct_way() -> None:
    """It is taken as long as all that it leaves out is what the standard library and this package have there. What others
    have put in its place before counts as a change."""
    sources = {each.__code__.co_filename for each in (logging.addLevelName, Logger.handle, FileHandler.emit)}

    def pieces(kind: type, names: tuple[str, ...], example: object = None) -> tuple[int, dict[str, object]]:
        found = {}
        for name in names:
            piece = getattr(kind, name)
            is_known = type(piece) is types.FunctionType and piece.__code__.co_filename in sources
            found[name] = piece if is_known else object()
        return len(vars(example)) if example else 0, found

    of_handlers = "handle", "filter", "emit", "format"
    of_loggers = "isEnabledFor", "_log", "makeRecord", "handle", "findCaller", "filter", "callHandlers"
    classes = {
        Logger: pieces(Logger, of_loggers, logger),
        FileHandler: pieces(FileHandler, of_handlers, FileHandler()),
        ConsoleHandler: pieces(ConsoleHandler, of_handlers, ConsoleHandler()),
    }
    passed_by = {
        logging.Logger: pieces(logging.Logger, ("debug", "info", "warning", "error", "critical")),
        logging.LogRecord: pieces(logging.LogRecord, ("__init__", "getMessage")),
        logging.Formatter: pieces(logging.Formatter, ("format", "usesTime", "formatMessage")),
    }
    formatter = logging._defaultFormatter  # type: ignore[attr-defined]
    clock = "time_ns" if sys.version_info >= (3, 13) else "time"
    is_own_clock = type(getattr(time, clock)) is types.BuiltinFunctionType
    values = [
        (vars(logging), "_logRecordFactory", logging.LogRecord),
        (vars(logging), "_defaultFormatter", formatter if type(formatter) is logging.Formatter else object()),
        (vars(formatter), "format"),
        (vars(time), clock, getattr(time, clock) if is_own_clock else object()),
    ]
    _native.add_direct_way(classes, passed_by, values, is_of_signal_handler, _are_classes_counted())


def _are_classes_counted() -> bool:
    """Whether this CPython counts the changes of a class where the native module looks for it."""
    base = type("Base", (), {})
    derived = type("Derived", (base,), {})
    seen = set()
    for value in range(3):
        setattr(base, "value", value)
        if _native.class_version(derived) != 0:
            return False
        getattr(derived, "value")
        seen.add(_native.class_version(derived))
    return len(seen) == 3 and 0 not in seen


# A role's logger is a child of the module's own, and passes its records on to that one until it is set up.
_role_loggers = {role: _make(f"chaiNNer.{role}", Logger) for role in get_args(ProcessType)}
logger: logging.Logger = _make("chaiNNer", ProcessLogger)
logger.propagate = False
logger.setLevel(logging.DEBUG)
_add_direct_way()

# A file's and a console's for each role that is set up, whether it uses them or not.
_own_handlers: dict[str, tuple[FileHandler, ConsoleHandler]] = {}
_used_handlers: dict[str, list[logging.Handler]] = {}

_process_logger: Logger | None = None  # of the role that the process has set up
_early = EarlyRecords(lambda: get_logger_from_env())
logger.addHandler(_early)


def _process_role() -> str:
    if _process_logger is not None:
        return _process_logger.name.partition(".")[2]
    named = os.environ.get("CHAINNER_PROCESS_TYPE", "")
    return named if named in _role_loggers else "worker"


def is_own(name: str) -> bool:
    return name == "chaiNNer" or name.startswith("chaiNNer.")


def _after_configuration(left_alone: set[str]) -> None:
    """A configuration takes the handlers of all that it names. If it gives none instead, it wanted something else."""
    if _process_logger is None and _early not in logger.handlers:
        logger.addHandler(_early)
    for role, used in _used_handlers.items():
        each = _role_loggers[role]
        is_named = f"chaiNNer.{role}" not in left_alone or (each is _process_logger and "chaiNNer" not in left_alone)
        if is_named and not each.handlers:
            for handler in used:
                each.addHandler(handler)


_configuration.spare(is_own, _after_configuration)


def _record_error_of_child(name: str, error: BaseException) -> None:
    is_crash = not isinstance(error, (KeyboardInterrupt, SystemExit))
    if is_crash and (_exceptions.is_caught() or _process_logger is None):
        logger.critical("Uncaught exception in process %s", name, exc_info=error)


_child_processes.watch(_output.begin_in_child, _record_error_of_child)


@atexit.register
def _deliver() -> None:
    if _early:
        get_logger_from_env()


def _close() -> None:
    _native.settle_output()
    try:
        _deliver()
    finally:
        _native.remove_empty_crash_file()
        if os.name == "posix":  # Windows tells the library of this end as of any other
            _native.end_sessions()


_ends.watch(_deliver, _close)


def _after_fork_in_child() -> None:
    _early.leave_to_parent()
    if _process_logger is not None:
        _follow(_process_logger)  # the thread that was at it is the parent's


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def setup_logger(
    process_type: ProcessType,
    log_dir: str | os.PathLike[str] | None = None,
    log_level: int | str = logging.INFO,
    dev_mode: bool = False,
    *,
    catch_crashes: bool = True,
    capture_output: bool | None = None,
    level: int | str | None = None,
    to_file: bool | None = None,
    to_console: bool = True,
    max_file_size: int = 10 * 1024 * 1024,
    max_files: int = 5,
    file_pattern: str | None = None,
    console_pattern: str | None = None,
    utc_offset: bool = False,
    group_readable: bool = False,
    application_version: str = "",
    color: ColorMode = "automatic",
) -> logging.Logger:
    """Sets up the logger of a role, and makes it this process's.

    From then on the module's own `logger` writes to it, first of all what was logged there before. Called again, it
    changes the logger that it returned. Thread-safe.

    log_dir: where the file is written, created if missing. None: where `python -m chainner_logger` says.
    log_level, or level: records below it are dropped. The variable CHAINNER_LOG_LEVEL wins over it.
    dev_mode, or to_file=False: no file, console only.
    to_console: False: nothing on stderr.
    catch_crashes: an uncaught exception, also of a thread, becomes a CRITICAL record, and so does a crash of native
        code, of which faulthandler, if it is not in use, writes more to a file beside the log (`worker.crash.txt`).
    capture_output: True: each line that this process, its native code or a program that it starts writes to stdout or
        stderr is a record too, at level INFO, with `stdout: ` or `stderr: ` before it; the streams show it as before,
        and whoever prints waits for no reader of theirs. None: as it is. False: no longer.
    max_file_size: bytes; the file is rotated before it is larger. max_files: rotated files kept beside the live one.
    file_pattern, console_pattern: patterns of spdlog; %n is the name of the logger. None: as chaiNNer's logs have it.
    utc_offset: times in the file say their UTC offset (`2025-10-19 05:52:25.123+02:00`). The variable
        CHAINNER_LOG_UTC_OFFSET (1 or 0) wins over it.
    group_readable: the group of the log files may read them, as a collector may have to that runs as another user.
        The folder is not touched. No effect on Windows. The variable CHAINNER_LOG_GROUP_READABLE (1 or 0) wins over it.
    application_version: of the program, as its users know it; each file says it, and so does a report.
    color: "automatic": where stderr is a terminal and no variable says otherwise. "always", "never".

    Raises ValueError for an unknown role or a limit without sense, OSError if log_dir cannot be used or nothing can be
    captured.
    """
    if color not in _colors:
        raise ValueError(f"color is {color!r}; it must be one of {', '.join(_colors)}")
    # At 0 the level of the root logger would count.
    least = logging.Logger("", log_level if level is None else level).level or 1
    try:
        state = _native.setup_logger(
            role=process_type,
            log_dir=log_dir or "",
            level=least,
            to_file=not dev_mode if to_file is None else to_file,
            to_console=to_console,
            max_file_size=max_file_size,
            max_files=max_files,
            file_pattern=file_pattern,
            console_pattern=console_pattern,
            utc_offset=utc_offset,
            group_readable=group_readable,
            application_version=application_version,
            color=_colors[color],
        )
    except OverflowError:
        limits = f"log_level is {least}, max_file_size is {max_file_size}, max_files is {max_files}"
        raise ValueError(f"{limits}; one of them is beyond what can be counted") from None
    found = _adopt(state, to_console)
    _follow(found)
    if catch_crashes:
        _crashes.catch(logger, state[-1])
    else:
        _crashes.release_file()
    if capture_output is not None:
        _output.capture() if capture_output else _output.release()
    return found


_colors = {"always": 0, "automatic": 1, "never": 2}  # as spdlog counts them


def get_logger(process_type: ProcessType = "worker") -> logging.Logger:
    """The logger of a role, set up with defaults if it is not yet set up."""
    if process_type in _own_handlers:
        return _role_loggers[process_type]
    return _adopt_by_default(_native.get_logger(process_type))


def get_logger_from_env() -> logging.Logger:
    """The logger of the role that this process has set up, else of the one in CHAINNER_PROCESS_TYPE (unset: worker)."""
    if _process_logger is None:
        return _adopt_by_default(_native.get_logger_from_env())
    if _early.is_waiting():  # a signal handler's exception has ended the set-up
        _follow(_process_logger)
    return _process_logger


def describe_exit(status: int) -> str:
    """`exit code 3`, or `killed by SIGKILL (9), as the OOM killer does`: what a Popen's `returncode` says."""
    return _native.describe_exit(status)


# Whoever sets up holds no lock of Python's while it is in the library: a daemon thread may end there, with the
# interpreter, and would take the lock with it.


def _adopt(state: _native.RoleState, has_console: bool = True) -> Logger:
    """Lets the logging.Logger write to what the library has set up."""
    role, level, is_to_file, _ = state
    found = _role_loggers[role]
    with logging._lock:  # type: ignore[attr-defined]
        if role not in _own_handlers:
            file, console = FileHandler(), ConsoleHandler()
            _native.bind(role, file, console, console.own_stderr)
            found.propagate = False
            found.parent = logging.root  # not to pass a record on to the module's own, which has its handlers
            _own_handlers[role] = file, console
        file, console = _own_handlers[role]
        used: list[logging.Handler] = [file] if is_to_file else []
        if has_console:
            used.append(console)
        _used_handlers[role] = used
        found.handlers[:] = used + [each for each in found.handlers if each not in _own_handlers[role]]
        # Whatever others have done to it meanwhile:
        found.disabled = logger.disabled = False
        logging.root.manager.loggerDict.update({vars(each)["name"]: each for each in (found, logger)})
        found.setLevel(level)
    for handler in file, console:
        if handler.formatter is not None:
            handler.setFormatter(handler.formatter)  # the library has gone back to its own pattern
    return found


def _adopt_by_default(state: _native.RoleState) -> Logger:
    found = _adopt(state)
    if _process_logger is None:
        _follow(found)
        _crashes.catch(logger, state[-1])
    return found


def _follow(found: Logger) -> None:
    """Makes the module's own logger write to this one's log."""
    global _process_logger
    _process_logger = found
    _native.close_at_signals()
    _early.hand_over(found, _share_handlers)  # first, as the handlers and filters below have had these records


def _share_handlers() -> None:
    found = cast(Logger, _process_logger)
    with logging._lock:  # type: ignore[attr-defined]
        if all(each.handlers is not logger.handlers for each in _role_loggers.values()):
            for handler in logger.handlers:
                if handler is not _early:
                    found.addHandler(handler)
            for each in logger.filters:
                found.addFilter(each)
        logger.handlers, logger.filters = found.handlers, found.filters
        logger.setLevel(found.level)
