"""Reads HTTP/1.1 messages off a stream of bytes, for the load generator and the demo's application.

In: bytes as they arrive, cut anywhere. Out: whole messages in order, so that pipelined ones wait
their turn. RFC 9112; what it leaves open is refused (both length and chunks, a folded header).
"""

from dataclasses import dataclass, field

from federation.model.errors import PeerBroke

MAX_HEAD_BYTES = 64 * 1024
_MAX_LINE_BYTES = 4096
_FIRST_FINAL_STATUS = 200
_NEVER_A_BODY = (204, 304)


@dataclass(slots=True)
class Message:
    """A request or an answer; `words` are the three of its first line, header names are lower case.

    `body` holds its first bytes, up to what the reader was told to keep; `body_bytes` counts all.
    """

    words: tuple[str, str, str]
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)
    body_bytes: int = 0

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this message."""
        options = [o.strip().lower() for o in self.headers.get("connection", "").split(",")]
        old = "HTTP/1.0" in (self.words[0], self.words[2])
        return "close" in options or (old and "keep-alive" not in options)


class MessageReader:
    """Takes bytes, gives messages. `answers` tells which side is read, `keep` how much of a body.

    Methods raise PeerBroke when the bytes are not HTTP/1.1; the reader is of no use afterwards.
    """

    def __init__(self, *, answers: bool, keep: int = 64 * 1024) -> None:
        self._answers = answers
        self._keep = keep
        self._buffer = bytearray()
        self._message: Message | None = None
        self._left = 0
        self._chunked = False
        self._in_trailers = False
        self._until_close = False
        self._chunk_end_due = False

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait that belong to no message taken so far."""
        return len(self._buffer)

    @property
    def idle(self) -> bool:
        """Whether the stream stands between two messages."""
        return self._message is None and not self._buffer

    def expects_continue(self) -> bool:
        """Whether the sender waits for `100 Continue`; says so once per message."""
        message = self._message
        return message is not None and message.headers.pop("expect", "").lower() == "100-continue"

    def feed(self, data: bytes) -> None:
        """Add bytes that arrived."""
        self._buffer += data

    def take(self) -> Message | None:
        """The next whole message, None when more bytes are needed."""
        while self._message is None:
            if not self._read_head():
                return None
        if not (self._read_chunks() if self._chunked else self._read_plain()):
            return None
        return self._finish()

    def rest(self) -> bytes:
        """Take what came after the last message: another protocol goes on from here."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def end(self) -> Message | None:
        """The sender closed: the answer that this ends, if it is one that ends so."""
        return self._finish() if self._message is not None and self._until_close else None

    def _finish(self) -> Message | None:
        message, self._message = self._message, None
        self._chunked = self._in_trailers = self._until_close = self._chunk_end_due = False
        return message

    def _read_head(self) -> bool:
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEAD_BYTES or (end < 0 and len(self._buffer) > MAX_HEAD_BYTES):
            raise PeerBroke(f"HTTP head is longer than {MAX_HEAD_BYTES} bytes")
        if end < 0:
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        message = Message(_first_line(lines[0]), _headers(lines[1:]))
        self._set_framing(message)
        return True

    def _set_framing(self, message: Message) -> None:
        status = _status(message) if self._answers else _FIRST_FINAL_STATUS
        if status < _FIRST_FINAL_STATUS:
            return
        length, coding = (message.headers.get(n) for n in ("content-length", "transfer-encoding"))
        if coding is not None and (coding.lower() != "chunked" or length is not None):
            raise PeerBroke(f"transfer-encoding is {coding[:80]!r}, but must be chunked and alone")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise PeerBroke(f"content-length is {length[:80]!r}, but must be a number")
        bare = status in _NEVER_A_BODY
        self._chunked = coding is not None and not bare
        self._left = 0 if bare or length is None else int(length)
        self._until_close = self._answers and not bare and coding is None and length is None
        self._message = message

    def _read_plain(self) -> bool:
        self._move(len(self._buffer) if self._until_close else self._left)
        return not self._until_close and self._left == 0

    def _read_chunks(self) -> bool:
        while True:
            if self._left:
                self._move(self._left)
                if self._left:
                    return False
                self._chunk_end_due = True
            line = self._line()
            if line is None:
                return False
            if self._in_trailers:
                if not line:
                    return True
            elif self._chunk_end_due:
                if line:
                    raise PeerBroke("a chunk is longer than its size says")
                self._chunk_end_due = False
            else:
                self._left = _chunk_size(line)
                self._in_trailers = self._left == 0

    def _move(self, count: int) -> None:
        """Move up to `count` bytes from the buffer into the body."""
        part = self._buffer[:count]
        del self._buffer[: len(part)]
        self._left = max(0, self._left - len(part))
        if self._message is not None:
            self._message.body += part[: max(0, self._keep - len(self._message.body))]
            self._message.body_bytes += len(part)

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end > _MAX_LINE_BYTES or (end < 0 and len(self._buffer) > _MAX_LINE_BYTES):
            raise PeerBroke(f"a line between chunks is longer than {_MAX_LINE_BYTES} bytes")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line


def _first_line(line: str) -> tuple[str, str, str]:
    words = line.split(" ", 2)
    if len(words) == 2:  # noqa: PLR2004 - an answer may leave out its reason
        words.append("")
    if len(words) != 3 or not any(w.startswith("HTTP/1.") for w in (words[0], words[2])):  # noqa: PLR2004
        raise PeerBroke(f"{line[:80]!r} is no first line of an HTTP/1.1 message")
    return (words[0], words[1], words[2])


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise PeerBroke(f"{line[:80]!r} is no HTTP header")
        key, text = name.lower(), value.strip()
        if key in headers and key in ("content-length", "transfer-encoding"):
            raise PeerBroke(f"header {key} is there twice")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _status(message: Message) -> int:
    text = message.words[1]
    if not (len(text) == 3 and text.isascii() and text.isdigit()):  # noqa: PLR2004
        raise PeerBroke(f"status is {text[:80]!r}, but must be three digits")
    return int(text)


def _chunk_size(line: bytes) -> int:
    text = line.partition(b";")[0].strip()
    if not text or any(c not in b"0123456789abcdefABCDEF" for c in text):
        raise PeerBroke(f"chunk size is {line[:80]!r}, but must be a hexadecimal number")
    return int(text, 16)
