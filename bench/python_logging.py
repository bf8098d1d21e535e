#!/usr/bin/env python3
"""What a record costs in Python: the standard library set up as chaiNNer's backend has it, and chainner_logger.

    python_logging.py [--records NUMBER] [--rounds NUMBER]

Prints JSON: nanoseconds a record, the median of rounds in which the two take turns. The package must be importable.
Both write to a file alone, as the console costs the same for each line that a terminal shows.
"""

from __future__ import annotations

import argparse
import json
import logging
import logging.handlers
import platform
import statistics
import tempfile
import time
from pathlib import Path

import chainner_logger


def standard_library(folder: Path) -> logging.Logger:
    logger = logging.getLogger("standard_library")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.handlers.RotatingFileHandler(
        folder / "standard.log", maxBytes=10 * 1024 * 1024, backupCount=5, encoding="utf-8"
    )
    handler.setFormatter(
        logging.Formatter(
            "%(asctime)s.%(msecs)03d [%(process)d] [%(levelname)s] %(message)s", datefmt="%Y-%m-%d %H:%M:%S"
        )
    )
    logger.addHandler(handler)
    return logger


def direct(folder: Path) -> logging.Logger:
    logger = chainner_logger.setup_logger("worker", folder, catch_crashes=False)
    for handler in logger.handlers[:]:
        if isinstance(handler, logging.StreamHandler):
            logger.removeHandler(handler)
    return logger


def by_handler(logger: logging.Logger) -> logging.Logger:
    """A child's records come as LogRecords to the handlers of its parent."""
    return logger.getChild("child")


def info(logger: logging.Logger, records: int) -> None:
    for number in range(records):
        logger.info("loaded model number %d", number)


def disabled_debug(logger: logging.Logger, records: int) -> None:
    for number in range(records):
        logger.debug("loaded model number %d", number)


def nanoseconds(what, logger: logging.Logger, records: int) -> float:
    start = time.perf_counter_ns()
    what(logger, records)
    return (time.perf_counter_ns() - start) / records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=20_000, help="a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = direct(Path(folder))
        loggers = {
            "standard_library": standard_library(Path(folder)),
            "chainner_logger": ours,
            "chainner_logger_by_handler": by_handler(ours),
        }
        results: dict[str, dict[str, float]] = {}
        for what in info, disabled_debug:
            times: dict[str, list[float]] = {name: [] for name in loggers}
            for _ in range(options.rounds):
                for name, logger in loggers.items():
                    times[name].append(nanoseconds(what, logger, options.records))
            results[what.__name__] = {name: round(statistics.median(each), 1) for name, each in times.items()}
    print(json.dumps({"python": platform.python_version(), "unit": "ns per record", **results}, indent=2))


if __name__ == "__main__":
    main()
