"""A program on a pseudo terminal, and what a person then sees on it."""

import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping

_CONTROL = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])")


class Screen:
    """A terminal of so many columns and rows; `lines` has what scrolled away as well."""

    def __init__(self, columns: int, rows: int) -> None:
        self._columns, self._rows = columns, rows
        self.lines: list[list[str]] = [[]]
        self._row, self._column = 0, 0

    @property
    def text(self) -> str:
        """All that can be read."""
        return "\n".join("".join(line).rstrip() for line in self.lines).rstrip("\n")

    def feed(self, text: str) -> None:
        """What the program writes."""
        at = 0
        while at < len(text):
            control = _CONTROL.match(text, at)
            if control:
                self._control(control[1], control[2])
                at = control.end()
            else:
                self._put(text[at])
                at += 1

    def _control(self, parameter: str, letter: str) -> None:
        line = self.lines[self._row]
        match letter:
            case "A":
                top = max(0, len(self.lines) - self._rows)
                self._row = max(top, self._row - int(parameter or 1))
            case "K":
                del line[0 if parameter == "2" else self._column :]
            case "m" | "h" | "l":
                pass
            case _:
                raise NotImplementedError(f"terminal: CSI {parameter} {letter}")

    def _put(self, char: str) -> None:
        if char == "\r":
            self._column = 0
        elif char == "\n":
            self._row += 1
            if self._row == len(self.lines):
                self.lines.append([])
        else:
            if self._column == self._columns:
                self._put("\r")
                self._put("\n")
            line = self.lines[self._row]
            line.extend(" " * (self._column + 1 - len(line)))
            line[self._column] = char
            self._column += 1


def run_on_terminal(
    script: str, *, columns: int, rows: int = 40, environment: Mapping[str, str]
) -> tuple[str, str]:
    """What a Python script wrote on a terminal, as it came and as it looked at its end."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    unset = {"NO_COLOR", "COLUMNS", "LINES", "TERM", "FORCE_COLOR"}
    env = {k: v for k, v in os.environ.items() if k not in unset} | dict(environment)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=slave, stdout=slave, stderr=slave, env=env
    ) as process:
        os.close(slave)
        written = _read_all(master)
        code = process.wait(timeout=20)
    os.close(master)
    screen = Screen(columns, rows)
    screen.feed(written)
    assert code == 0, screen.text
    return written, screen.text


def _read_all(handle: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(handle, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # Linux: the other end is closed
                raise
            part = b""
        if not part:
            return b"".join(parts).decode()
        parts.append(part)
