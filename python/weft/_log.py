"""The engine's log, as logging.getLogger("weft") has it.  Called by the courier, when a record has come."""

from __future__ import annotations

import logging

_logger = logging.getLogger("weft")
_logger.addHandler(logging.NullHandler())  # a library prints nothing by itself
_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


def emit(level: int, message: str, fields: dict[str, str]) -> None:
    """message is constant text; fields are its values, which a record has as `record.weft` too."""
    number = _LEVELS[level]
    if _logger.isEnabledFor(number):
        values = " ".join(f"{key}={value}" for key, value in fields.items())
        _logger.log(number, "%s", f"{message} {values}" if values else message, extra={"weft": fields})
