"""Real kubectl at the running demo: what is seen of a mesh that carries traffic."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.kubectls import Kubectl, found
from tests.e2e.rig import Mesh, fedctl, wait_until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def kubectl(mesh: Mesh, tmp_path: Path) -> Kubectl:
    file = tmp_path / "kubeconfig"
    done = fedctl("kubeconfig", "--config", str(mesh.paths.fedctl), "--output", str(file))
    assert done.returncode == 0, done.stderr
    return Kubectl(found()[0], file)


def test_what_is_seen_of_the_mesh(kubectl: Kubectl) -> None:
    clusters = json.loads(kubectl("get", "clusters", "-o", "json"))["items"]
    assert {one["status"]["state"] for one in clusters} == {"live"}
    kubectl("wait", "--for=condition=Connected", "clusters", "--all", "--timeout=10s")
    (api,) = (
        one
        for one in json.loads(kubectl("get", "svcim", "-A", "-o", "json"))["items"]
        if one["metadata"]["name"] == "api"
    )
    exporters = {one["cluster"]: one for one in api["status"]["clusters"]}
    assert len(exporters) > 1
    assert all(one["readyEndpoints"] == one["totalEndpoints"] for one in exporters.values())
    assert "ClusterSetIP" in kubectl("get", "serviceimports", "-n", "demo")
    assert "False" in kubectl("get", "serviceexports", "api", "-n", "demo")  # no conflict
    gateways = json.loads(kubectl("get", "gateways", "-o", "json"))["items"]
    assert {one["status"]["cluster"] for one in gateways} >= exporters.keys()
    assert all(one["status"]["connected"] for one in gateways)
    assert "demo" in kubectl("get", "ns", "-o", "name")
    described = kubectl("describe", "cluster", "eu-west")
    assert "Trust:" in described
    assert "is live" in described  # an event


def test_nothing_is_told_of_a_mesh_where_nothing_happens(kubectl: Kubectl) -> None:
    """What trembles is not among the status: each change would wake everybody who watches."""

    def revisions() -> str:
        path = "jsonpath={.items[*].metadata.resourceVersion}"
        kinds = "clusters,gateways,serviceimports,serviceexports"
        return kubectl("get", kinds, "-A", "-o", path)

    def is_still() -> bool:
        before = revisions()
        time.sleep(3)  # noqa: TID251 - real processes need real time
        return revisions() == before

    wait_until("three seconds without a change", is_still, 60)


def test_a_watch_sees_a_cluster_change(kubectl: Kubectl) -> None:
    path = "jsonpath={.spec.zones}{'\\n'}"
    watching = kubectl.start("get", "cluster", "eu-west", "-w", "-o", path)
    zones = json.loads(kubectl("get", "cluster", "eu-west", "-o", "json"))["spec"]["zones"]
    try:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline()) == zones
        patch = json.dumps({"spec": {"zones": [*zones, "eu-west-9"]}})
        kubectl("patch", "cluster", "eu-west", "--type=merge", "-p", patch)
        assert json.loads(watching.stdout.readline()) == [*zones, "eu-west-9"]
    finally:
        watching.kill()
        watching.communicate()
        back = json.dumps({"spec": {"zones": zones}})
        kubectl("patch", "cluster", "eu-west", "--type=merge", "-p", back)


POLICY: dict[str, Any] = {
    "apiVersion": "fedmesh.dev/v1alpha1",
    "kind": "TrafficPolicy",
    "metadata": {"name": "near", "namespace": "demo"},
    "spec": {"targetRefs": [{"kind": "Service", "name": "api"}], "mode": "None"},
}


def test_every_verb_at_the_demo(kubectl: Kubectl, tmp_path: Path) -> None:
    file, folder = tmp_path / "policy.yaml", tmp_path
    file.write_text(yaml.safe_dump(POLICY))
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["policy.yaml"]}))
    near = ("trafficpolicy", "near", "-n", "demo")
    assert "trafficpolicies" in kubectl("api-resources")
    assert "Locality" in kubectl("explain", "trafficpolicy.spec.mode")
    kubectl("diff", "-f", str(file), code=1)
    try:
        assert "created" in kubectl("apply", "-f", str(file))
        assert "unchanged" in kubectl("apply", "-k", str(folder))
        assert "serverside-applied" in kubectl("apply", "--server-side", "-f", str(file))
        kubectl("label", *near, "team=a")
        kubectl("annotate", *near, "why=because")
        kubectl("patch", *near, "--type=merge", "-p", '{"spec":{"mode":"Locality"}}')
        kubectl("edit", *near, more={"EDITOR": "sed -i s/Locality/None/"})
        kubectl("wait", "--for=condition=Accepted", "tp/near", "-n", "demo", "--timeout=10s")
        kubectl("wait", "--for=condition=ResolvedRefs", "tp/near", "-n", "demo", "--timeout=10s")
        assert "near" in kubectl("get", "tp", "-A", "-l", "team=a", "--sort-by=.metadata.name")
        assert kubectl("get", *near, "-o", "jsonpath={.spec.mode}") == "None"
        assert kubectl("get", *near, "-o", "name") == "trafficpolicy.fedmesh.dev/near\n"
        assert "because" in kubectl("get", *near, "-o", "yaml")
        assert "api" in kubectl("get", *near, "-o", "json")
        assert "ResolvedRefs" in kubectl("describe", *near)
        assert "Cluster/" in kubectl("get", "events", "-A").title()
        assert "yes" in kubectl("auth", "can-i", "create", "trafficpolicies", "-n", "demo")
        assert "admin" in kubectl("auth", "whoami")
    finally:
        kubectl("delete", *near, "--wait")
    assert "not found" in kubectl("get", *near, code=1)
