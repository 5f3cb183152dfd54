"""kubectl shows the proxies of the mesh: who is there, who was killed, who came back."""

import json
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from federation.demo.layout import members
from federation.runtime.clock import utc_now
from tests.e2e.kubectls import BROUGHT, Kubectl, write_kubeconfig
from tests.e2e.rig import Mesh, wait_until

CLUSTER = "us-west"


@pytest.fixture
def kubectl(mesh: Mesh, tmp_path: Path) -> Kubectl:
    token = mesh.paths.admin_token().read_text().strip()
    server = f"https://{members(mesh.layout)[0].address('api')}"
    user = {"token": token}
    config = write_kubeconfig(tmp_path / "kubeconfig", server, mesh.paths.root(), user)
    return Kubectl(str(BROUGHT), config)


def proxies(kubectl: Kubectl, *words: str) -> dict[str, dict[str, Any]]:
    """The status of all that are listed, by name."""
    found = json.loads(kubectl("get", "proxies", "-o", "json", *words))
    return {one["metadata"]["name"]: one["status"] for one in found["items"]}


@pytest.mark.timeout(120)
def test_kubectl_shows_which_proxies_are_connected(mesh: Mesh, kubectl: Kubectl) -> None:
    def are_there() -> bool:
        found = proxies(kubectl)
        gateways = [name for name, one in found.items() if one["kind"] == "gateway"]
        return len(gateways) == 3 and all(one["connected"] for one in found.values())

    took = wait_until("all proxies are listed", are_there, 20)
    found = proxies(kubectl, "--field-selector", f"status.cluster={CLUSTER}")
    assert all(name.startswith(f"{CLUSTER}.") for name in found)
    assert {one["kind"] for one in found.values()} == {"gateway", "sidecar"}
    now = utc_now()
    for one in found.values():
        assert (one["version"], one["refused"]) == (version("fedmesh"), [])
        ends = datetime.fromisoformat(one["certificateExpires"])
        assert now < ends <= now + timedelta(hours=25)
    wide = kubectl("get", "proxies", "-o", "wide", "-l", f"fedmesh.dev/cluster={CLUSTER}")
    head, *lines = wide.splitlines()
    assert {"CLUSTER", "KIND", "CONNECTED", "STATE", "CERTIFICATE", "VERSION"} <= {*head.split()}
    assert len(lines) == len(found)
    (gateway,) = json.loads(
        kubectl("get", "gateways", "-o", "json", "--field-selector", f"status.cluster={CLUSTER}")
    )["items"]
    assert (gateway["status"]["version"], gateway["status"]["connected"]) == (
        version("fedmesh"),
        True,
    )
    print(f"listed after {took:.1f} s, {len(proxies(kubectl))} in all")


@pytest.mark.timeout(120)
def test_a_killed_sidecar_is_not_connected_until_it_is_back(mesh: Mesh, kubectl: Kubectl) -> None:
    name, supervisor = f"{CLUSTER}.sidecar.demo.api-1", f"{CLUSTER}-api-1-sidecar"

    def is_connected() -> bool:
        return bool(proxies(kubectl).get(name, {}).get("connected"))

    wait_until("it is connected", is_connected, 20)
    with kubectl.start("get", "proxy", name, "--watch", "-o", "name") as watching:
        assert watching.stdout is not None
        line = f"proxy.fedmesh.dev/{name}\n"
        try:
            assert watching.stdout.readline() == line  # it watches from now on
            mesh.kill(supervisor)
            gone = wait_until("it is told as gone", lambda: not is_connected(), 15)
            others = {n: one["connected"] for n, one in proxies(kubectl).items() if n != name}
            assert all(others.values())
            mesh.start(supervisor)
            back = wait_until("it is told as back", is_connected, 30)
            assert [watching.stdout.readline() for _ in range(2)] == [line, line]
        finally:
            mesh.repair()
            watching.terminate()
        watching.communicate()
    print(f"gone after {gone:.1f} s, back after {back:.1f} s")
