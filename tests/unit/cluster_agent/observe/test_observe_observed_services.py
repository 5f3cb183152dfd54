"""What is known of services, which changed objects concern them, and who saw it."""

from ipaddress import ip_network

from cluster_agent.observe.observed_services import ObservedServices
from cluster_agent.observe.service import ALL_WELL, Observed
from federation.model.addresses import Network
from federation.model.names import ClusterId
from tests.unit.builders import API
from tests.unit.fakes.fake_source import FakeSource
from tests.unit.fakes.shop import shop

NOTHING = Observed(None, None, None, None)


def observed(text: str, *, live: bool = True) -> tuple[ObservedServices, Observed]:
    """The services of a source with one service."""
    source, services = FakeSource(), ObservedServices(ClusterId("east"), loopback=False)
    assert services.affected(source.write(text, live=live), source.objects) == {API}
    return services, services.observe(API, source.objects, ALL_WELL, 7)


def test_what_is_observed_is_known_once_it_is_put() -> None:
    services, found = observed(shop(True))
    assert services.known == {}
    assert services.put(API, found) == (None, True)
    assert services.exported == {API}
    assert services.put(API, NOTHING) == (found, True)
    assert services.known == {}


def test_what_nobody_saw_happen_is_not_live_the_first_time() -> None:
    services, found = observed(shop(True), live=False)
    assert services.put(API, found) == (None, False)
    assert services.put(API, found) == (found, True)


def test_services_are_found_by_the_addresses_of_their_endpoints() -> None:
    services, found = observed(shop(True))
    services.put(API, found)
    assert services.with_addresses(frozenset({"10.1.0.1", "192.0.2.1"})) == {API}
    assert services.with_addresses(frozenset({"192.0.2.1"})) == set()
    assert services.with_addresses(frozenset()) == set()


def test_other_ranges_of_gateways_concern_all_services() -> None:
    services, found = observed(shop(True))
    services.put(API, found)
    ranges: tuple[Network, ...] = (ip_network("10.1.0.0/24"),)
    assert services.set_offered(ranges) == {API}
    assert services.set_offered(ranges) == set()
    source = FakeSource()
    source.write(shop(True), live=True)
    again = services.observe(API, source.objects, ALL_WELL, 7)
    assert again.local is not None
    assert again.local.endpoints == (), "an endpoint where a gateway listens would call itself"


def test_an_export_that_is_not_simply_valid_is_odd_until_it_is() -> None:
    services, found = observed(shop(True).replace("kind: Service\n", "kind: ConfigMap\n"))
    services.put(API, found)
    assert [c.reason for c in services.odd[API]] == ["NoService"]
    services.put(API, observed(shop(True))[1])
    assert services.odd == {}
