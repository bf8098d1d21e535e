"""What records say of exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from .grammar import Record

_UNCAUGHT = "Uncaught exception"  # as _crashes.py and _loggers.py log it


def is_uncaught(record: Record) -> bool:
    """A record of an exception that nothing handled."""
    return record.level == "CRITICAL" and record.raw.startswith(_UNCAUGHT, record.start)


def ends_process(record: Record) -> bool:
    """In a thread, it does not."""
    return is_uncaught(record) and not record.raw.startswith(_UNCAUGHT + " in thread ", record.start)


def exception_of(record: Record) -> str:
    """What a traceback in the record says was raised: "MemoryError: too large". Else its first line."""
    _, raised = traceback_of(record)
    first, _, more = record.message.partition("\n")
    return raised or (more.partition("\n")[0] if is_uncaught(record) else "") or first


def traceback_of(record: Record) -> tuple[list[str], str]:
    """The frames, the innermost first, and what was raised there. Of several exceptions, the one that was left."""
    lines = record.message.split("\n")
    if "  + Exception Group Traceback (most recent call last):" in lines:
        lines = [line[4:] for line in lines if line.startswith("  | ")]
    last = max((i for i, line in enumerate(lines) if line.startswith("  File ")), default=len(lines))
    raised = next((line for line in lines[last:] if line and not line.startswith(" ")), "")
    frames: list[str] = []
    for line in lines[last::-1] if raised else ():
        if not line.startswith(" "):
            break
        if line.startswith("  File "):
            frames.append(line.strip())
    return frames, raised


_STREAM = len("stderr: ")
_PRINTED = "Traceback (most recent call last):"


def is_printed(record: Record) -> bool:
    """A traceback that was printed, and captured."""
    return record.raw.startswith(("stdout: " + _PRINTED, "stderr: " + _PRINTED), record.start)


def with_printed(captured: list[tuple[int, Record]]) -> Iterator[tuple[int, Record]]:
    """Of captured lines with their times: those of a traceback as one ERROR, as if it had been logged."""
    at = 0
    while at < len(captured):
        time, record = captured[at]
        end = at + 1
        if record.raw.startswith(_PRINTED, record.start + _STREAM):
            end = _end(captured, at)
            more = (each.raw[each.start + _STREAM :] for _, each in captured[at + 1 : end])
            record = record._replace(raw="\n\t".join([record.raw, *more]), level="ERROR")
        yield time, record
        at = end


def _end(captured: list[tuple[int, Record]], at: int) -> int:
    """Behind the line that says what was raised."""
    begun = captured[at][1]
    stream = begun.raw[begun.start : begun.start + _STREAM]
    for index in range(at + 1, len(captured)):
        record = captured[index][1]
        line = record.raw[record.start + _STREAM :]
        if record.pid != begun.pid or not record.raw.startswith(stream, record.start) or line.startswith(_PRINTED):
            return index
        if line and not line.startswith(" "):
            return index + 1
    return len(captured)
