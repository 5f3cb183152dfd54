"""What aiohttp would log of requests that are no HTTP: a few lines a second, with nothing of them.

Anybody can send such, each would be a traceback, and what is quoted may be somebody's token.
"""

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from federation.runtime.limited_log import LimitedLog


class _Unparsed(logging.Filter):
    def __init__(self, refused: LimitedLog) -> None:
        super().__init__()
        self._refused = refused

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError | web.RequestPayloadError):
            return True
        said = record.args
        peer = said[0] if isinstance(said, tuple) and said else ""
        self._refused.say("call refused", peer=peer, reason=f"no HTTP: {type(error).__name__}")
        return False


def http_logger(log: logging.Logger) -> logging.Logger:
    """A logger for aiohttp whose lines go to `log`, but for requests that could not be read."""
    made = logging.Logger(f"{log.name}.http")  # noqa: LOG001 - one for each server, none for all
    made.parent = log
    made.addFilter(_Unparsed(LimitedLog(log)))
    return made
