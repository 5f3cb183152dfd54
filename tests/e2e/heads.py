"""Heads of requests and answers as nobody should send them, and many that somebody may.

In: nothing. Out: cases with a name: bytes of HTTP/1.1, or lists of headers of HTTP/2, written to
the wire as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]

HOP_BY_HOP = (
    b"Connection",
    b"Proxy-Connection",
    b"Keep-Alive",
    b"TE",
    b"Trailer",
    b"Transfer-Encoding",
    b"Upgrade",
    b"HTTP2-Settings",
    b"Expect",
    b"Content-Length",
    b"Host",
    b"Via",
    b"Cookie",
    b"X-Request-Id",
    b"X-Forwarded-For",
    b"X-Forwarded-Proto",
    b"X-Forwarded-Client-Cert",
    b"Grpc-Timeout",
    b"X-Envoy-Upstream-Rq-Timeout-Ms",
    b"X-Envoy-Original-Path",
    b"X-Fedmesh-Sni",
    b"X-Fedmesh-Unreached",
)
VALUES = (
    b"",
    b" ",
    b"\t",
    b",",
    b";",
    b"trailers",
    b"Trailers",
    b"trailers, gzip",
    b"trailers;q=0.5",
    b"gzip",
    b"close",
    b"te",
    b"close, te, upgrade",
    b"keep-alive",
    b"chunked",
    b"chunked, chunked",
    b"identity",
    b"h2c",
    b"websocket",
    b"TLS/1.2",
    b"100-continue",
    b"200-ok",
    b"0",
    b"-1",
    b"+1",
    b"18446744073709551616",
    b"a@b",
    b"a b",
    b"[::1",
    b"a:99999",
    b"\xff",
    b"\xc3\xa9",
    b'"',
    b":path",
    b"host",
    b"content-length",
    b"x" * 9000,
)


@dataclass(frozen=True, slots=True)
class Head:
    """One request over HTTP/1.1, as bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """One request over HTTP/2: headers, and trailers if there are any."""

    name: str
    headers: Headers
    trailers: Headers | None = None


def requests(host: bytes) -> Iterator[Head]:
    """Requests over HTTP/1.1 with this host."""

    def head(name: str, *lines: bytes, first: bytes = b"GET / HTTP/1.1") -> Head:
        has_host = any(line.lower().startswith(b"host:") for line in lines)
        named = () if has_host else (b"Host: " + host,)
        return Head(name, b"\r\n".join([first, *named, *lines, b"", b""]))

    yield head("plain")
    for name in HOP_BY_HOP:
        for value in VALUES:
            yield head(f"{name.decode()}: {value[:20]!r}", name + b": " + value)
            yield head(f"{name.decode()} twice: {value[:20]!r}", name + b": " + value, name + b":")
    for byte in range(256):
        one = bytes([byte])
        yield head(f"name with {byte:#04x}", b"x-a" + one + b"b: c")
        yield head(f"name of {byte:#04x}", one + b": c")
        yield head(f"value with {byte:#04x}", b"x-a: b" + one + b"c")
        yield head(f"value that begins with {byte:#04x}", b"x-a: " + one + b"c")
        yield head(f"host with {byte:#04x}", b"Host: a" + one + b"b")
        yield head(f"host and {byte:#04x}", b"Host: " + host + one)
        yield head(f"path with {byte:#04x}", first=b"GET /a" + one + b"b HTTP/1.1")
        yield head(f"path of {byte:#04x}", first=b"GET " + one + b" HTTP/1.1")
        yield head(f"method with {byte:#04x}", first=b"GE" + one + b"T / HTTP/1.1")
        yield head(f"whole url with {byte:#04x}", first=b"GET http://a" + one + b"b/ HTTP/1.1")
        yield head(f"te of {byte:#04x}", b"TE: " + one)
    for first in (
        b"GET  HTTP/1.1",
        b"GET / HTTP/1.0",
        b"GET / HTTP/2.0",
        b"GET / HTTP/1.2",
        b"GET",
        b"* / HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET a HTTP/1.1",
        b"GET http:/// HTTP/1.1",
        b"GET http:// HTTP/1.1",
        b"GET http://a@b/ HTTP/1.1",
        b"GET HTTP://" + host + b" HTTP/1.1",
        b"GET ftp://" + host + b"/ HTTP/1.1",
        b"GET //" + host + b"/ HTTP/1.1",
        b"GET /#a HTTP/1.1",
        b"GET /%00 HTTP/1.1",
        b"GET /" + b"a" * 8000 + b" HTTP/1.1",
        b"CONNECT " + host + b" HTTP/1.1",
        b"CONNECT / HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"TRACE / HTTP/1.1",
        b"get / HTTP/1.1",
        b"A" * 300 + b" / HTTP/1.1",
    ):
        yield head(f"line {first[:40]!r}", first=first)
    for lines in (
        (b": c",),
        (b":path: /b",),
        (b":authority: b",),
        (b":status: 200",),
        (b"x-a : c",),
        (b" x-a: c",),
        (b"x-a: b", b" folded"),
        (b"x-a",),
        (b"x-a: b\nx-c: d",),
        (b"x-a: b\rx-c: d",),
        (b"Host: ",),
        (b"Host:",),
        (b"Host: " + host, b"Host: " + host),
        (b"Host: " + host, b"Host: other"),
        (b"Host: " + host + b".",),
        (b"Host: a" * 200,),
        (b"x" * 9000 + b": a",),
        (b"Connection: x-a", b"x-a: b"),
        (b"Connection: Upgrade", b"Upgrade: websocket"),
        (b"Connection: Upgrade", b"Upgrade: TLS/1.2"),
        (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
        (b"Connection: te", b"TE: trailers"),
        (b"Connection: te", b"TE: "),
        (b"TE: trailers", b"TE: gzip"),
        (b"TE: ", b"TE: trailers"),
        (b"Cookie: a=b", b"Cookie: ", b"Cookie: ;"),
    ):
        yield head(f"lines {lines!r:.60}", *lines)
    body = b"POST / HTTP/1.1\r\nHost: " + host + b"\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    for trailer in (
        b"",
        b"x-a: b\r\n",
        b"te: gzip\r\n",
        b"te:\r\n",
        b"connection: close\r\n",
        b"content-length: 1\r\n",
        b":path: /\r\n",
        b"host: a\r\n",
        b"transfer-encoding: chunked\r\n",
        b"x-\x80: \x80\r\n",
    ):
        yield Head(f"trailer {trailer!r}", body + b"0\r\n" + trailer + b"\r\n")
    yield Head("chunk of nothing known", body + b"zz\r\n")


