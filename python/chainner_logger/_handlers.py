"""Handlers of the standard library's kind that write through the C++ library."""

from __future__ import annotations

import copy
import io
import logging
import sys
import threading
from collections.abc import Callable

from . import _native
from ._records import is_of_signal_handler, repaired, text_of


class _SinkHandler(logging.Handler):
    """Writes to a sink of the C++ library.

    Without a formatter a record looks as it does everywhere in chaiNNer's logs; with one, as that has it. Either way
    its further lines begin with a tab, and its control characters are visible.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the handler's lock: the sink has one, and no code of Python's is to run below a lock of ours.
        passed = self.filter(record)
        if isinstance(passed, logging.LogRecord):
            record = passed
        if passed:
            self.emit(repaired(record))
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        _native.write(self, record.levelno, record.created, text_of(record, self), str(record.name))

    def setFormatter(self, fmt: logging.Formatter | None) -> None:
        super().setFormatter(fmt)
        _native.use_own_pattern(self, fmt is None)

    def flush(self) -> None:
        _native.flush(self)


class FileHandler(_SinkHandler):
    """The file of a role. `close` leaves it open: a configuration of logging, and `logging.shutdown`, close all
    handlers while the process goes on. The session ends with the process, or when the role is set up elsewhere."""

    @property
    def baseFilename(self) -> str:
        """The file that is written now; empty while there is none."""
        path = _native.file_path(self)
        return str(path) if path else ""


class ConsoleHandler(_SinkHandler, logging.StreamHandler):  # type: ignore[type-arg]
    """stderr: coloured if it is a terminal, and never waited for if nobody reads it.

    With another `stream` it is an ordinary StreamHandler, in the same pattern unless it has a formatter. So it is if
    something else stands in the place of `sys.stderr` when it is made, as in a notebook.
    """

    _pattern = logging.Formatter("[%(asctime)s] [%(process)s] [%(levelname)s] %(message)s", "%H:%M:%S")

    # By the id of an exception, whether its record has been shown: for who else would show it.
    awaited: dict[int, bool] = {}

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.own_stderr = self.stream if _is_of_process(self.stream) else object()

    def emit(self, record: logging.LogRecord) -> None:
        is_foreign = self._has_foreign_stream()
        error = record.exc_info[1] if record.exc_info else None
        if id(error) in self.awaited:
            self.awaited[id(error)] = not is_foreign or self.stream is sys.stderr
        if is_foreign:
            logging.StreamHandler.emit(self, record)
        else:
            super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        if self.formatter is None and self._has_foreign_stream():
            return self._pattern.format(record).replace("\n", "\n\t")
        return super().format(record)

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        self.awaited.clear()  # rather shown twice than not at all
        if isinstance(error, Exception) and is_of_signal_handler(error):
            raise error
        super().handleError(record)

    def _has_foreign_stream(self) -> bool:
        """One that was closed meanwhile, as a test runner's is after each test, is none: there is still stderr."""
        return self.stream is not self.own_stderr and not getattr(self.stream, "closed", False)

    def flush(self) -> None:
        # What Python holds back for stderr is the program's, and to write it might wait for ever.
        if self._has_foreign_stream():
            logging.StreamHandler.flush(self)
        else:
            super().flush()


def _is_of_process(stream: object) -> bool:
    """Whether it is this process's stderr as the interpreter makes it: None, if there is none."""
    if stream is sys.__stderr__:
        return True
    try:
        return type(stream) is io.TextIOWrapper and stream.fileno() == 2
    except (OSError, ValueError):
        return False


class EarlyRecords(logging.Handler):
    """Keeps records until it is known where they go: until somebody sets up a logger, or it is time to do it without."""

    most = 1000
    longest = 1.0  # seconds

    def __init__(self, set_up: Callable[[], object]) -> None:
        """set_up: is called at a WARNING or worse, when `most` records wait, when the first has waited for `longest`, and
        at the first record of a child process, where whoever would do it does not run."""
        super().__init__()
        self._set_up = set_up
        self._is_forked = False
        self._is_timed = False
        self._records: list[logging.LogRecord] = []
        self._successor: logging.Logger | None = None
        self._turn: object = None  # of the call that hands over
        # Not the handler's: that one is taken while a configuration closes all handlers, below logging's own lock.
        self._mutex = threading.RLock()

    def handle(self, record: logging.LogRecord) -> bool:
        # Made text now, as what it speaks of may change or be large; and above the lock, below which none of the
        # program's code is to run.
        kept = copy.copy(repaired(record))
        kept.msg = text_of(kept, self)
        kept.args = kept.exc_info = kept.exc_text = kept.stack_info = None
        with self._mutex:
            successor = self._successor
            if successor is None:
                self._records.append(kept)
        if successor is not None:
            _pass_on(kept, successor)
        elif (
            kept.levelno >= logging.WARNING
            or len(self._records) >= self.most
            or self._is_forked
            or _is_child_of_multiprocessing()
        ):
            self._set_up()
        elif not self._is_timed:
            self._is_timed = True
            self._set_up_later()
        return True

    def _set_up_later(self) -> None:
        timer = threading.Timer(self.longest, self._set_up)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # no thread is to be had, as at the end of the interpreter
            self._set_up()

    def hand_over(self, successor: logging.Logger, then: Callable[[], None]) -> None:
        """Gives all records, also those still to come, to `successor`, and then calls `then`. Where another thread is at
        it, that one does both.

        A record stays here until it has been passed on, so that the next call goes on where an exception of a signal
        handler has ended this one. What a filter of the program raises costs that record alone, and is raised at last.
        """
        turn = object()
        failure: Exception | None = None
        try:
            with self._mutex:
                self._turn = self._turn or turn
            while self._turn is turn:
                with self._mutex:
                    if not self._records:
                        self._successor = successor
                        break
                failure = _failure_to_pass_on(self._records[0], successor) or failure
                del self._records[:1]
        finally:
            if self._turn is turn:
                self._turn = None
                then()
        if failure is not None:
            raise failure

    def is_waiting(self) -> bool:
        """Whether nobody has these records, and nobody is handing them over."""
        return self._successor is None and self._turn is None

    def leave_to_parent(self) -> None:
        """In a child by fork."""
        self._mutex = threading.RLock()  # another thread may have held it
        self._records = []
        self._turn = None
        self._is_forked = True

    def __len__(self) -> int:
        return len(self._records)


def _is_child_of_multiprocessing() -> bool:
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def _pass_on(record: logging.LogRecord, successor: logging.Logger) -> None:
    if successor.isEnabledFor(record.levelno):
        successor.handle(record)


def _failure_to_pass_on(record: logging.LogRecord, successor: logging.Logger) -> Exception | None:
    """What the program's own filters and handlers raise, but for what comes from elsewhere."""
    try:
        _pass_on(record, successor)
    except Exception as error:
        if is_of_signal_handler(error):
            raise
        return error
    return None


class ColoredFormatter(logging.Formatter):
    """Colours the level's name if stderr is a terminal."""

    _colors = {"DEBUG": 36, "INFO": 32, "WARNING": 33, "ERROR": 31, "CRITICAL": 35}

    def format(self, record: logging.LogRecord) -> str:
        color = self._colors.get(record.levelname)
        if color is not None and sys.stderr is not None and sys.stderr.isatty():
            record = copy.copy(record)  # others see it too
            record.levelname = f"\033[{color}m{record.levelname}\033[0m"
        return super().format(record)
