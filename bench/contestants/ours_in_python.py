#!/usr/bin/env python3
"""chainner_logger in Python. Takes the arguments of the other contestants, see main.cpp, but always rotates at 10 MiB."""

import logging
import os

import chainner_logger
import python_logging


def set_up(directory, to_console, _):
    if not to_console:
        # The first record is shown before the handler can be taken away.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logger = chainner_logger.setup_logger("worker", directory, catch_crashes=False)
    for handler in logger.handlers[:]:
        if isinstance(handler, logging.StreamHandler) and not to_console:
            logger.removeHandler(handler)


python_logging.main(set_up)
