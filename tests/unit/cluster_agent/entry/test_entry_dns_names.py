"""What DNS servers are told of a service, and that a name waits for its listeners."""

from dataclasses import replace

from cluster_agent.entry.allocation import Addresses, preferred
from cluster_agent.entry.dns_names import DnsNames, Named, gateway_names
from cluster_agent.entry.service_addresses import ServiceAddresses
from federation.model.exports import ServiceType
from federation.model.names import ClusterId
from federation.wire.codec.zones import decode_gateway_names, decode_service_names
from tests.unit.builders import API, cluster, gateway, service

WEST = ClusterId("west")
NAMED = Named(service("east", "west"), (), (), ())
HOST = preferred("shop/api") % 254 + 1


def at_one_gateway() -> tuple[Addresses, ServiceAddresses, DnsNames]:
    addresses = Addresses()
    addresses.set_range("gw-1", "10.9.1.0/24")
    services = ServiceAddresses(addresses, lambda: 0.0)
    services.assign(API, ["", " only west"])
    return addresses, services, DnsNames(services)


def test_a_service_that_is_not_headless_has_its_addresses_and_those_of_one_cluster() -> None:
    _, services, names = at_one_gateway()
    named = replace(NAMED, held_to=(WEST,))
    found = names.resource(API, named)
    assert found is not None
    told = decode_service_names(found.body)
    assert told.addresses == (f"10.9.1.{HOST}",)
    assert told.only == ((WEST, services.answered(API, " only west")),)
    headless = replace(named, service=replace(named.service, type=ServiceType.HEADLESS))
    found = names.resource(API, headless)
    assert found is not None
    assert decode_service_names(found.body).addresses == ()


def test_a_new_address_waits_until_it_is_released() -> None:
    addresses, _, names = at_one_gateway()
    assert names.resource(API, NAMED) is not None, "whatever is there at the start is there"
    names.set_synced()
    assert names.resource(API, NAMED) is not None
    addresses.set_range("gw-2", "10.9.2.0/24")
    assert names.resource(API, NAMED) is None
    assert names.has_waiting
    assert names.release() == [API]
    assert names.resource(API, NAMED) is not None
    assert not names.has_waiting


def test_a_service_that_has_gone_waits_for_nothing() -> None:
    _, _, names = at_one_gateway()
    names.set_synced()
    assert names.resource(API, NAMED) is None
    names.forget(API)
    assert not names.has_waiting
    assert names.release() == []


def test_gateways_of_a_cluster_have_one_name_with_all_addresses() -> None:
    both = (gateway("10.2.0.2"), gateway("10.2.0.1"))
    (found,) = gateway_names([cluster("west", gateways=both)])
    assert decode_gateway_names(found.body).addresses == ("10.2.0.1", "10.2.0.2")
