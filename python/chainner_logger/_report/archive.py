"""The zip that a user looks at first, and then attaches to a bug report."""

from __future__ import annotations

import errno
import io
import itertools
import os
import re
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Union

from . import folder as folders
from . import symbols
from .encoding import readable
from .page import Page
from .redaction import Redactor
from .result import Report
from .story import Log, Story, legible
from .summary import byte_count, summary

_MOST_TEXT = 160 * 1024 * 1024  # bytes: what a page can show
_MOST_OF_A_FILE = 64 * 1024 * 1024  # bytes: so that a huge one leaves room for others
_WRITTEN_TWICE = 0.6  # of the limit, for the logs as zlib's fastest level packs them: the page has them once more

_FIRST_TIME, _LAST_TIME = 315_619_200, 4_354_646_400  # of what a zip can tell, in any zone: early in 1980, late in 2107

StrPath = Union[str, "os.PathLike[str]"]


class NoLogsError(FileNotFoundError):
    """There is nothing to report."""


class OutputError(OSError):
    """The zip cannot be written."""


@dataclass
class _Part:
    """What is taken of a file."""

    name: folders.LogName
    text: str
    packed: int = 0  # bytes, about
    changed: float = 0  # seconds since 1970
    left_out: int = 0  # characters at its beginning


def make(
    output: Optional[StrPath],
    folder: Optional[StrPath],
    redact: bool,
    limit: int,
    force: bool,
    progress: Optional[Callable[[float], None]],
) -> Report:
    """As chainner_logger.report, which says what all this is."""
    now = time.time()
    source, reason = default_folder() if folder is None else (Path(folder), "")
    path = _output_path(output, now, force)
    told = 0.0

    def tell(done: float) -> None:
        nonlocal told
        if progress and done >= told:
            told = done
            progress(done)

    redactor = Redactor.of_this_system() if redact else None
    made = Report(path, folder=source, reason=reason)
    parts = _collect(source, redactor, made, lambda done: tell(done * 0.45))
    made.replaced = {kind: count for kind, count in redactor.replaced.items() if count} if redactor else None
    room = int(limit * _WRITTEN_TWICE)
    while True:
        kept = _newest(parts, room)
        data = _zipped(kept, now, redactor, made, lambda done: tell(0.45 + done * 0.54))
        if len(data) <= limit or not kept:
            break
        room = int(min(room, sum(part.packed for part in kept)) * limit / len(data) * 0.9)
    _write(path, data, force)
    made.size = len(data)
    tell(1)
    return made


def log_directories() -> list[tuple[Path, str, str]]:
    """The folders that are tried, best first: why, and what is wrong with it if anything is."""
    from .. import _native

    return _native.log_directories()


def default_folder() -> tuple[Path, str]:
    """Where the loggers of this process write, or would, and why there."""
    for folder, reason, problem in log_directories():
        if not problem:
            return folder, reason
    raise NoLogsError(errno.ENOENT, "No folder can be used for logs")


def _output_path(output: Optional[StrPath], now: float, force: bool) -> Path:
    """FileExistsError: it is there already. If the name is ours, there is always another one."""
    path = Path(output or ".")
    if output is not None and not path.is_dir():
        if not force and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        return path
    name = time.strftime("chaiNNer-logs-%Y-%m-%d-%H%M%S", time.localtime(now))
    numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    return next(each for each in (path / f"{name}{number}.zip" for number in numbers) if not os.path.lexists(each))


