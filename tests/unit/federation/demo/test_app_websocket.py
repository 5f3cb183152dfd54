"""Over WebSocket the application says who it is, then every message again (RFC 6455)."""

import pytest

from federation.demo.app_websocket import (
    MAX_MESSAGE_BYTES,
    Conversation,
    Kind,
    Session,
    frame,
    handshake,
    wants,
)
from federation.model.errors import InvalidInput
from federation.verify.http1 import Message
from tests.unit.fakes.fake_transport import FakeTransport

MASK = b"\x01\x80\xff\x00"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def client_frame(kind: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A frame as a client sends it: masked."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65536:
        length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    masked = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return bytes([kind | (0x80 if final else 0)]) + length + MASK + masked


def upgrade(**headers: str) -> Message:
    usual = {"upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": KEY}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Message(("GET", "/ws", "HTTP/1.1"), usual | named)


def closing(code: int) -> bytes:
    return frame(Kind.CLOSE, code.to_bytes(2, "big"))


def test_the_handshake_is_that_of_the_standard() -> None:
    assert b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in handshake(upgrade())
    assert wants(upgrade())
    assert not wants(Message(("GET", "/ws", "HTTP/1.1"), {}))


@pytest.mark.parametrize(
    "request_",
    [
        upgrade(sec_websocket_version="8"),
        upgrade(sec_websocket_key="c2hvcnQ="),
        upgrade(sec_websocket_key="no base64"),
        upgrade(sec_websocket_key="\xe9"),
        Message(("POST", "/ws", "HTTP/1.1"), upgrade().headers),
    ],
)
def test_what_is_no_handshake_is_refused(request_: Message) -> None:
    with pytest.raises(InvalidInput, match="sec-websocket"):
        handshake(request_)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.BINARY])
def test_a_message_of_any_size_comes_back(kind: Kind, size: int) -> None:
    assert Conversation().receive(client_frame(kind, b"x" * size)) == frame(kind, b"x" * size)


def test_frames_may_be_cut_anywhere() -> None:
    conversation, out = Conversation(), b""
    for byte in client_frame(Kind.TEXT, "h\u00e9".encode()) + client_frame(Kind.TEXT, b"x" * 200):
        out += conversation.receive(bytes([byte]))
    assert out == frame(Kind.TEXT, "h\u00e9".encode()) + frame(Kind.TEXT, b"x" * 200)


def test_a_message_in_fragments_comes_back_whole_though_a_ping_came_between() -> None:
    out = Conversation().receive(
        client_frame(Kind.TEXT, b"one ", final=False)
        + client_frame(Kind.PING, b"?")
        + client_frame(Kind.CONTINUATION, b"two ", final=False)
        + client_frame(Kind.PONG)
        + client_frame(Kind.CONTINUATION, b"three")
    )
    assert out == frame(Kind.PONG, b"?") + frame(Kind.TEXT, b"one two three")


def test_a_close_is_answered_with_its_code_and_nothing_follows() -> None:
    conversation = Conversation()
    said = client_frame(Kind.CLOSE, (4001).to_bytes(2, "big") + b"bye")
    assert conversation.receive(said + client_frame(Kind.TEXT, b"late")) == closing(4001)
    assert conversation.over
    assert Conversation().receive(client_frame(Kind.CLOSE)) == closing(1000)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),
        (b"\xc1" + client_frame(Kind.TEXT, b"x")[1:], 1002),
        (client_frame(0x3), 1002),
        (client_frame(Kind.CONTINUATION, b"x"), 1002),
        (client_frame(Kind.TEXT, b"x", final=False) + client_frame(Kind.TEXT, b"x"), 1002),
        (client_frame(Kind.PING, b"x", final=False), 1002),
        (client_frame(Kind.PING, b"x" * 126), 1002),
        (client_frame(Kind.TEXT, b"\xff"), 1007),
        (b"\x82\xff" + (MAX_MESSAGE_BYTES + 1).to_bytes(8, "big") + MASK, 1009),
    ],
    ids=[
        *("not masked", "extension", "unknown", "begins in the middle", "never ended"),
        *("ping in parts", "long ping", "no text", "too big"),
    ],
)
def test_who_breaks_the_protocol_is_told_by_its_code(data: bytes, code: int) -> None:
    conversation = Conversation()
    assert conversation.receive(data) == closing(code)
    assert conversation.over


def test_a_connection_begins_with_who_answers_and_closes_after_the_farewell() -> None:
    session, transport = Session(b"{}"), FakeTransport()
    session.connection_made(transport)
    assert transport.said() == frame(Kind.TEXT, b"{}")
    session.data_received(client_frame(Kind.TEXT, b"hello"))
    assert transport.said() == frame(Kind.TEXT, b"hello")
    assert not transport.is_closing()
    session.data_received(client_frame(Kind.CLOSE))
    assert transport.said() == closing(1000)
    assert transport.closed
    session.data_received(client_frame(Kind.TEXT, b"late"))
    assert transport.said() == b""
