"""Logs for chaiNNer's backend: a file of its own for each process, and a console that never stalls it.

    from chainner_logger import setup_logger

    logger = setup_logger("worker")
    logger.info("loaded %d models in %.1f s", 3, 0.8)

Modules that do not know in which process they run take the module's own logger, at any time:

    from chainner_logger import logger

Each is a logging.Logger, of which all holds that the standard library says about loggers. When a logging call returns,
its record has been handed to the kernel.
"""

import atexit
import logging
import sys

from . import _native

_native.require_main_interpreter()
# The process has one log, and its loggers outlive a package that is thrown out of sys.modules: it comes back then.
_modules = vars(logging.root.manager).setdefault(__name__, {})
sys.modules.update(_modules)
# Else the interpreter would take the modules apart at its end, and a handler's end waits for logging's lock, which a
# daemon thread may have taken with it.
atexit.register(_modules.clear)

from ._attached import attach  # noqa: E402
from ._handlers import ColoredFormatter  # noqa: E402
from ._loggers import (  # noqa: E402
    ProcessType,
    describe_exit,
    get_logger,
    get_logger_from_env,
    logger,
    setup_logger,
)
from ._report import report  # noqa: E402

__all__ = [
    "ColoredFormatter",
    "ProcessType",
    "attach",
    "describe_exit",
    "get_logger",
    "get_logger_from_env",
    "logger",
    "report",
    "setup_logger",
]
__version__ = _native.version
_modules.update({name: each for name, each in sys.modules.items() if f"{name}.".startswith(f"{__name__}.")})
