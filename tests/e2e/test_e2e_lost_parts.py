"""Supervisors, agents and the controller die; requests go on, and edits are followed again."""

from pathlib import Path

import pytest

from federation.verify import guarantees
from tests.e2e import tls
from tests.e2e.documents import api_workload, exports, service, text_of
from tests.e2e.rig import Load, Mesh, pause, wait_until

pytestmark = pytest.mark.timeout(120)


def follows_edits(mesh: Mesh, here: str, there: str, seconds: float = 15.0) -> None:
    """A new export of one cluster is answered in another, and its withdrawal is followed."""
    workload = api_workload(mesh.layout, there)
    text = text_of(*service("later", workload))
    with mesh.edited(there, "later.yaml", text):
        with mesh.edited(there, "later-export.yaml", exports("later")):
            wait_until("answered", lambda: mesh.call(here, "later")[0] == 200, seconds)
        wait_until("withdrawn", lambda: mesh.call(here, "later")[0] == 404, seconds)


def assert_nothing_failed(load: Load) -> None:
    records = load.over.records
    assert len(records) > 100
    failed = guarantees.failures(records)
    assert not failed, failed[:5]


def test_envoy_goes_on_without_its_supervisor_and_the_next_one_adopts_it(
    mesh: Mesh, tmp_path: Path
) -> None:
    names = ("us-east-web-1-sidecar", "us-east-api-1-sidecar", "us-east-gateway")
    before = {name: mesh.process(name)["envoy_pid"] for name in names}
    with mesh.traffic("us-east", tmp_path) as load:
        for name in names:
            mesh.kill_alone(name)
        pause(1.0)
        assert {name: mesh.process(name)["pid"] for name in names} == dict.fromkeys(names)
        mesh.start(*names)
        wait_until("they are ready", lambda: all(map(mesh.is_ready, names)), 20)
        follows_edits(mesh, "us-east", "eu-west")
        follows_edits(mesh, "eu-west", "us-east")
    assert {name: mesh.process(name)["envoy_pid"] for name in names} == before
    for name in names:
        assert f"envoy adopted pid={before[name]}" in mesh.log(name)
    assert_nothing_failed(load)


def test_traffic_goes_on_without_the_controller_and_it_comes_back(
    mesh: Mesh, tmp_path: Path
) -> None:
    only_web = exports("web")
    with (
        mesh.edited("us-east", "exports.yaml", only_web),
        mesh.edited("us-west", "exports.yaml", only_web),
    ):
        wait_until("eu-west alone answers", lambda: set(_answering(mesh)) == {"eu-west"}, 15)
        with mesh.traffic("us-east", tmp_path) as load:
            mesh.kill_alone("controller")
            pause(2.0)
            mesh.start("controller")
            wait_until("the controller serves", mesh.client.is_healthy, 20)
            follows_edits(mesh, "us-east", "eu-west")
    assert_nothing_failed(load)
    assert {r.cluster for r in load.over.records} == {"eu-west"}


def _answering(mesh: Mesh) -> list[str]:
    return [mesh.call("us-east")[1].get("cluster", "nobody") for _ in range(8)]


def test_traffic_goes_on_without_the_agent_and_it_comes_back(mesh: Mesh, tmp_path: Path) -> None:
    with mesh.traffic("us-east", tmp_path) as load:
        mesh.kill_alone("us-east-agent")
        pause(1.5)
        mesh.start("us-east-agent")
        follows_edits(mesh, "us-east", "eu-west")
        follows_edits(mesh, "eu-west", "us-east")
    assert_nothing_failed(load)


@pytest.mark.slow
def test_a_proxy_starts_from_its_cache_while_agent_and_controller_are_away(
    mesh: Mesh, tmp_path: Path
) -> None:
    proxies = ("us-east-web-1-sidecar", "us-east-gateway")
    mesh.kill_alone("controller")
    mesh.kill_alone("us-east-agent")
    mesh.kill(*proxies)
    assert mesh.call("us-east")[0] == 0
    mesh.start(*proxies)
    wait_until("they are ready", lambda: all(map(mesh.is_ready, proxies)), 20)
    answers = [mesh.call("us-east") for _ in range(20)]
    assert {status for status, _ in answers} == {200}
    assert {said["caller"] for _, said in answers} == {
        "spiffe://us-east.fedmesh.demo/ns/demo/sa/web"
    }
    gateway = mesh.member("us-east-gateway").address("mtls")
    caller = tls.identity_of(mesh, "us-west-web-1-sidecar")
    assert tls.ask(gateway, tls.PASSED_ON, caller, tmp_path).text.startswith(b"HTTP/1.1 200 ")
    mesh.start("controller", "us-east-agent")
    wait_until("the controller serves", mesh.client.is_healthy, 20)
    follows_edits(mesh, "us-east", "eu-west")


def test_an_agent_that_starts_without_its_folder_leads_nobody_away(
    mesh: Mesh, tmp_path: Path
) -> None:
    """It has facts of the others on its disk, and knows nothing of its own cluster."""
    source = mesh.source("us-east")
    aside = source.with_name("aside")

    def connected() -> int:
        return mesh.log("us-east-agent").count("proxy connected proxy=sidecar/demo/web-1")

    with mesh.traffic("us-east", tmp_path) as load:
        before = connected()
        mesh.kill_alone("us-east-agent")
        source.rename(aside)
        try:
            mesh.start("us-east-agent")
            wait_until("said", lambda: "the folder cannot be read" in problems(mesh), 20)
            wait_until("the sidecar is back", lambda: connected() > before, 20)
            pause(2.0)
        finally:
            aside.rename(source)
        wait_until("read", lambda: problems(mesh) == "", 20)
        pause(1.0)
    assert_nothing_failed(load)
    assert {record.cluster for record in load.over.records} == {"us-east"}


def problems(mesh: Mesh) -> str:
    return "; ".join(mesh.problems("us-east"))
