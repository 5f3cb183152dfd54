"""Logs: an event name and fields, one line each, on standard error.

Nothing from outside can end a line or reach a terminal as anything but text.
"""

import logging
import sys
from datetime import UTC, datetime

from federation.runtime.escapes import visible


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = f"{at} {record.levelname.lower():7} {visible(record.getMessage())}"
        if record.exc_info:
            lines = self.formatException(record.exc_info).splitlines()
            text = "\n".join([text, *(f"  {visible(line)}" for line in lines)])
        return text


def set_up(level: str = "INFO") -> None:
    """Send the logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)


def event(name: str, **fields: object) -> str:
    """The text of a log line: `name key=value ...`; text with spaces is quoted.

    What does not print is written as an escape.
    """
    return " ".join([name, *(f"{key}={_value(value)}" for key, value in fields.items())])


def _value(value: object) -> str:
    text = str(value)
    is_plain = text.isprintable() and not any(c.isspace() or c in "'\"=" for c in text)
    return text if text and is_plain else repr(text)
