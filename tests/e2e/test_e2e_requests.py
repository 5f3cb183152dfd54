"""A request of one cluster, answered by the nearest backends, or by another cluster."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from federation.demo.layout import backends_of
from federation.verify import guarantees
from federation.verify.guarantees import Limits, Place
from federation.verify.history import Phase
from tests.e2e.documents import exports
from tests.e2e.rig import Mesh, pause, wait_until

pytestmark = pytest.mark.timeout(120)

CLUSTERS = ("us-east", "us-west", "eu-west")


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_request_is_answered_by_the_backends_of_its_own_cluster(mesh: Mesh, cluster: str) -> None:
    answers = [mesh.call(cluster) for _ in range(20)]
    assert {status for status, _ in answers} == {200}
    assert {said["cluster"] for _, said in answers} == {cluster}
    assert {said["workload"] for _, said in answers} == {"api-1", "api-2"}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_the_application_sees_the_identity_of_its_caller(mesh: Mesh, cluster: str) -> None:
    status, said = mesh.call(cluster)
    assert status == 200
    assert said["caller"] == f"spiffe://{cluster}.fedmesh.demo/ns/demo/sa/web"


@pytest.mark.parametrize(("here", "there"), [("eu-west", "us-east"), ("us-east", "eu-west")])
def test_a_request_reaches_the_other_region_when_only_that_exports(
    mesh: Mesh, here: str, there: str
) -> None:
    with ExitStack() as stack:
        for cluster in CLUSTERS:
            if cluster != there:
                stack.enter_context(mesh.edited(cluster, "exports.yaml", exports("web")))
        wait_until(f"{there} answers", lambda: mesh.call(here)[1].get("cluster") == there, 10)
        pause(0.5)  # what was withdrawn may not come back either
        answers = [mesh.call(here) for _ in range(20)]
    assert {status for status, _ in answers} == {200}
    assert {said["cluster"] for _, said in answers} == {there}
    assert {said["caller"] for _, said in answers} == {
        f"spiffe://{here}.fedmesh.demo/ns/demo/sa/web"
    }


def test_a_withdrawal_of_the_local_export_costs_no_request(mesh: Mesh, tmp_path: Path) -> None:
    with mesh.traffic("eu-west", tmp_path) as load:
        with mesh.edited("eu-west", "exports.yaml", exports("web")):
            pause(1.5)
        pause(1.5)
    records = load.over.records
    assert not guarantees.failures(records)
    assert {r.cluster for r in records} == set(CLUSTERS)


def test_losing_all_local_backends_under_load_costs_no_request(mesh: Mesh, tmp_path: Path) -> None:
    victims = [m.name for m in backends_of(mesh.layout, "us-east", "api")]
    with mesh.traffic("us-east", tmp_path) as load:
        pause(1.0)
        lost = mesh.kill(*victims)
        pause(3.0)
        mesh.start(*victims)
        back = time.monotonic()
        wait_until("they are ready", lambda: all(map(mesh.is_ready, _sidecars(victims))), 20)
        pause(2.0)
    gone, after = Phase("killed", lost, back), Phase("back", back, float("inf"))
    place, found = Place("us-east"), load.over
    shifted = guarantees.time_to_shift(found.within(gone), place, lost)
    summary = guarantees.summarise("killed", found.within(gone))
    promised = Limits(failed=0, worst=0.3, shifted=0.5)
    broken = guarantees.broken_promises(summary, promised, shifted)
    assert not broken, (broken, guarantees.lateness(found.lag))
    assert not guarantees.doubts(found, (gone, after))
    assert not guarantees.failures(found.within(after))


def _sidecars(names: list[str]) -> list[str]:
    return [name for name in names if name.endswith("-sidecar")]
