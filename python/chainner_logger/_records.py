"""LogRecords as others hand them over: with values that cannot be written, and messages that cannot be formatted."""

from __future__ import annotations

import copy
import logging
import time

# Seconds since 1970 that the library can count. In the first one spdlog takes its cache of the date to be filled.
_first_time, _last_time = 1, 9_223_372_036


def repaired(record: logging.LogRecord) -> logging.LogRecord:
    """The record, or a copy that has the present time in the place of an impossible one, and INFO in that of no level.

    Its message says so. `makeLogRecord` takes any value, and so do those who send records from elsewhere.
    """
    is_timely, has_level = _is_timely(record.created), isinstance(record.levelno, int)
    if is_timely and has_level:
        return record
    fixed, reasons = copy.copy(record), []
    if not is_timely:
        reasons.append(f"its time was {_shown(record.created)}")
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
        return handler.format(record)
    except Exception as error:
        return _not_formatted(record, error)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:
        return _not_formatted(record, error)


def _not_formatted(record: logging.LogRecord, error: Exception) -> str:
    message = record.msg if isinstance(record.msg, str) else _shown(record.msg)
    arguments = f" with {_shown(record.args)}" if record.args else ""
    reason = f"{type(error).__name__}: {_shown(error)}"
    return f"{message} (not formatted{arguments} at {record.pathname}:{record.lineno}: {reason})"


def _is_timely(created: object) -> bool:
    try:
        return _first_time <= created < _last_time  # type: ignore[operator]
    except Exception:
        return False


def _shown(value: object) -> str:
    try:
        return str(value) if isinstance(value, Exception) else repr(value)
    except Exception as error:
        return f"<{type(value).__name__}, which raises {type(error).__name__} when shown>"
