"""chaiNNer's `logger.py` is one line: `from chainner_logger.drop_in import *`. Its modules go on saying
`from logger import logger`."""

from . import (
    ColoredFormatter,
    ProcessType,
    attach,
    describe_exit,
    get_logger,
    get_logger_from_env,
    logger,
    setup_logger,
)

__all__ = [
    "ColoredFormatter",
    "ProcessType",
    "attach",
    "describe_exit",
    "get_logger",
    "get_logger_from_env",
    "logger",
    "setup_logger",
]
