"""The demo is laid out the same way every time, and no two processes share an address."""

import pytest

from federation.demo.layout import (
    MAX_CLUSTERS,
    Role,
    backends_of,
    find_site,
    members,
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
    assert len(set(names)) == len(names) == 1 + clusters * 8
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
