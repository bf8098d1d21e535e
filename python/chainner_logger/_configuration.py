"""What `logging.config` does to loggers that a configuration does not name.

`dictConfig` and `fileConfig` disable them, or take their handlers away. The log of the process is not theirs to silence.
"""

from __future__ import annotations

import functools
import logging.config
from collections.abc import Callable
from typing import Any


def spare(is_own: Callable[[str], bool], after_each: Callable[[set[str]], None]) -> None:
    """From now on the loggers whose names are own stay as they are unless a configuration names them.

    after_each: is called after each configuration, with the own names that it has left alone.
    """
    handle_existing = getattr(logging.config, "_handle_existing_loggers", None)
    if handle_existing is None:
        return  # not the standard library's logging.config

    def handle_existing_loggers(existing: list[str], *arguments: object) -> None:
        handle_existing([name for name in existing if not is_own(name)], *arguments)
        after_each({name for name in existing if is_own(name)})

    logging.config._handle_existing_loggers = handle_existing_loggers  # type: ignore[attr-defined]


def after_root(after_each: Callable[[], None]) -> None:
    """Calls it after each configuration of the root logger, which `dictConfig` leaves to the last."""
    basic_config = logging.basicConfig
    configure_root = logging.config.DictConfigurator.configure_root

    def configure_root_and_go_on(self: Any, *arguments: Any, **keywords: Any) -> None:
        configure_root(self, *arguments, **keywords)
        after_each()

    @functools.wraps(basic_config)
    def basic_config_and_go_on(**keywords: Any) -> None:  # with force=True it takes all handlers away
        basic_config(**keywords)
        after_each()

    logging.basicConfig = basic_config_and_go_on
    logging.config.DictConfigurator.configure_root = configure_root_and_go_on  # type: ignore[method-assign]
