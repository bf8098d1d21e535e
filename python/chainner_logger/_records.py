"""LogRecords as others hand them over: with values that cannot be written, and messages that cannot be formatted."""

from __future__ import annotations

import copy
import logging
import time
import types
from opcode import opmap

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


def is_asynchronous(error: Exception) -> bool:
    """Whether a signal handler, or another thread by `PyThreadState_SetAsyncExc`, has raised it: then it is for the
    program, whatever this thread was doing at that moment."""
    trace = error.__traceback__
    if trace is None:
        return False
    while True:
        if _is_signal_handler(trace.tb_frame):
            return True
        if trace.tb_next is None:
            break
        trace = trace.tb_next
    # The other thread names a class, of which the interpreter makes an instance where no statement raises one. So does
    # C for these few.
    is_raised = trace.tb_frame.f_code.co_code[trace.tb_lasti : trace.tb_lasti + 1] == bytes([opmap["RAISE_VARARGS"]])
    if is_raised or isinstance(error, (MemoryError, StopIteration, StopAsyncIteration)):
        return False
    try:
        return type(error)().args == error.args
    except Exception:
        return False


def _is_signal_handler(frame: types.FrameType) -> bool:
    """It is called with the frame that it interrupts."""
    interrupted = frame.f_back
    if interrupted is None:
        return False
    arguments: list[object] = []
    for each in frame.f_locals.values():
        arguments.extend(each if type(each) is tuple else (each,))
    return any(each is interrupted for each in arguments)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:
        return _not_formatted(record, error)


def _not_formatted(record: logging.LogRecord, error: Exception) -> str:
    if is_asynchronous(error):
        raise error
    message = record.msg if isinstance(record.msg, str) else _shown(record.msg)
    arguments = f" with {_shown(record.args)}" if record.args else ""
    reason = f"{type(error).__name__}: {_shown(error)}"
    return f"{message} (not formatted{arguments} at {record.pathname}:{record.lineno}: {reason})"


def _shown(value: object) -> str:
    try:
        return str(value) if isinstance(value, Exception) else repr(value)
    except Exception as error:
        if is_asynchronous(error):
            raise
        return f"<{type(value).__name__}, which raises {type(error).__name__} when shown>"
