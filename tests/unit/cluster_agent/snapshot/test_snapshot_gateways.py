"""Where gateways listen and what they check, and how often."""

from dataclasses import replace

from cluster_agent.entry.dns_names import NAMES
from cluster_agent.snapshot.tables import GATEWAYS, SECRETS
from federation.model.types import CLUSTER, SECRET
from federation.wire import codec
from tests.unit.builders import (
    cluster,
)
from tests.unit.builders import gateway as gateway_at
from tests.unit.fakes.snapshots import (
    GATEWAY,
    known,
    listeners,
    meet,
    names,
    others,
)
from tests.unit.goldens import document


def test_a_gateway_listens_where_it_says_though_others_dial_elsewhere() -> None:
    snapshots = known()
    for proxy, at in (
        (GATEWAY, ("10.1.0.1", 15443)),
        (replace(GATEWAY, listen_address="0.0.0.0", listen_port=443), ("0.0.0.0", 443)),
    ):
        found = listeners(snapshots, meet(snapshots, proxy), "east-west")["address"][
            "socket_address"
        ]
        assert (found["address"], found["port_value"]) == at


def test_our_gateways_check_those_of_the_other_clusters() -> None:
    snapshots = known()
    layers = meet(snapshots, GATEWAY)
    sidecar = meet(snapshots)
    here = cluster("east", gateways=(replace(gateway_at("10.1.0.1"), name="gw"),))
    touched = snapshots.set_clusters([here, *others(2, 1)])
    assert {(t.table, t.type_url) for t in touched} == {
        (GATEWAYS, CLUSTER),
        (NAMES, codec.GATEWAY_NAMES),
        (SECRETS, SECRET),
    }
    expected = {"remote~c0~gw-10.0.0.0~", "remote~c1~gw-10.1.0.0~"}
    assert names(snapshots, layers, CLUSTER) == expected
    assert names(snapshots, sidecar, CLUSTER) == set(), "sidecars check nobody"
    assert snapshots.set_clusters([*others(2, 1), here]) == []
    assert snapshots.set_clusters([here, *others(1, 1)]) == [], "nothing takes its place"
    gone = {t.name for t in snapshots.finish()}
    assert gone == {"clusterset:c1.mesh.test", "remote~c1~gw-10.1.0.0~", "c1"}
    assert names(snapshots, layers, CLUSTER) == {"remote~c0~gw-10.0.0.0~"}


def test_gateways_of_one_cluster_check_each_other() -> None:
    snapshots = known()
    one, other = meet(snapshots, GATEWAY), meet(snapshots, replace(GATEWAY, id="gw-2"))
    both = (
        replace(gateway_at("10.1.0.1"), name="gw"),
        replace(gateway_at("10.1.0.2"), name="gw-2"),
    )
    snapshots.set_clusters([cluster("east", gateways=both)])
    assert names(snapshots, one, CLUSTER) == {"remote~east~gw-2~"}
    assert names(snapshots, other, CLUSTER) == {"remote~east~gw~"}
    snapshots.set_clusters([cluster("east", gateways=both[:1])])
    snapshots.finish()
    assert names(snapshots, one, CLUSTER) == set()


def remote_intervals(clusters: int) -> set[str]:
    snapshots = known()
    layers = meet(snapshots, GATEWAY)
    own = tuple(gateway_at(f"10.200.0.{n}") for n in range(9))
    snapshots.set_clusters([cluster("east", gateways=own), *others(clusters)])
    view = snapshots.view(layers)
    names = [name for name in view.names(CLUSTER) if not name.startswith("remote~east~")]
    found = [view.get(CLUSTER, name) for name in names]
    assert len(found) == 2 * clusters
    return {document(f.body)["health_checks"][0]["interval"] for f in found if f is not None}


def test_checks_of_other_gateways_are_rarer_when_there_are_many_clusters() -> None:
    assert remote_intervals(50) == {"0.500s"}
    assert remote_intervals(51) == {"1s"}
    assert remote_intervals(100) == {"1s"}
    assert remote_intervals(101) == {"2s"}