def streams(host: bytes) -> Iterator[Stream]:
    """Requests over HTTP/2 with this authority."""
    base: Headers = [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", host),
    ]

    def changed(name: bytes, value: bytes) -> Headers:
        return [(n, value if n == name else v) for n, v in base]

    yield Stream("plain", base)
    for header in HOP_BY_HOP:
        for value in VALUES:
            name = header.lower()
            yield Stream(f"{name.decode()}: {value[:20]!r}", [*base, (name, value)])
    for byte in range(256):
        one = bytes([byte])
        yield Stream(f"name with {byte:#04x}", [*base, (b"x" + one + b"y", b"z")])
        yield Stream(f"value with {byte:#04x}", [*base, (b"x-a", b"b" + one + b"c")])
        yield Stream(f"te of {byte:#04x}", [*base, (b"te", one)])
        for pseudo in (b":method", b":path", b":authority", b":scheme"):
            named = f"{pseudo.decode()} with {byte:#04x}"
            yield Stream(named, changed(pseudo, b"/a" + one if pseudo == b":path" else b"a" + one))
    for pseudo in (b":method", b":path", b":authority", b":scheme"):
        yield Stream(f"empty {pseudo.decode()}", changed(pseudo, b""))
        yield Stream(f"no {pseudo.decode()}", [h for h in base if h[0] != pseudo])
        yield Stream(f"two {pseudo.decode()}", [*base, (pseudo, b"/")])
    yield Stream("late pseudo", [*base[1:], (b"x", b"y"), base[0]])
    yield Stream("protocol", [*base, (b":protocol", b"websocket")])
    yield Stream("status", [*base, (b":status", b"200")])
    yield Stream("odd pseudo", [*base, (b":odd", b"1")])
    yield Stream("empty name", [*base, (b"", b"1")])
    yield Stream("capital", [*base, (b"X-A", b"1")])
    yield Stream("connect", [(b":method", b"CONNECT"), (b":authority", host)])
    yield Stream("connect to", [*changed(b":method", b"CONNECT"), (b":protocol", b"websocket")])
    yield Stream("host besides", [*base, (b"host", b"other")])
    yield Stream("a@b", changed(b":authority", b"a@b"))
    for trailer in (
        (b"x-a", b"b"),
        (b"te", b"gzip"),
        (b"te", b""),
        (b"connection", b"close"),
        (b":path", b"/"),
        (b"content-length", b"7"),
        (b"host", b"a"),
        (b"X-A", b"b"),
        (b"", b"b"),
        (b"x-a", b"b\x00"),
        (b"x-a", b"b\r\nc"),
        (b"x-a", b" b"),
    ):
        yield Stream(f"trailer {trailer!r}", base, [trailer])


