"""summary.txt: what is in a report, in words."""

from __future__ import annotations

import platform
import sys
import time
from typing import TYPE_CHECKING

from . import grammar
from .problems import Problem, named_first
from .sessions import Session
from .story import Entry
from .zones import Zones

if TYPE_CHECKING:
    from .page import Page
    from .result import Report

_MOST_PROBLEMS = 20
_MOST_FRAMES = 12
_LONGEST = 200  # characters of a line that others are to read
_MOST_SESSIONS = 100


def summary(page: Page, now: float, folder: str, files: list[tuple[str, str]], made: Report) -> str:
    """files: name and text of each."""
    sections = [
        ("chaiNNer logs", _about(page, now, folder)),
        ("What went wrong, the newest first", _problems(page)),
        ("Sessions, the newest first", _sessions(page)),
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
        values = list(dict.fromkeys(getattr(each, field) for each in page.sessions.all[::-1] if getattr(each, field)))
        return f"{values[0]} (before: {', '.join(values[1:])})" if values[1:] else "".join(values) or "not said"

    levels = zip((*grammar.LEVELS, "no record"), page.counts)
    local = time.localtime(now)
    made = f"{time.strftime('%Y-%m-%d %H:%M:%S', local)} UTC{grammar.offset_text(local.tm_gmtoff // 60)}"
    return [
        f"Application:        {of_sessions('application')}",
        f"System of the logs: {of_sessions('system')}",
        f"chaiNNer logger:    {of_sessions('library')}",
        f"Times covered:      {moment(page.zones, page.begin or 0)} to {moment(page.zones, page.end)}",
        f"Logs:               {page.extent}",
        f"Levels:             {', '.join(f'{count:,} {level}' for level, count in levels if count)}",
        f"Folder:             {folder}",
        f"Made:               {made}",
        f"Made on:            {platform.platform()} {platform.machine()}, Python {sys.version.split()[0]}",
    ]


def _problems(page: Page) -> list[str]:
    found = page.problems
    lines: list[str] = []
    for problem in found[:_MOST_PROBLEMS]:
        lines += [""] * bool(lines)
        session = page.sessions.all[problem.session]
        what = f"{_who(problem.log, session.pid)} {problem.verb}: {_short(problem.what)}"
        lines.append(f"{moment(page.zones, problem.last)}  {what}")
        lines += [f"    {each}" for each in (_times(problem, page.zones), _origin(session)) if each]
        lines += [f"    {_brief(each, page.zones)}" for each in problem.others]
        if problem.kind == "error":
            lines += [f"    {problem.own_frame}"] * bool(problem.stack)
        else:
            lines += [f"    {each}" for each in problem.stack[:_MOST_FRAMES]]
        if problem.kind != "error" or problem is found[0]:
            lines += [f"    {each}" for each in _before(problem, page.zones)]
    if len(found) > _MOST_PROBLEMS:
        lines += ["", f"and {len(found) - _MOST_PROBLEMS:,} others"]
    return lines or ["none"]


def issue(problem: Problem, session: Session, zones: Zones) -> str:
    """What a bug report should say about a problem: up to ten lines of Markdown."""
    times = _times(problem, zones)
    innermost = [each for each in problem.stack if not each.startswith("File ")] or problem.stack
    frames = list(dict.fromkeys(filter(None, [problem.own_frame, *named_first(innermost)])))[:2]
    before = [_brief(each, zones) for each in problem.before]
    body = [*before[len(frames) - 4 :], *frames]
    what = _short(problem.what).replace("`", "'")
    lines = [
        f"**{_who(problem.log, session.pid)} {problem.verb}:** `{what}`",
        f"- When: {moment(zones, problem.last)}{f', {times}' if times else ''}",
        f"- Version: {session.application or 'not said'} (chaiNNer logger {session.library or 'not said'})",
        f"- System: {session.system or 'not said'}",
    ]
    if body:
        lines += ["```text", *(_short(each).replace("```", "'''") for each in body), "```"]
    return "\n".join(lines)


def _times(problem: Problem, zones: Zones) -> str:
    return f"{problem.count:,} times since {moment(zones, problem.first)}" if problem.count > 1 else ""


def _origin(session: Session) -> str:
    return ", ".join(filter(None, (session.application and f"application {session.application}", session.system)))


def _before(problem: Problem, zones: Zones) -> list[str]:
    if not problem.before or problem.entry is None:
        return []
    own = sum(_is_of(each, problem.entry) for each in problem.before)
    others = len(problem.before) - own
    head = f"the last records before ({own} of this process{f', {others} of others' if others else ''}):"
    return [head, *(f"    {_brief(each, zones)}" for each in problem.before)]


def _is_of(entry: Entry, other: Entry) -> bool:
    return (entry.name.log, entry.record.pid) == (other.name.log, other.record.pid)


def _brief(entry: Entry, zones: Zones) -> str:
    record = entry.record
    when = moment(zones, entry.time)[11:23] if entry.time else ""
    first, *more = record.message.split("\n")
    lines = f" (+ {plural(len(more), 'line')})" if more else ""
    return f"{when} {_who(entry.name.log, record.pid)} {record.level} {_short(first)}{lines}"


def _who(log: str, pid: int) -> str:
    return f"{log} {pid}" if pid else log


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def moment(zones: Zones, utc: int) -> str:
    """In local time, and what that is."""
    if not utc:
        return "an unknown time"
    offset = zones.at(utc)
    local = utc + offset * 60_000
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(local // 1000))
    return f"{stamp}.{local % 1000:03} UTC{grammar.offset_text(offset)}"


def _sessions(page: Page) -> list[str]:
    sessions = [each for each in page.sessions.all if each.pid]
    lines = [
        f"{moment(page.zones, each.began)} to {moment(page.zones, each.ended)}  {each.log} {each.pid}: "
        f"{plural(each.records, 'record')}, {plural(each.errors, 'error')}, {each.describe_end()}"
        for each in sessions[: -_MOST_SESSIONS - 1 : -1]
    ]
    if len(sessions) > _MOST_SESSIONS:
        lines.append(f"and {len(sessions) - _MOST_SESSIONS:,} older ones")
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


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
