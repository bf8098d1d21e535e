"""A report of the logs, to look at and to send; and what else reads logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .archive import report
else:

    def report(*arguments, **named):
        """Writes all logs of a folder to one zip, with a summary and a page that shows them: see archive.report."""
        from .archive import report  # few programs make one, so they need not load it

        return report(*arguments, **named)


__all__ = ["report"]
