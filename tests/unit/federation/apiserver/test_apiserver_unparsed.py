"""Requests that are no HTTP fill no log, and nothing of them is in it: with real TLS."""

import pytest

from federation.apiserver.connection_guard import HEADERS
from federation.runtime.limited_log import BURST
from tests.unit.federation.apiserver.test_apiserver_connection_guard import entered, served

SECRET = b"Bearer 2EX54SgcGpgNnXRGqdJRs9"
HEAD = b"GET /healthz HTTP/1.1\r\nhost: a\r\n"


async def say(port: int, data: bytes) -> bytes:
    reader, writer = await entered(port)
    writer.write(data)
    found = await reader.read()
    writer.close()
    return found


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"authorization: " + SECRET + b"\x00\r\n\r\n",
        HEAD + b"authorization: " + SECRET + b"a" * 10_000 + b"\r\n\r\n",
        HEAD + b"".join(b"x-%d: a\r\n" % number for number in range(HEADERS)) + b"\r\n",
        HEAD + b"authorization:\r\n " + SECRET + b"\r\n\r\n",
        b"GET * HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\x00\x01" + SECRET + b"\r\n\r\n",
    ],
    ids=["nul", "long", "many", "folded", "star", "binary"],
)
async def test_what_cannot_be_read_is_a_line_and_shows_no_token(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with served(10, 1.0) as (port, _):
        assert b" 400 " in await say(port, data)
    assert SECRET[7:].decode() not in caplog.text
    assert "Traceback" not in caplog.text
    for line in caplog.messages:
        assert line.startswith("call refused peer=127.0.0.1 reason='no HTTP: "), line


async def test_many_of_them_are_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with served(10, 1.0) as (port, _):
        for _ in range(BURST + 15):
            await say(port, b"GET * HTTP/1.1\r\nhost: a\r\n\r\n")
    assert BURST <= len(caplog.messages) <= BURST + 5


async def test_a_body_that_cannot_be_unpacked_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-encoding: gzip\r\n"
    async with served(10, 1.0) as (port, _):
        assert b"HTTP/1.1 " in await say(port, head + b"content-length: 7\r\n\r\nno gzip")
    assert "Traceback" not in caplog.text
    assert "no HTTP: RequestPayloadError" in caplog.text
