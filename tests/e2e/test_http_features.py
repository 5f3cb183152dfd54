"""What of HTTP passes through the mesh, as docs/reference/http.md tells it.

Each by a sidecar and by an entry address, to an application with a sidecar and to one behind a
gateway that ends the mutual TLS.
"""

import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path

import pytest

from federation.envoy import limits
from tests.e2e import heads
from tests.e2e.crossings import HTTP1, OWN, PLAIN
from tests.e2e.heads_client import Door, send_streams
from tests.e2e.recording import Message, Recorded, recorded, request

pytestmark = [pytest.mark.timeout(120), pytest.mark.envoy]

DOORS = tuple(Door(way, service, HTTP1) for way in ("caller", "entry") for service in (OWN, PLAIN))
LONGEST = limits.HEADERS_KB * 1024


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as found:
        yield Path(found)


@pytest.fixture
async def mesh_of_one(folder: Path) -> AsyncIterator[Recorded]:
    async with recorded(folder, "127.36.0") as world:
        yield world


async def test_offers_of_another_protocol_are_ignored_and_websocket_passes(
    mesh_of_one: Recorded,
) -> None:
    upgrade = "Connection: Upgrade"
    for door in DOORS:
        for offer in ("TLS/1.2", "foo/2", "TLS/1.2, HTTP/2.0"):
            found = await mesh_of_one.ask(door, "GET /", upgrade, f"Upgrade: {offer}")
            assert (found.status, found.body) == (200, b"ok"), (door, offer)
            (seen,) = mesh_of_one.take()
            assert not seen.get("upgrade")
        h2c = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
        assert (await mesh_of_one.ask(door, "GET /", *h2c)).status == 200
        for name in ("websocket", "WebSocket"):
            opened = await mesh_of_one.ask(door, "GET /websocket", upgrade, f"Upgrade: {name}")
            assert opened.status == 101, (door, name)
        mesh_of_one.take()


NO_OPENINGS = (
    *((f"{method} /websocket", ("Content-Length: 5",), b"hello") for method in ("GET", "PUT")),
    *(
        (f"{method} /websocket", ("Transfer-Encoding: chunked",), b"2\r\nhi\r\n0\r\n\r\n")
        for method in ("GET", "POST")
    ),
    *((f"{method} /websocket", (), b"") for method in ("POST", "OPTIONS", "get", "X-Own")),
)


async def test_what_cannot_open_a_websocket_is_refused_at_once(mesh_of_one: Recorded) -> None:
    for door in DOORS:
        for offer in ("websocket", "WebSocket", "TLS/1.2, websocket"):
            upgrade = ("Connection: Upgrade", f"Upgrade: {offer}")
            for first, lines, body in NO_OPENINGS:
                found = await mesh_of_one.ask(door, first, *upgrade, *lines, body=body)
                assert found.status == 400, (door, offer, first, lines)
                assert b"a GET of HTTP/1.1 that has no body" in found.body
            old = await mesh_of_one.ask(door, "GET /websocket", *upgrade, version="1.0")
            assert old.status == 400, (door, offer)
        assert mesh_of_one.take() == [], door
        empty = ("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0")
        assert (await mesh_of_one.ask(door, "GET /websocket", *empty)).status == 101
        chunks = b"2\r\nhi\r\n0\r\n\r\n"
        await mesh_of_one.ask(door, "PUT /", "Transfer-Encoding: chunked", body=chunks)
        opened, plain = mesh_of_one.take()
        assert (opened.line.split()[0], plain.body) == ("GET", b"hi")
        for seen in (opened, plain):
            assert not [name for name, _ in seen.headers if name.startswith("x-fedmesh")]


def marked(answer: Message) -> bool:
    """Whether an application could forge what proxies say to each other."""
    return bool(answer.get("x-fedmesh-unreached") + answer.get("x-fedmesh-unfinished"))


