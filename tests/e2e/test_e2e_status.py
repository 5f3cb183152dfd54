"""`fedctl status` on a running demo: nothing when all is well, and what is wrong when it is not."""

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from cluster_agent.serve.refused_proxies import KEPT_SECONDS
from federation.cli.commands.status import HAS_PROBLEMS
from federation.client.documents import cluster_document
from tests.e2e.documents import exports
from tests.e2e.rig import Mesh, fedctl, wait_until


def status(mesh: Mesh, *more: str) -> subprocess.CompletedProcess[str]:
    return fedctl("status", "--config", str(mesh.paths.fedctl), *more)


def problems(mesh: Mesh) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(status(mesh, "-o", "json").stdout)["problems"]
    return found


@pytest.mark.timeout(120)
def test_a_healthy_federation_has_no_problems(mesh: Mesh) -> None:
    ago = KEPT_SECONDS + 20  # since other tests had proxies refused
    wait_until("nothing is told of", lambda: not problems(mesh), ago)
    assert status(mesh).returncode == 0
    shown = json.loads(status(mesh, "-o", "json").stdout)
    assert shown["problems"] == []
    assert shown["store"]["ok"]
    assert all(abs(item["clock"]) < 5 for item in shown["items"])


@pytest.mark.timeout(90)
def test_a_silent_agent_is_a_problem_until_it_speaks_again(mesh: Mesh) -> None:
    pid = mesh.process("eu-west-agent")["pid"]
    os.kill(pid, signal.SIGKILL)

    def is_silent() -> bool:
        return any(p["what"] == "its agent is silent" for p in problems(mesh))

    try:
        wait_until("its silence is told", is_silent, 25)
        (found,) = [p for p in problems(mesh) if p["what"] == "its agent is silent"]
        assert (found["where"], found["id"]) == ("eu-west", "agent-silent")
        assert found["since"] > 0
        assert status(mesh).returncode == HAS_PROBLEMS
    finally:
        fedctl("demo", "start", "--state", str(mesh.state))
    wait_until("status is well again", lambda: status(mesh).returncode == 0, 60)


def checks(mesh: Mesh) -> dict[str, dict[str, Any]]:
    """Problems by check and place."""
    return {f"{p['id']} {p['where']}": p for p in problems(mesh)}


@pytest.mark.timeout(120)
def test_a_killed_gateway_and_a_broken_file_are_told_by_those_who_know(mesh: Mesh) -> None:
    broken = mesh.source("us-west") / "broken.yaml"
    broken.write_text("kind: [\n")
    text = exports("nothing")
    try:
        with mesh.edited("us-west", "nothing.yaml", text):
            mesh.kill("us-west-gateway")
            told = ("no-gateway-serves", "file-unreadable", "export-without-service")
            wanted = {f"{check} us-west" for check in told}
            wait_until("all is told", lambda: checks(mesh).keys() >= wanted, 20)
            found = checks(mesh)
            dead, file = (found[f"{check} us-west"] for check in told[:2])
            assert "gateway gateway-1 is not " in dead["what"], "connected, or reached"
            assert "broken.yaml" in file["what"]
            shown = status(mesh)
            assert shown.returncode == HAS_PROBLEMS
            assert "\nok       certificates: " in shown.stdout
            assert "\nerror    us-west: none of its gateways serves" in shown.stdout
            assert "\x1b" not in shown.stdout
            since = checks(mesh)["file-unreadable us-west"]["since"]
            assert since == file["since"], "the same, told again"
            waited = status(mesh, "--wait", "--timeout", "1s")
            assert waited.returncode == HAS_PROBLEMS
    finally:
        broken.unlink()
        mesh.repair()
    waited = status(mesh, "--wait", "--timeout", "60s")
    assert waited.returncode == 0, waited.stdout


@pytest.mark.timeout(60)
def test_a_narrower_word_counts_at_once_is_told_and_can_be_taken_back(mesh: Mesh) -> None:
    (item,) = [c for c in mesh.client.clusters() if c["id"] == "eu-west"]

    def state(*namespaces: str) -> None:
        words = {"zones": item["zones"], "gateway_cidrs": item["gateway_cidrs"]}
        mesh.client.put_cluster(
            cluster_document(
                "eu-west",
                item["region"],
                network=item["network"],
                namespaces=namespaces,
                **words,
            )
        )

    def exported() -> set[str]:
        return {s["name"] for s in mesh.client.services() if "eu-west" in s["exporters"]}

    before = exported()
    try:
        state("other")
        assert exported() == set()
        refused = "Export demo/api: namespace demo may not be exported by cluster eu-west"
        wait_until("it is told", lambda: any(refused in p["what"] for p in problems(mesh)), 15)
        assert mesh.call("eu-west")[0] == 200, "others serve its applications"
    finally:
        state(*item["namespaces"])
    wait_until("it exports again", lambda: exported() == before, 15)
    wait_until("status is well again", lambda: status(mesh).returncode == 0, 20)
