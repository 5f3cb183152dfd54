"""Strangers at the controller's API, in numbers: requests to join over and over, answers not read.

Each runs in a process of its own, so that its work is not that of the test's.
"""

import asyncio
import contextlib
import json
import ssl
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import uvloop

_MOST_HEAD = 65_536
NEVER_ANSWERED = "no answer"


def unverified() -> ssl.SSLContext:
    """TLS of somebody who does not care whom he talks to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def request_of(body: Mapping[str, str]) -> bytes:
    """A request to join, as bytes."""
    data = json.dumps(body).encode()
    head = f"POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def _one(address: str, source: str, request: bytes, until: float) -> dict[str, int]:
    """One connection after the other, one request after the other; counts answers by status."""
    host, _, port = address.rpartition(":")
    counts: dict[str, int] = {}
    now = asyncio.get_running_loop().time

    def count(what: str) -> None:
        counts[what] = counts.get(what, 0) + 1

    while now() < until:
        try:
            async with asyncio.timeout(until - now() + 1):
                reader, writer = await asyncio.open_connection(
                    host, int(port), ssl=unverified(), local_addr=(source, 0)
                )
                with contextlib.closing(writer.transport):
                    while now() < until:
                        writer.write(request)
                        head = await reader.readuntil(b"\r\n\r\n")
                        length = head.lower().partition(b"content-length: ")[2].split(b"\r")[0]
                        await reader.readexactly(int(length))
                        count(head.split(b" ", 2)[1].decode())
        except (OSError, EOFError, ValueError, TimeoutError):
            count(NEVER_ANSWERED)
            await asyncio.sleep(0.05)
    return counts


async def _all(
    address: str, source: str, requests: list[bytes], connections: int, seconds: float
) -> dict[str, int]:
    until = asyncio.get_running_loop().time() + seconds
    work = (_one(address, source, requests[i % len(requests)], until) for i in range(connections))
    found: dict[str, int] = {}
    for counts in await asyncio.gather(*work):
        for what, number in counts.items():
            found[what] = found.get(what, 0) + number
    return found


def _run(*arguments: Any) -> dict[str, int]:
    return uvloop.run(_all(*arguments))


@contextlib.contextmanager
def joiners(
    address: str, source: str, requests: list[bytes], connections: int, seconds: float
) -> Iterator["Future[dict[str, int]]"]:
    """So many connections for so long, while the context lasts; the result counts the answers."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(sys.getsizeof, 0).result()  # it has started
        yield pool.submit(_run, address, source, requests, connections, seconds)