async def test_a_websocket_that_an_application_declines_is_not_shown_as_open(
    mesh_of_one: Recorded,
) -> None:
    opening = ("Connection: Upgrade", "Upgrade: websocket")
    for door in DOORS:
        for status, shown in ((200, 502), (201, 502), (302, 302), (404, 404), (426, 426)):
            found = await mesh_of_one.ask(door, f"GET /status/{status}", *opening)
            assert found.status == shown, (door, status)
            assert found.get("x-fedmesh-declined") == ([str(status)] if shown == 502 else [])
            assert not marked(found)
            assert found.body == (b"ok" if status >= 400 else b"")
        plain = await mesh_of_one.ask(door, "GET /status/200")
        assert not plain.get("x-fedmesh-declined")
        assert not marked(plain)
        assert not marked(await mesh_of_one.ask(door, "GET /websocket", *opening))
        assert len(mesh_of_one.take()) == 7


async def test_an_application_hears_and_answers_expectations(mesh_of_one: Recorded) -> None:
    what = ("Expect: 100-continue", "Content-Length: 2")
    for door in DOORS:
        found = await mesh_of_one.ask(door, "POST /", *what, body=b"hi")
        assert (found.status, len(found.early)) == (200, 1)
        (seen,) = mesh_of_one.take()
        assert (seen.get("expect"), seen.body) == (["100-continue"], b"hi")
        refused = await mesh_of_one.ask(door, "POST /refused", *what, body=b"hi")
        assert (refused.status, refused.early, refused.body) == (417, (), b"no")
        assert len(mesh_of_one.take()) == 1
        for status in (102, 103):
            found = await mesh_of_one.ask(door, f"GET /early/{status}")
            assert [line.split()[1] for line in found.early] == [str(status)]
            assert found.status == 200
        mesh_of_one.take()


async def test_after_an_early_answer_a_request_is_not_tried_again(mesh_of_one: Recorded) -> None:
    for door in DOORS:
        for waits in (False, True):
            what = ("Content-Length: 2", *(("Expect: 100-continue",) if waits else ()))
            found = await mesh_of_one.ask(door, "PUT /dies", *what, body=b"hi")
            seen = len(mesh_of_one.take())
            assert found.status == 503, (door, waits)
            assert (seen == 1) is waits, (door, waits, seen)


async def test_trailers_pass_both_ways_without_what_the_mesh_alone_may_say(
    mesh_of_one: Recorded,
) -> None:
    odd = b"Connection: close\r\nTE: gzip\r\nX_Forwarded_Client-Cert: URI=spiffe://x\r\n"
    chunks = b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n" + odd + b"\r\n"
    sent = ("TE: trailers", "Trailer: X-Sum", "Transfer-Encoding: chunked")
    for door in DOORS:
        found = await mesh_of_one.ask(door, "POST /trailers", *sent, body=chunks)
        assert (found.body, found.trailers) == (b"ok", (("x-end", "yes"),)), door
        (seen,) = mesh_of_one.take()
        assert (seen.body, seen.trailers) == (b"hi", (("x-sum", "7"),)), door
        assert seen.get("te") == ["trailers"]


async def test_methods_of_any_name_pass(mesh_of_one: Recorded) -> None:
    body = ("Content-Type: text/plain", "Content-Length: 2")
    for door in DOORS:
        for method in ("BAN", "PURGE", "PROPFIND", "TRACE", "QUERY", "X-Own"):
            lines, sent = ((), b"") if method == "TRACE" else (body, b"hi")
            found = await mesh_of_one.ask(door, f"{method} /", *lines, body=sent)
            assert found.status == 200, (door, method)
        assert len(mesh_of_one.take()) == 6
        # Some that Envoy refuses by itself.
        assert (await mesh_of_one.ask(door, "QUERY /")).status == 400
        assert (await mesh_of_one.ask(door, "CONNECT /")).status == 400
        assert (await mesh_of_one.ask(door, f"CONNECT {door.host.decode()}")).status == 404
        assert mesh_of_one.take() == []


