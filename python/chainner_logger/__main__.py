"""python -m chainner_logger: where the logs are, why there, and which files."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from . import _native


def main() -> int:
    chosen = None
    passed_over = []
    for folder, reason, problem in _native.log_directories():
        if not problem:
            chosen = folder, reason
            break
        passed_over.append(f"{folder} ({reason}): {problem}")

    if chosen is None:
        print("No folder can be used, so there is only the console.")
    else:
        folder, reason = chosen
        print(f"Logs are in {folder}")
        print(f"because of: {reason}")
    for each in passed_over:
        print(f"passed over: {each}")
    if chosen is None:
        return 1

    files = _files(folder)
    print()
    for path in files:
        status = path.stat()
        changed = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status.st_mtime))
        print(f"  {_size(status.st_size):>9}  {changed}  {path.name}")
    if not files:
        print("  no files yet")
    return 0


def _files(folder: Path) -> list[Path]:
    """Newest first."""
    found = [path for path in folder.glob("*") if path.is_file()]
    return sorted(found, key=lambda path: -path.stat().st_mtime)


def _size(size: float) -> str:
    for unit in "bytes", "KiB", "MiB":
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


if __name__ == "__main__":
    sys.exit(main())
