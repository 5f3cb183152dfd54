"""The probe answers with a status and nothing else, whatever it is asked."""

import asyncio

import pytest

from federation.runtime import health
from federation.runtime.health import health_pages, response, serve_health


@pytest.mark.parametrize(
    ("path", "ready", "status"),
    [
        (b"/live", False, b"200"),
        (b"/ready", True, b"200"),
        (b"/ready", False, b"503"),
        (b"/", True, b"404"),
        (b"", True, b"404"),
        (b"/ready?x", True, b"404"),
    ],
)
def test_the_status_says_it_all(path: bytes, ready: bool, status: bytes) -> None:
    head, _, body = response(health_pages(lambda: ready), path).partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == status
    assert f"content-length: {len(body)}".encode() in head
    assert len(body) < 16


@pytest.mark.parametrize("said", [b"GET /" + b"a" * 2 * health._REQUEST_BYTES, b"GET /live"])
async def test_a_request_for_readiness_that_is_too_long_or_does_not_end_is_closed(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_REQUEST_SECONDS", 0.1)
    server = await serve_health("127.0.0.1", 0, lambda: True)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(said)
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass  # it had not read all of it
    finally:
        writer.close()
        server.close()
