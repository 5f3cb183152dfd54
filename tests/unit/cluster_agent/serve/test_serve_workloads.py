"""What is known of workloads, and how long a proxy waits for it."""

import asyncio

import pytest

from cluster_agent.serve.workloads import SOURCE_WAIT_SECONDS, Workloads
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node
from tests.unit.fakes.fake_source import FakeSource
from tests.unit.fakes.shop import shop


def read() -> tuple[FakeSource, Workloads]:
    """The workloads of a source that was read as a whole."""
    source = FakeSource()
    workloads = Workloads(source)
    source.synced = True
    source.write(shop(True))
    workloads.source_changed()
    return source, workloads


@pytest.mark.looptime
async def test_sidecars_wait_until_the_source_was_read_but_not_for_ever() -> None:
    now = asyncio.get_running_loop().time
    began = now()
    await Workloads(FakeSource()).wait_until_read()
    assert now() - began == SOURCE_WAIT_SECONDS
    await read()[1].wait_until_read()
    assert now() - began == SOURCE_WAIT_SECONDS


def test_a_pods_account_and_zone_are_known_by_its_name() -> None:
    _, workloads = read()
    assert workloads.account_of("shop/api-1") == "api"
    assert workloads.scope_of("shop/api-1") == Scope("a")
    assert workloads.account_of("shop/other") is None


def test_a_sidecar_is_expected_where_its_pod_is_and_a_gateway_nowhere() -> None:
    source, workloads = read()
    assert workloads.is_expected(Node(Kind.SIDECAR, "shop/api-1"))
    assert not workloads.is_expected(Node(Kind.SIDECAR, "shop/ghost"))
    assert not workloads.is_expected(Node(Kind.GATEWAY, "shop/api-1"))
    assert workloads.without_pod({"shop/api-1", "shop/ghost"}) == ("shop/ghost",)
    source.synced = False
    assert workloads.without_pod({"shop/ghost"}) == (), "the source has not been read yet"