async def test_a_request_names_one_host(mesh_of_one: Recorded) -> None:
    for door in DOORS:
        host = f"Host: {door.host.decode()}"
        for lines in ((host, host), (host, "Host: other"), ("Host: other", host), ("Host: a b",)):
            found = await mesh_of_one.ask(door, "GET /", *lines)
            assert found.status == 400, (door, lines)
        assert mesh_of_one.take() == []
        # The whole URL counts and not the Host beside it (RFC 9112, 3.2.2).
        whole = f"GET http://{door.host.decode()}/"
        assert (await mesh_of_one.ask(door, whole, "Host: other")).status == 200
        (seen,) = mesh_of_one.take()
        assert seen.get("host") == [door.host.decode()]
        assert (await mesh_of_one.ask(door, "OPTIONS *")).status == 404
        assert (await mesh_of_one.ask(door, "GET /a#b")).status == 400
        assert mesh_of_one.take() == []


async def test_of_http2_one_authority_counts(mesh_of_one: Recorded) -> None:
    for door in DOORS:
        (plain,) = islice(heads.streams(door.host), 1)
        for added, count in (((b"host", b"other"), 1), ((b":authority", b"other"), 0)):
            odd = heads.Stream("odd", [*plain.headers, added])
            await send_streams(mesh_of_one.world, door, [odd], None)
            seen = mesh_of_one.take()
            assert [s.get("host") for s in seen] == [[door.host.decode()]] * count, (door, added)


async def test_what_else_a_caller_may_send(mesh_of_one: Recorded) -> None:
    own = ("X-Mine: 1", "Connection: close, X-Mine", "Keep-Alive: 5", "TE: gzip", "Via: 1.1 me")
    said = ("X-Request-Id: 7", "X-Forwarded-Proto: https")
    for door in DOORS:
        first = await mesh_of_one.ask(door, "GET /", *own)
        assert len(first.get("date")) == 1
        assert not first.get("server") + first.get("via")
        await mesh_of_one.ask(door, "GET /", *said)
        name, _, port = door.host.decode().partition(":")
        await mesh_of_one.ask(door, "GET /", f"Host: {name}.:{port}")
        seen, known, dotted = mesh_of_one.take()
        assert seen.get("via") == ["1.1 me"]
        assert seen.get("x-forwarded-proto") == ["http"]
        assert len(seen.get("x-request-id")) == len(seen.get("x-forwarded-client-cert")) == 1
        for gone in ("x-mine", "connection", "keep-alive", "te"):
            assert not seen.get(gone), (door, gone)
        assert (known.get("x-request-id"), known.get("x-forwarded-proto")) == (["7"], ["https"])
        assert dotted.get("host") == [door.host.decode()]
        old = await mesh_of_one.ask(door, "GET /", version="1.0")
        assert (old.line.split()[0], old.status) == ("HTTP/1.0", 200)
        mesh_of_one.take()


async def test_a_head_passes_or_is_refused_once(mesh_of_one: Recorded) -> None:
    def lines(count: int) -> list[str]:
        return [f"x-{n}: a" for n in range(count - 1)]

    def padded(door: Door, size: int) -> str:
        return "x: " + "a" * (size - len(request(door, "GET /", "x: ")))

    for door in DOORS:
        for count in range(95, 102):
            found = await mesh_of_one.ask(door, "GET /", *lines(count))
            expected = (200, 1) if count <= limits.HEADERS else (431, 0)
            assert (found.status, len(mesh_of_one.take())) == expected, (door, count)
        for size in (LONGEST - 140, LONGEST - 20, LONGEST, LONGEST + 10, LONGEST + 60):
            found = await mesh_of_one.ask(door, "GET /", padded(door, size))
            expected = (200, 1) if size <= LONGEST else (431, 0)
            assert (found.status, len(mesh_of_one.take())) == expected, (door, size)


async def test_the_head_of_an_answer_passes_or_becomes_502_once(mesh_of_one: Recorded) -> None:
    most, longest = limits.ANSWER_HEADERS, limits.ANSWER_KB * 1024
    cases = [(f"headers/{n}", n <= most) for n in (98, 101, 150, most, most + 1)]
    cases += [(f"head/{n}", n <= longest) for n in (60_000, longest, longest + 50, 2 * longest)]
    for door in DOORS:
        for method in ("GET", "POST"):
            for path, passes in cases:
                found = await mesh_of_one.ask(door, f"{method} /{path}", "Content-Length: 0")
                seen = len(mesh_of_one.take())
                assert (found.status, seen) == (200 if passes else 502, 1), (door, path)
                assert not found.get("x-fedmesh-unreached")
