"""A report of the logs, to look at and to send; and what else reads logs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Optional, Union

if TYPE_CHECKING:
    from .result import Report


def report(
    output: Optional[Union[str, os.PathLike[str]]] = None,
    folder: Optional[Union[str, os.PathLike[str]]] = None,
    *,
    redact: bool = True,
    limit: int = 25_000_000,
    force: bool = False,
    progress: Optional[Callable[[float], None]] = None,
) -> Report:
    """Writes all logs of a folder to one zip, with a summary and a page that shows them.

    output: the zip, or the folder for it. None: chaiNNer-logs-<date>-<time>.zip in the current folder.
    folder: where the logs are. None: where `python -m chainner_logger` says.
    redact: replaces what tells who the user is, in the zip only: the logs stay as they are.
    limit: bytes that the zip may have; the oldest records are left out.
    force: overwrites an output that exists.
    progress: is told which part is done, from 0 to 1.

    Returns what was made: path, size, files, replaced, left_out, problems (why a file could not be read), summary.

    Raises FileNotFoundError if there are no logs, FileExistsError if the output exists, another OSError if the folder
    cannot be read or the zip cannot be written; no half zip is left then. Any thread may call it, also while the logs
    are written.
    """
    from .archive import make  # few programs make a report, so the others need not load it

    return make(output, folder, redact, limit, force, progress)
