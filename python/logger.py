"""chaiNNer's modules say `from logger import logger`."""

from chainner_logger import (
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
