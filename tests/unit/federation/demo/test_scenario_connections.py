"""Open connections are counted by the service and port they lead to."""

from federation.demo.scenarios.connections import count

SAID = b"""cluster.far~8080.orders.demo.svc.clusterset.local~.upstream_cx_active: 2
cluster.out~8080.orders.demo.svc.clusterset.local~.upstream_cx_active: 3
cluster.out~9090.orders.demo.svc.clusterset.local~.upstream_cx_active: 5
cluster.out~8080.api.demo.svc.clusterset.local~.upstream_cx_active: 7
cluster.application.upstream_cx_active: 11
"""


def test_near_and_far_clusters_of_the_port_count_and_no_others() -> None:
    assert count(SAID, "8080.orders.") == 5
    assert count(SAID, "8080.web.") == 0
    assert count(b"", "8080.orders.") == 0
