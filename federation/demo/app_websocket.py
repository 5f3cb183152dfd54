"""The demo's application over WebSocket (RFC 6455): says who it is, then echoes messages.

In: the upgrade request at `/ws`, then bytes of the client. Out: the handshake, one text message of
JSON, each text or binary message again, pongs, and the closing handshake. `Conversation` knows no
socket; extensions are not offered, so frames are plain.
"""

import asyncio
import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from enum import IntEnum

from federation.demo.app_tcp import Stream
from federation.model.errors import InvalidInput
from federation.verify.http1 import Message

PATH = "/ws"
MAX_MESSAGE_BYTES = 1024 * 1024
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_FINAL = 0x80
_MASKED = 0x80
_RESERVED = 0x70
_MAX_CONTROL_BYTES = 125
_NORMAL, _PROTOCOL_ERROR, _NOT_UTF8, _TOO_BIG = 1000, 1002, 1007, 1009


class Kind(IntEnum):
    """What a frame is."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class _Broken(Exception):  # noqa: N818 - ends a conversation, with this code
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def wants(request: Message) -> bool:
    """Whether this request asks to speak WebSocket."""
    return "websocket" in request.headers.get("upgrade", "").lower()


def handshake(request: Message) -> bytes:
    """The answer that begins the conversation; raises InvalidInput when the request is none."""
    key = request.headers.get("sec-websocket-key", "")
    version = request.headers.get("sec-websocket-version", "")
    if version != "13":
        raise InvalidInput(f"sec-websocket-version is {version[:40]!r}, but must be 13")
    try:
        size = len(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != _KEY_BYTES or request.words[0] != "GET":
        raise InvalidInput("a WebSocket begins with GET and a sec-websocket-key of 16 bytes")
    accept = base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest())  # noqa: S324 - RFC 6455
    head = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    return head + b"sec-websocket-accept: " + accept + b"\r\n\r\n"


def frame(kind: Kind, payload: bytes) -> bytes:
    """One whole frame as a server sends it."""
    size = len(payload)
    if size <= _MAX_CONTROL_BYTES:
        head = bytes([_FINAL | kind, size])
    elif size < 1 << 16:
        head = bytes([_FINAL | kind, 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([_FINAL | kind, 127]) + size.to_bytes(8, "big")
    return head + payload


@dataclass(slots=True)
class Conversation:
    """What a server answers; `over` once nothing more is to be read."""

    over: bool = False
    _buffer: bytearray = field(default_factory=bytearray)
    _message: bytearray = field(default_factory=bytearray)
    _kind: Kind | None = None

    def receive(self, data: bytes) -> bytes:
        """Bytes that came; returns the bytes to send."""
        self._buffer += data
        out = b""
        try:
            while not self.over and (found := self._frame()) is not None:
                out += self._answer(*found)
        except _Broken as broken:
            out += self._close(broken.code)
        return out

    def _close(self, code: int) -> bytes:
        self.over = True
        return frame(Kind.CLOSE, code.to_bytes(2, "big"))

    def _frame(self) -> tuple[Kind, bool, bytes] | None:
        """The next whole frame: kind, whether it ends its message, payload."""
        head = self._buffer[:14]
        if len(head) < 2:  # noqa: PLR2004 - the shortest head
            return None
        kind, size = _checked(head[0], head[1])
        more = {126: 2, 127: 8}.get(size, 0)
        if more:
            size = int.from_bytes(head[2 : 2 + more], "big")
        begin = 2 + more + 4
        if len(head) < begin:
            return None
        if size + len(self._message) > MAX_MESSAGE_BYTES:
            raise _Broken(_TOO_BIG)
        if len(self._buffer) < begin + size:
            return None
        payload = _unmasked(self._buffer[begin : begin + size], head[begin - 4 : begin])
        del self._buffer[: begin + size]
        return kind, bool(head[0] & _FINAL), payload

    def _answer(self, kind: Kind, final: bool, payload: bytes) -> bytes:
        if kind is Kind.PING:
            return frame(Kind.PONG, payload)
        if kind is Kind.PONG:
            return b""
        if kind is Kind.CLOSE:
            return self._close(int.from_bytes(payload[:2], "big") or _NORMAL)
        if (kind is Kind.CONTINUATION) == (self._kind is None):
            raise _Broken(_PROTOCOL_ERROR)
        self._kind = self._kind or kind
        self._message += payload
        return self._echo(self._kind) if final else b""

    def _echo(self, kind: Kind) -> bytes:
        whole = bytes(self._message)
        self._kind = None
        self._message.clear()
        if kind is Kind.TEXT and not _is_utf8(whole):
            raise _Broken(_NOT_UTF8)
        return frame(kind, whole)


def _checked(first: int, second: int) -> tuple[Kind, int]:
    """Kind and short size of a frame; only masked plain frames are a client's."""
    size = second & ~_MASKED
    if first & _RESERVED or not second & _MASKED or first & 0x0F not in list(Kind):
        raise _Broken(_PROTOCOL_ERROR)
    kind = Kind(first & 0x0F)
    is_control = kind >= Kind.CLOSE
    if is_control and (size > _MAX_CONTROL_BYTES or not first & _FINAL):
        raise _Broken(_PROTOCOL_ERROR)
    return kind, size


def _unmasked(payload: bytes | bytearray, mask: bytes | bytearray) -> bytes:
    size = len(payload)
    key = (bytes(mask) * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Session(Stream):
    """One connection after the handshake; `first` is what it says unasked."""

    def __init__(self, first: bytes) -> None:
        super().__init__()
        self._first = first
        self._conversation = Conversation()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is over."""
        super().connection_made(transport)
        self._write(frame(Kind.TEXT, self._first))

    def data_received(self, data: bytes) -> None:
        """Part of a frame, or several."""
        if not self._conversation.over:
            self._write(self._conversation.receive(data))

    def _write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)
            if self._conversation.over:
                self.transport.close()
