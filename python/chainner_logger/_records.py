"""LogRecords as others hand them over: with values that cannot be written, and messages that cannot be formatted."""

from __future__ import annotations

import copy
import logging
import signal
import time
import types

# Seconds since 1970 that the library can count. In the first one spdlog takes its cache of the date to be filled.
_first_time, _last_time = 1, 9_223_372_036


def repaired(record: logging.LogRecord) -> logging.LogRecord:
    """The record, or a copy that has the present time in the place of an impossible one, and INFO in that of no level.

    Its message says so. `makeLogRecord` takes any value, and so do those who send records from elsewhere.
    """
    created = record.created
    is_timely = isinstance(created, (int, float)) and _first_time <= created < _last_time
    has_level = isinstance(record.levelno, int)
    if is_timely and has_level:
        return record
    fixed, reasons = copy.copy(record), []
    if not is_timely:
        reasons.append(f"its time was {_shown(created)}")
        fixed.created = time.time()
        fixed.msecs = float(int(fixed.created % 1 * 1000))
    if not has_level:
        reasons.append(f"its level was {_shown(record.levelno)}")
        fixed.levelno, fixed.levelname = logging.INFO, logging.getLevelName(logging.INFO)
    fixed.msg = f"{_message_of(record)} ({', '.join(reasons)})"
    fixed.args = None
    return fixed


def text_of(record: logging.LogRecord, handler: logging.Handler) -> str:
    """What the handler's formatter makes of it; what cannot be formatted is shown as it is, with the reason."""
    try:
        text = handler.format(record)
    except Exception as error:
        return _not_formatted(record, error)
    return text if isinstance(text, str) else _not_formatted(record, TypeError(f"its formatter returned {_shown(text)}"))


def is_of_signal_handler(error: Exception) -> bool:
    """Whether a handler of a signal has raised it, as a timeout does: then it is for the program, whatever this thread
    was doing at that moment. What another thread raises by `PyThreadState_SetAsyncExc` has no mark of its own: logging
    takes it for an exception of what it formats, and so does this."""
    handlers = {_code_of(signal.getsignal(number)) for number in signal.valid_signals()}
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers and _has_interrupted(trace.tb_frame):
            return True
        trace = trace.tb_next
    return False


def _code_of(handler: object) -> object:
    """Of a function, a method, an object that can be called, or a functools.partial of these."""
    called = getattr(handler, "func", handler)
    return getattr(called, "__code__", None) or getattr(getattr(called, "__call__", None), "__code__", None)


def _has_interrupted(handler: types.FrameType) -> bool:
    """It is called with the frame that it interrupts."""
    arguments: list[object] = []
    for each in handler.f_locals.values():
        arguments.extend(each if type(each) is tuple else (each,))
    return handler.f_back is not None and any(each is handler.f_back for each in arguments)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:
        return _not_formatted(record, error)


def _not_formatted(record: logging.LogRecord, error: Exception) -> str:
    if is_of_signal_handler(error):
        raise error
    message = record.msg if isinstance(record.msg, str) else _shown(record.msg)
    arguments = f" with {_shown(record.args)}" if record.args else ""
    reason = f"{type(error).__name__}: {_shown(error)}"
    return f"{message} (not formatted{arguments} at {record.pathname}:{record.lineno}: {reason})"


def _shown(value: object) -> str:
    try:
        return str(value) if isinstance(value, Exception) else repr(value)
    except Exception as error:
        if is_of_signal_handler(error):
            raise
        return f"<{type(value).__name__}, which raises {type(error).__name__} when shown>"