def _collect(
    source: Path, redactor: Optional[Redactor], made: Report, progress: Callable[[float], None]
) -> list[_Part]:
    """All that a page can show: first what Python said about crashes, which is short, then the newest."""
    with folders.snapshot(source) as taken:
        made.problems.update(taken.problems)
        if not taken.files and not taken.problems:
            raise NoLogsError(errno.ENOENT, "There are no logs in this folder", str(source))
        found = []
        for file in taken.files:
            try:
                data, begin = folders.content(file, _MOST_OF_A_FILE)
            except OSError as error:
                made.problems[file.name.name] = error.strerror or str(error)
                continue
            data = readable(data)
            text = symbols.with_names(data.decode("utf-8", "surrogateescape"))
            order = file.name.kind == "crash", folders.last_time(data)
            found.append((order, _Part(file.name, text, 0, file.changed(), begin)))
    parts = [part for _, part in sorted(found, key=lambda each: each[0], reverse=True)]
    if redactor:
        for part in parts:
            redactor.learn(part.text)
    total = sum(len(part.text) for part in parts) or 1
    done = 0
    for part in parts:
        done += len(part.text)
        part.text = redactor(part.text) if redactor else part.text
        part.packed = len(zlib.compress(part.text.encode("utf-8", "surrogateescape"), 1))
        progress(done / total)
    return parts


def _newest(parts: list[_Part], room: int) -> list[_Part]:
    """As much as `room` holds, and as a page can show."""
    kept = []
    characters = _MOST_TEXT
    for part in parts:
        share = min(room / (part.packed or 1), characters / (len(part.text) or 1))
        if share < 1:
            # From the next record on
            begin = re.compile(r"\n(?!\t)").search(part.text, int(len(part.text) * (1 - share)))
            cut = begin.end() if begin else len(part.text)
            text = part.text[cut:]
            part = _Part(part.name, text, int(part.packed * share), part.changed, part.left_out + cut)
            room = characters = 0
        room -= part.packed
        characters -= len(part.text)
        kept.append(part)
    return kept


def _zipped(
    parts: list[_Part],
    now: float,
    redactor: Optional[Redactor],
    made: Report,
    progress: Callable[[float], None],
) -> bytes:
    shown = redactor or str
    made.left_out = {part.name.name: _left_out(part) for part in parts if part.left_out}
    parts = [part for part in parts if part.text]
    story = Story(Log(part.name, legible(part.text.encode("utf-8", "surrogateescape"))) for part in parts)
    page = Page(story)
    total = sum(len(part.text) for part in parts) or 1
    page.take(story, lambda done: progress(min(1, done / total) * 0.6))
    names = {part.name.name: shown(f"logs/{part.name.name}") for part in parts}
    made.files = ["summary.txt", "logs.html", *names.values()]
    texts = [(names[part.name.name], part.text) for part in parts]
    made.summary = summary(page, now, shown(made.origin), texts, made)
    made.page = page.html(made.summary)
    progress(0.8)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry("summary.txt", now), made.summary.encode("utf-8", "backslashreplace"))
        archive.writestr(_entry("logs.html", now), made.page)
        for number, part in enumerate(parts, 1):
            data = part.text.encode("utf-8", "surrogateescape")
            archive.writestr(_entry(names[part.name.name], part.changed), data)
            progress(0.8 + 0.2 * number / len(parts))
    return packed.getvalue()


def _left_out(part: _Part) -> str:
    return f"its first {byte_count(part.left_out)}" if part.text else f"all {byte_count(part.left_out)}"


def _entry(name: str, changed: float) -> zipfile.ZipInfo:
    when = time.localtime(min(max(changed, _FIRST_TIME), _LAST_TIME))
    entry = zipfile.ZipInfo(name, when[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o100600 << 16
    return entry


def _write(path: Path, data: bytes, force: bool) -> None:
    """All of it or nothing, and never over a file that is there."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        if force:
            os.replace(part, path)
        else:
            _rename(part, path)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
    except OSError as error:
        raise OutputError(error.errno, error.strerror, str(path)) from error
    finally:
        if os.path.lexists(part):
            os.unlink(part)


def _rename(old: Path, new: Path) -> None:
    """As os.rename on Windows: only if there is none of the new name."""
    try:
        os.link(old, new)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a file system without links
        if os.path.lexists(new):
            raise FileExistsError from None
        os.rename(old, new)
