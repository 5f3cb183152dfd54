"""Whose Pods have an address, as Pods come and go, and which services that concerns."""

from cluster_agent.observe.index import Index
from cluster_agent.observe.pod_addresses import PodAddresses
from cluster_agent.source.objects import Key
from tests.unit.documents import API, Json, endpoint, pod, service, slice_of, world

SECRET = Key("Pod", "bank", "secret")


def secret(*addresses: str) -> Json:
    found = pod("secret", namespace="bank")
    return {**found, "status": {"podIPs": [{"ip": address} for address in addresses]}}


def test_an_address_is_of_the_pods_that_have_it_now() -> None:
    known = PodAddresses()
    changed = known.update(SECRET, world(secret("10.0.0.9", "FD00::9", "none"))[SECRET])
    assert changed == {"10.0.0.9", "fd00::9"}
    assert known.namespaces_at("::ffff:10.0.0.9") == {"bank"}
    assert known.update(SECRET, world(secret("fd00::9"))[SECRET]) == {"10.0.0.9"}
    assert (known.namespaces_at("10.0.0.9"), known.namespaces_at("fd00::9")) == (set(), {"bank"})
    assert known.update(SECRET, None) == {"fd00::9"}
    assert known.namespaces_at("fd00::9") == set()


def test_a_service_is_looked_at_again_when_a_pod_gets_or_loses_its_address() -> None:
    index = Index()
    before = world(service(), slice_of(endpoint("10.0.0.9")))
    index.affected(before, before)
    after = {**before, **world(secret("10.0.0.9"))}
    assert index.affected([SECRET], after) == {API}
    assert index.affected([SECRET], after) == set()
    assert index.affected([SECRET], before) == {API}
    assert index.affected([SECRET], {**before, **world(secret("10.0.0.8"))}) == set()
