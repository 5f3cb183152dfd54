"""A variant of a service has one number, and with it an address at each gateway."""

from cluster_agent.entry.allocation import Addresses, preferred
from cluster_agent.entry.service_addresses import ServiceAddresses
from tests.unit.builders import API

HOST = preferred("shop/api") % 254 + 1


def two_gateways() -> tuple[Addresses, ServiceAddresses]:
    addresses = Addresses()
    addresses.set_range("gw-1", "10.9.1.0/24")
    addresses.set_range("gw-2", "10.9.2.0/24")
    return addresses, ServiceAddresses(addresses, lambda: 0.0)


def test_a_service_has_one_address_at_each_gateway_that_is_there() -> None:
    addresses, services = two_gateways()
    services.assign(API, [""])
    assert services.at("gw-1", API, "") == f"10.9.1.{HOST}"
    assert services.answered(API, "") == (f"10.9.1.{HOST}", f"10.9.2.{HOST}")
    addresses.set_serving(frozenset({"gw-2"}))
    assert services.gateways_answered == ("gw-2",)
    assert services.answered(API, "") == (f"10.9.2.{HOST}",)
    assert services.everywhere(API) == {f"10.9.1.{HOST}", f"10.9.2.{HOST}"}


def test_variants_that_are_not_wanted_any_more_have_no_address() -> None:
    _, services = two_gateways()
    services.assign(API, ["", " only west"])
    assert [suffix for suffix, _ in services.numbers(API)] == ["", " only west"]
    assert len(services.everywhere(API)) == 4
    services.assign(API, [""])
    assert services.at("gw-1", API, " only west") is None
    assert len(services.everywhere(API)) == 2
    services.assign(API, [])
    assert services.everywhere(API) == frozenset()
