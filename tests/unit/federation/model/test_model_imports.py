"""Which hosts lead to a service, and that all others lead nowhere."""

import re

import pytest

from federation.model.imports import (
    HOST_PATTERN,
    MOST_CHARACTERS,
    import_name,
    import_of,
    pinned_imports,
)
from federation.model.names import ServiceName, host_name
from federation.model.proxies import Kind, Proxy, State, Upstream

API = ServiceName("shop", "api")
LONGEST = "a" * 63


@pytest.mark.parametrize("host", ["api.shop", "api.shop.svc", host_name(API)])
def test_a_service_is_called_by_its_full_and_its_short_names(host: str) -> None:
    assert import_of(host) == import_name(API) == "api.shop"
    assert import_of(f"{host}:8080") == import_name(API, 8080) == "api.shop:8080"


def test_the_longest_names_are_names() -> None:
    host = f"{LONGEST}.{LONGEST}.svc.clusterset.local:65535"
    assert import_of(host) == f"{LONGEST}.{LONGEST}:65535"
    assert len(host) == MOST_CHARACTERS


@pytest.mark.parametrize(
    "host",
    [
        "",
        "api",
        "api.",
        ".shop",
        "api.shop.",
        "api.shop.svc.cluster.local",
        "api.shop.svc.clustersetXlocal",
        "x.api.shop.svc.clusterset.local",
        "api.shop:",
        "api.shop:http",
        "api.shop:123456",
        "-api.shop",
        "api-.shop",
        "API.shop",
        "a_b.shop",
        "api.shop\n",
        "api.shop/",
        "192.168.0.1",
        "[::1]:80",
        f"{LONGEST}a.shop",
        "x" * 1100,
        f"{'x' * 1100}.shop",
    ],
)
def test_what_is_no_name_of_a_service_leads_nowhere(host: str) -> None:
    assert import_of(host) is None


def test_the_pattern_takes_the_same_hosts_in_whole() -> None:
    """Envoy has the pattern as well, so that it asks for nothing else."""
    assert re.fullmatch(HOST_PATTERN, "api.shop:80")
    assert not re.fullmatch(HOST_PATTERN, "api.shop.example.com")


def test_a_sidecar_asks_for_its_upstreams_and_a_gateway_for_nothing() -> None:
    upstream = Upstream("127.0.0.1", 15432, API, 5432)
    sidecar = Proxy(
        "shop/web", Kind.SIDECAR, State.STARTING, "10.0.0.1", 15006, upstreams=(upstream,)
    )
    assert pinned_imports(sidecar) == ("api.shop:5432",)
    assert pinned_imports(Proxy("gw", Kind.GATEWAY, State.STARTING, "10.0.0.1", 15443)) is None
