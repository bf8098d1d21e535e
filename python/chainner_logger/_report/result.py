"""What `report` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional


@dataclass
class Report:
    """What was made, and of what."""

    path: Path
    folder: Path = field(default_factory=Path)  # of the logs
    reason: str = ""  # why that one, if none was named
    size: int = 0  # bytes
    files: list[str] = field(default_factory=list)  # in the zip
    replaced: Optional[dict[str, int]] = None  # how often, by kind; None: it was not asked for
    left_out: dict[str, str] = field(default_factory=dict)  # how much, by file: the zip would have become too large
    problems: dict[str, str] = field(default_factory=dict)  # why, by file that could not be read
    summary: str = field(default="", repr=False)  # as in summary.txt
    page: bytes = field(default=b"", repr=False)  # as logs.html

    @property
    def origin(self) -> str:
        """The folder, and why that one."""
        return f"{self.folder.absolute()}{f' (because of: {self.reason})' if self.reason else ''}"