def answers() -> Iterator[Head]:
    """Answers over HTTP/1.1."""

    def answer(name: str, *lines: bytes, first: bytes = b"HTTP/1.1 200 OK") -> Head:
        return Head(name, b"\r\n".join([first, *lines, b"Content-Length: 2", b"", b""]) + b"ok")

    yield answer("plain")
    for name in HOP_BY_HOP:
        if name == b"Content-Length":
            continue
        for value in VALUES:
            yield answer(f"{name.decode()}: {value[:20]!r}", name + b": " + value)
    for status in (
        *(b"0", b"00", b"000", b"1", b"20", b"099", b"100", b"101", b"102", b"103", b"199"),
        *(b"200", b"204", b"205", b"299", b"304", b"399", b"599", b"600", b"700", b"999"),
        *(b"1000", b"2000", b"65536", b"4294967496", b"-200", b"+200", b"2x0", b"", b"abc"),
    ):
        yield answer(f"status {status!r}", first=b"HTTP/1.1 " + status + b" X")
    for byte in range(256):
        one = bytes([byte])
        yield answer(f"name with {byte:#04x}", b"x-a" + one + b"b: c")
        yield answer(f"name of {byte:#04x}", one + b": c")
        yield answer(f"value with {byte:#04x}", b"x-a: b" + one + b"c")
        yield answer(f"reason with {byte:#04x}", first=b"HTTP/1.1 200 a" + one + b"b")
        yield answer(f"te of {byte:#04x}", b"te: " + one)
    for lines in (
        (b": c",),
        (b":status: 200",),
        (b":path: /",),
        (b"x-a : c",),
        (b"x-a: b", b" folded"),
        (b"x-a",),
        (b"x" * 9000 + b": a",),
        (b"x-a: " + b"a" * 70000,),
        tuple(b"x-%d: a" % i for i in range(150)),
        (b"Connection: te", b"TE: trailers"),
        (b"Connection: close, x-a", b"x-a: b"),
        (b"Connection: Upgrade", b"Upgrade: websocket"),
        (b"Content-Length: 3",),
        (b"Transfer-Encoding: chunked",),
    ):
        yield answer(f"lines {lines!r:.60}", *lines)
    yield from _early_answers()
    yield from _answers_in_pieces()


def _early_answers() -> Iterator[Head]:
    for early in (
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nTE: gzip\r\n\r\n",
        b"HTTP/1.1 102 X\r\nTE: gzip\r\n\r\n",
        b"HTTP/1.1 103 X\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 103 X\r\nlink: a\r\nKeep-Alive: 5\r\n\r\n",
        b"HTTP/1.1 103 X\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 199 X\r\nTE:\r\n\r\n",
    ):
        yield Head(
            f"early {early[9:40]!r}", early * 3 + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        )


def _answers_in_pieces() -> Iterator[Head]:
    begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    for trailer in (
        b"",
        b"x-a: b\r\n",
        b"te: gzip\r\n",
        b"te:\r\n",
        b"connection: close\r\n",
        b":status: 200\r\n",
        b"transfer-encoding: chunked\r\n",
        b"content-length: 1\r\n",
        b"keep-alive: 5\r\n",
        b"x-\x80: \x80\r\n",
    ):
        yield Head(f"trailer {trailer!r}", begun + b"0\r\n" + trailer + b"\r\n")
    for rest in (b"", b"zz\r\n", b"-1\r\n", b"fffffffffffffffff\r\n", b"0\r\n"):
        yield Head(f"chunk {rest!r}", begun + rest)
    for data in (
        b"",
        b"\r\n\r\n",
        b"\x00" * 9,
        b"GET / HTTP/1.1\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
    ):
        yield Head(f"no answer {data!r}", data)
