"""What a process says when it dies."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import logging
import os
from pathlib import Path

from . import _exceptions, _native

_crash_file: _CrashFile | None = None


def catch(logger: logging.Logger, log_file: Path | None) -> None:
    """Uncaught exceptions and crashes of native code become records of `logger`.

    The stacks of Python's code go to a file beside `log_file`, as only faulthandler knows them then.
    """
    _exceptions.catch(logger)
    path = log_file and log_file.with_suffix(".crash.txt")
    if _crash_file is None or _crash_file.path != path or not _crash_file.is_in_place():
        release_file()
        try:
            if path is not None:
                _write_native_crashes(path)
        except OSError as error:
            logger.warning("Python's stacks will not be written if native code crashes: %s", error)
    _native.install_crash_handler()


def release_file() -> None:
    """The stacks go nowhere from now on."""
    global _crash_file
    before, _crash_file = _crash_file, None
    if before is not None:
        if before.is_of_faulthandler:
            faulthandler.disable()
        _native.release_crash_file()
        before.close()


class _CrashFile:
    """Says nothing until something crashes: then the library names the crash, and faulthandler writes the stacks. That
    stays, bounded, and the next process goes on with it."""

    most = 1024 * 1024  # bytes that are there when it is opened
    is_of_faulthandler = False  # enabled by us, to write there without the library

    def __init__(self, path: Path) -> None:
        """Raises OSError, also for a link and for a file of another user."""
        self.path = path
        self.descriptor = _native.open_crash_file(path)
        try:
            self._opened = os.fstat(self.descriptor)
            if self._opened.st_size > self.most:
                self._make_room()
        except OSError:
            os.close(self.descriptor)
            raise

    def _make_room(self) -> None:
        os.lseek(self.descriptor, -self.most // 2, os.SEEK_END)
        latest = os.read(self.descriptor, self.most // 2)
        os.ftruncate(self.descriptor, 0)
        os.write(self.descriptor, latest)

    def close(self) -> None:
        """Unless the program has: the number may stand for a file of its own by now."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self.descriptor), self._opened):
                os.close(self.descriptor)

    def is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self.descriptor), os.lstat(self.path))
        except OSError:
            return False


def _write_native_crashes(path: Path) -> None:
    global _crash_file
    opened = _CrashFile(path)
    if not _native.write_crashes_to(opened.descriptor, path) and not faulthandler.is_enabled():
        faulthandler.enable(opened.descriptor)
        opened.is_of_faulthandler = True
    _crash_file = opened


atexit.register(_native.remove_empty_crash_file)
