"""summary.txt: what is in a report, in words."""

from __future__ import annotations

import platform
import sys
import time
from typing import TYPE_CHECKING

from . import grammar

if TYPE_CHECKING:
    from .archive import Report
    from .page import Page

_MOST_MESSAGES = 20
_MOST_SESSIONS = 100


def summary(page: Page, now: float, folder: str, files: list[tuple[str, str]], made: Report) -> str:
    """files: name and text of each."""
    sections = [
        ("chaiNNer logs", _about(page, now, folder)),
        (f"Crashes: {len(_crashes(page))}", _crashes(page) or ["none"]),
        ("Errors", _errors(page)),
        ("Sessions", _sessions(page)),
        ("Files", [f"{byte_count(len(text)):>10}  {name}" for name, text in files]),
        ("Left out, for the size of the report", [f"{name}: {what}" for name, what in made.left_out.items()]),
        ("Could not be read", [f"{name}: {why}" for name, why in made.problems.items()]),
        ("Privacy", _privacy(made)),
    ]
    return "\n".join("\n".join([title, "-" * len(title), *lines, ""]) for title, lines in sections if lines)


def byte_count(size: float) -> str:
    for unit in "bytes", "KiB", "MiB":
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _about(page: Page, now: float, folder: str) -> list[str]:
    def of_sessions(field: str) -> str:
        values = dict.fromkeys(getattr(each, field) for each in page.sessions.all if getattr(each, field))
        return ", ".join(values) or "not said"

    levels = zip((*grammar.LEVELS, "no record"), page.counts)
    local = time.localtime(now)
    made = f"{time.strftime('%Y-%m-%d %H:%M:%S', local)} UTC{grammar.offset_text(local.tm_gmtoff // 60)}"
    return [
        f"Made:               {made}",
        f"Folder:             {folder}",
        f"Times covered:      {_time(page, page.begin or 0)} to {_time(page, page.end)}",
        f"Records:            {len(page):,} ({', '.join(f'{count:,} {level}' for level, count in levels if count)})",
        f"Application:        {of_sessions('application')}",
        f"chaiNNer logger:    {of_sessions('library')}",
        f"System of the logs: {of_sessions('system')}",
        f"Made on:            {platform.platform()} {platform.machine()}, Python {sys.version.split()[0]}",
    ]


def _crashes(page: Page) -> list[str]:
    crashed = [each for each in page.sessions.all if each.ending == "crashed"]
    return [f"{_time(page, each.ended)}  {each.log} {each.pid or ''}: {each.crash}" for each in crashed]


def _errors(page: Page) -> list[str]:
    found = sorted(page.messages.items(), key=lambda item: -item[1])
    lines = [f"{count:>6,} x {level:<8}  {message}" for (level, message), count in found[:_MOST_MESSAGES]]
    if len(found) > _MOST_MESSAGES:
        lines.append(f"and {len(found) - _MOST_MESSAGES:,} other messages")
    return lines or ["none"]


def _sessions(page: Page) -> list[str]:
    sessions = [each for each in page.sessions.all if each.pid]
    lines = [
        f"{_time(page, each.began)} to {_time(page, each.ended)}  {each.log} {each.pid}: "
        f"{_plural(each.records, 'record')}, {_plural(each.errors, 'error')}, {each.describe_end()}"
        for each in sessions[-_MOST_SESSIONS:]
    ]
    if len(sessions) > _MOST_SESSIONS:
        lines.insert(0, f"{len(sessions) - _MOST_SESSIONS:,} older ones, and")
    return lines


def _privacy(made: Report) -> list[str]:
    if made.replaced is None:
        return ["Nothing was replaced: this report was made with --no-redaction."]
    replaced = ", ".join(f"{count:,} x <{kind}>" for kind, count in made.replaced.items())
    return [
        f"Replaced: {replaced or 'nothing was found to replace'}.",
        "A look at logs.html before you send this is still wise: no program knows all that is private.",
        "Your own logs were not changed.",
    ]


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _time(page: Page, utc: int) -> str:
    local = utc + page.zones.at(utc) * 60_000
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(local // 1000)) + f".{local % 1000:03}"
