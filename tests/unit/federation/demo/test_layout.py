"""The demo is laid out the same way every time, and no two processes share an address."""

import pytest

from federation.demo.layout import (
    MAX_CLUSTERS,
    Role,
    backends_of,
    find_site,
    members,
    moved_away,
    plan_layout,
    service_host,
)
from federation.model.errors import InvalidInput
from federation.model.names import parse_cluster_id, parse_label


def test_the_default_demo_has_three_clusters_of_one_client_and_two_backends() -> None:
    layout = plan_layout()
    assert layout.controller == "127.10.0.1"
    assert [s.id for s in layout.sites] == ["us-east", "us-west", "eu-west"]
    assert [s.region for s in layout.sites] == ["us", "us", "eu"]
    east = layout.sites[0]
    assert (east.agent, east.gateway, east.client().address) == (
        "127.11.0.2",
        "127.11.0.3",
        "127.11.0.11",
    )
    assert [w.address for w in east.behind("api")] == ["127.11.0.12", "127.11.0.13"]


@pytest.mark.parametrize("clusters", range(1, MAX_CLUSTERS + 1))
def test_names_and_addresses_are_valid_and_used_once(clusters: int) -> None:
    layout = plan_layout("127.20", clusters)
    found = members(layout)
    addresses = [address for m in found for _, address in m.addresses]
    assert len(set(addresses)) == len(addresses)
    assert all(address.startswith("127.") for address in addresses)
    names = [parse_label(m.name, "name") for m in found]
    assert len(set(names)) == len(names) == 1 + clusters * 9
    for site in layout.sites:
        parse_cluster_id(site.id)


def test_another_network_shares_no_address() -> None:
    one, two = ({a for m in members(plan_layout(n, 5)) for _, a in m.addresses}
                for n in ("127.10", "127.20"))  # fmt: skip
    assert not one & two


@pytest.mark.parametrize("network", ["10.0", "127.0", "127.251", "127.999", "127", "127.1.2", ""])
def test_a_network_that_is_not_ours_is_refused(network: str) -> None:
    with pytest.raises(InvalidInput, match="--network"):
        plan_layout(network)


@pytest.mark.parametrize("clusters", [0, 6, -1])
def test_too_few_or_too_many_clusters_are_refused(clusters: int) -> None:
    with pytest.raises(InvalidInput, match="--clusters"):
        plan_layout(clusters=clusters)


def test_the_backends_of_a_service_are_applications_with_their_sidecars() -> None:
    found = backends_of(plan_layout(), "us-east", "api")
    assert [(m.workload, m.role) for m in found] == [
        ("api-1", Role.APP),
        ("api-1", Role.SIDECAR),
        ("api-2", Role.APP),
        ("api-2", Role.SIDECAR),
    ]


def test_an_unknown_cluster_is_named() -> None:
    with pytest.raises(InvalidInput, match="mars"):
        find_site(plan_layout(), "mars")


def test_services_are_called_by_their_clusterset_name() -> None:
    assert service_host("api") == "api.demo.svc.clusterset.local:8080"
    assert service_host("api", 9090) == "api.demo.svc.clusterset.local:9090"


def test_an_application_listens_for_every_protocol_and_only_the_client_has_a_local_port() -> None:
    found = {m.name: dict(m.addresses) for m in members(plan_layout())}
    assert found["us-east-api-1-app"] == {
        "http": "127.11.0.12:8080",
        "grpc": "127.11.0.12:9090",
        "tcp": "127.11.0.12:7000",
    }
    assert found["us-east-web-1-sidecar"]["tcp-api"] == "127.11.0.11:17000"
    assert found["us-east-web-1-sidecar"]["tcp-orders"] == "127.11.0.11:17001"
    assert [n for n, a in found.items() if n.endswith("-sidecar") and "tcp-api" in a] == [
        "us-east-web-1-sidecar",
        "us-west-web-1-sidecar",
        "eu-west-web-1-sidecar",
    ]


def test_the_first_cluster_calls_a_service_that_only_the_others_have() -> None:
    home, *others = plan_layout().sites
    assert home.behind("orders") == ()
    assert [w.name for w in others[0].behind("orders")] == ["api-1", "api-2"]


def test_a_link_stands_before_the_gateway_of_a_cluster_that_is_far_away() -> None:
    layout = moved_away(plan_layout(), "eu-west", 0.3)
    found = {m.name: dict(m.addresses) for m in members(layout)}
    assert found["eu-west-link"] == {"mtls": "127.13.0.3:15443"}
    assert found["eu-west-gateway"]["mtls"] == "127.13.0.4:15443"
    assert [n for n in found if n.endswith("-link")] == ["eu-west-link"]
