"""What leaves in order costs nobody a request: proxies that are stopped, workloads that end."""

import re
import time
from pathlib import Path

import pytest

from federation.envoy.senders import CONNECTION_SECONDS
from federation.verify import guarantees
from tests.e2e.rig import Load, Mesh, pause, wait_until

pytestmark = pytest.mark.timeout(120)

SLOW = "/delay/3"
"""Requests that are still under way when `drain_seconds` are over would be cut by less patience."""


def assert_nothing_failed(load: Load) -> None:
    records = load.over.records
    assert len(records) > 20
    failed = guarantees.failures(records)
    assert not failed, failed[:5]


def is_gone(mesh: Mesh, name: str) -> bool:
    return mesh.process(name)["pid"] is None


def ending(text: str, address: str) -> str:
    """The services of a cluster with one endpoint that ends, as Kubernetes shows it."""
    conditions = "  conditions:\n    ready: {}\n"
    before = f"  - {address}\n{conditions.format('true')}"
    after = f"  - {address}\n{conditions.format('false')}    serving: true\n    terminating: true\n"
    assert before in text
    return text.replace(before, after)


def test_a_workload_that_ends_gets_no_new_requests_and_loses_none(
    mesh: Mesh, tmp_path: Path
) -> None:
    workload = mesh.layout.sites[1].behind("orders")[0]
    text = (mesh.source("us-west") / "services.yaml").read_text()
    with mesh.traffic("us-east", tmp_path, service="orders", method="POST") as load:
        pause(1.0)
        with mesh.edited("us-west", "services.yaml", ending(text, workload.address)):
            pause(CONNECTION_SECONDS + 2.0)  # a connection that is open takes requests until then
            over = time.monotonic()  # from here on it is back
    assert_nothing_failed(load)
    late = [r for r in load.over.records if over - 1.0 < r.start and r.end < over]
    assert late
    assert {r.cluster for r in late} == {"us-west"}
    assert {r.workload for r in late} == {"api-2"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["us-west-gateway", "us-west-api-1-sidecar"])
def test_a_proxy_that_is_stopped_waits_for_what_is_under_way(
    mesh: Mesh, tmp_path: Path, name: str
) -> None:
    with mesh.traffic(
        "us-east", tmp_path, rate=20.0, service="orders", method="POST", path=SLOW
    ) as load:
        pause(4.0)
        mesh.terminate(name)
        wait_until(f"{name} is gone", lambda: is_gone(mesh, name), 40)
        pause(1.0)
        mesh.start(name)
        wait_until("it is ready again", lambda: mesh.is_ready(name), 20)
    assert_nothing_failed(load)
    assert re.search(r"drained left=0", mesh.log(name))
