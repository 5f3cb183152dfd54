"""The probe answers with a status and nothing else, whatever it is asked."""

import pytest

from federation.runtime.health import health_pages, response


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
