"""An application that closes its connections without saying so costs no POST once it is noticed."""

import asyncio
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from federation.demo.layout import service_host
from tests.e2e.rig import Mesh, finish, wait_until

pytestmark = pytest.mark.timeout(120)

HERE = "eu-west"
WORKLOADS = ("api-1", "api-2")
SIDECARS = tuple(f"{HERE}-{workload}-sidecar" for workload in WORKLOADS)
APPS = tuple(f"{HERE}-{workload}-app" for workload in WORKLOADS)
AT_ONCE, EACH = 8, 80
"""So many callers, and how many requests each sends one after the other."""


def test_post_is_not_lost_in_a_connection_that_the_application_closes(
    mesh: Mesh, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    mesh.kill(*APPS)
    addresses = [mesh.member(app).address("http") for app in APPS]
    command = (sys.executable, "-m", "tests.e2e.closing", str(seen), *addresses)
    try:
        with subprocess.Popen(command) as application:
            try:
                wait_until("it listens", lambda: all(map(_listens, addresses)), 10)
                _until_it_is_noticed(mesh)
                statuses = finish(_send(mesh, "after"))
            finally:
                application.kill()
        assert statuses == {200: AT_ONCE * EACH}
        bodies = Counter(seen.read_text().split())
        assert set(bodies.values()) == {1}, "nothing was processed twice, before either"
    finally:
        mesh.start(*APPS)
        mesh.kill(*SIDECARS)  # the next ones have a usual application again
        mesh.start(*SIDECARS)


def _until_it_is_noticed(mesh: Mesh) -> None:
    turns = iter(range(1000))

    def is_noticed() -> bool:
        finish(_send(mesh, f"before-{next(turns)}"))
        return all(_opens_one_for_each(mesh, sidecar) for sidecar in SIDECARS)

    wait_until("both sidecars open a connection for each request", is_noticed, 30)


def _opens_one_for_each(mesh: Mesh, sidecar: str) -> bool:
    clusters = mesh.ask_envoy(sidecar, "/config_dump?resource=dynamic_active_clusters")
    return len(re.findall(rb'"max_requests_per_connection": 1\b', clusters)) == 1


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


async def _send(mesh: Mesh, name: str) -> Counter[int]:
    """POSTs of some callers at once; how often which status came."""
    host, _, port = mesh.proxy(HERE).rpartition(":")
    found: Counter[int] = Counter()

    async def call(body: Callable[[int], bytes]) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in range(EACH):
            text = body(number)
            head = f"POST / HTTP/1.1\r\nhost: {service_host('api')}\r\ncontent-length: {len(text)}"
            writer.write(head.encode() + b"\r\n\r\n" + text)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(answer.partition(b"\r\ncontent-length:")[2].split()[0]))
            found[int(answer.split()[1])] += 1
        writer.close()

    callers = (lambda n, c=c: f"{name}-{c}-{n}".encode() for c in range(AT_ONCE))
    await asyncio.gather(*map(call, callers))
    return found
