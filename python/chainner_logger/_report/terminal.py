"""What a terminal shows: the story of the logs, and how far something is."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from . import grammar
from .story import Entry
from .zones import Zones

_COLOURS = {"DEBUG": "36", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "35"}  # as the console's


def is_coloured(stream: TextIO | None) -> bool:
    """As the console decides it: NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, else whether it is a terminal. None: it is closed."""
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb" and _understands_colours(stream)


def _understands_colours(stream: TextIO) -> bool:
    if sys.platform != "win32":
        return True
    import ctypes
    import msvcrt
    from ctypes import wintypes

    handle = msvcrt.get_osfhandle(stream.fileno())
    mode = wintypes.DWORD()
    kernel = ctypes.WinDLL("kernel32")
    kernel.GetConsoleMode.argtypes = [wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD)]
    kernel.SetConsoleMode.argtypes = [wintypes.HANDLE, wintypes.DWORD]
    enable_virtual_terminal = 4
    return bool(
        kernel.GetConsoleMode(handle, ctypes.byref(mode))
        and kernel.SetConsoleMode(handle, mode.value | enable_virtual_terminal)
    )


def lines(entries: Iterable[Entry], zones: Zones, colour: bool) -> Iterator[str]:
    """A record each, with the line feed."""

    def paint(code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text

    shown = None
    for entry in entries:
        record = entry.record
        clock = " " * 12  # nothing before it has told the time
        if entry.time:
            offset = zones.at(entry.time)
            local = entry.time + offset * 60_000
            if (local // 86_400_000, offset) != shown:
                shown = local // 86_400_000, offset
                day = time.strftime("%Y-%m-%d", time.gmtime(local // 1000))
                yield paint("1", f"{day} UTC{grammar.offset_text(offset)}") + "\n"
            clock = time.strftime("%H:%M:%S", time.gmtime(local // 1000)) + f".{local % 1000:03}"
        level = paint(_COLOURS.get(record.level, ""), f"{record.level:<8}")
        who = f"{entry.name.log:<8} {record.pid or '':>7}"
        message = _printable(record.message).replace("\n", "\n" + " " * 40)
        yield f"{paint('2', clock)} {who}  {level} {message}\n"


def _printable(text: str) -> str:
    """What is no record of ours may hold what drives a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def show(output: Iterable[str], use_pager: bool) -> None:
    """To stdout, through a pager if it is a terminal and there is one.

    OSError: stdout was closed when the program began, among others.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "stdout")
    pager = _pager() if use_pager and sys.stdout.isatty() else None
    if pager is None:
        write(output)
        return
    # Colours; and, unless its user has other wishes, no pager for what fits on the screen.
    less = f"-R {os.environ['LESS']}" if "LESS" in os.environ else "FRX"
    process = subprocess.Popen(pager, shell=True, stdin=subprocess.PIPE, env={**os.environ, "LESS": less})
    assert process.stdin is not None
    with _ctrl_c_left_to_others():
        try:
            for line in output:
                process.stdin.write(line.encode("utf-8", "backslashreplace"))
            process.stdin.close()
        except OSError:
            pass  # its user has seen enough
        process.wait()


@contextmanager
def _ctrl_c_left_to_others() -> Iterator[None]:
    """Of a pager it ends a search or the wait for more, and what it has not been given yet is still wanted."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _pager() -> str | None:
    """None: there is none, or its user wants none."""
    wanted = os.environ.get("PAGER", "less")
    try:
        words = shlex.split(wanted, posix=sys.platform != "win32")
    except ValueError:
        return None
    program = next((each.strip('"') for each in words if "=" not in each), "")  # LESS=-S less
    return wanted if shutil.which(program) else None


def write(output: Iterable[str]) -> None:
    """BrokenPipeError: nobody reads it any more."""
    try:
        for line in output:
            sys.stdout.write(line)
        sys.stdout.flush()
    except OSError as error:
        if sys.platform == "win32" and error.errno == errno.EINVAL:  # what is said there of a pipe that is closed
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None
        raise


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float], None]]:
    """On stderr, if it is a terminal, from the first second on."""
    began = shown = time.monotonic()
    has_bar = False

    def tell(done: float) -> None:
        nonlocal shown, has_bar
        now = time.monotonic()
        if now - began < 1 or now - shown < 0.1:
            return
        shown, has_bar = now, True
        full = int(done * 30)
        sys.stderr.write(f"\r{what} [{'#' * full}{'.' * (30 - full)}] {done * 100:3.0f} %")
        sys.stderr.flush()

    try:
        has_terminal = sys.stderr is not None and sys.stderr.isatty()  # None: it was closed when the program began
        yield tell if has_terminal else lambda _: None
    finally:
        if has_bar:
            sys.stderr.write("\r\x1b[K" if _understands_colours(sys.stderr) else "\n")
            sys.stderr.flush()


def level_number(level: str) -> int:
    """Of what is no record, as of the least."""
    return grammar.LEVELS.index(level) if level else 0
