"""What lies in a cluster's folder: wrong documents are named, good ones keep working."""

import json
from pathlib import Path

import pytest

from tests.e2e.documents import api_workload, export, exports, service, text_of
from tests.e2e.rig import Mesh, fedctl, pause, wait_until

pytestmark = pytest.mark.timeout(120)

BOOKINFO = Path(__file__).parents[1] / "data" / "bookinfo.yaml"
BOOKS = ("details", "productpage", "ratings", "reviews")


def wait_for_word(mesh: Mesh, cluster: str, *words: str) -> None:
    """Wait until the agent tells people all of this in one line."""

    def said() -> bool:
        lines = mesh.conditions(cluster).replace("\n  ", " ").splitlines()
        return any(all(word in line for word in words) for line in lines)

    wait_until(f"{words} in {mesh.conditions(cluster)}", said, 15)


def wait_for_no_problems(mesh: Mesh, cluster: str) -> None:
    wait_until("no problems", lambda: "problems: []" in mesh.conditions(cluster), 15)


def test_a_broken_file_among_good_ones_is_named_with_its_line(mesh: Mesh) -> None:
    broken = "apiVersion: v1\nkind: Service\nmetadata:\n  name: [\n"
    with mesh.edited("us-east", "broken.yaml", broken):
        wait_for_word(mesh, "us-east", "broken.yaml:4", "not YAML")
        assert mesh.call("us-east")[1]["cluster"] == "us-east"
        with mesh.edited("us-west", "exports.yaml", exports("web")):
            wait_until(
                "us-east answers", lambda: mesh.call("us-west")[1].get("cluster") == "us-east", 3
            )
    wait_for_no_problems(mesh, "us-east")


def test_a_file_that_breaks_keeps_its_last_good_state(mesh: Mesh) -> None:
    workload = api_workload(mesh.layout, "us-east")
    good = text_of(*service("kept", workload), export("kept"))
    with mesh.edited("us-east", "kept.yaml", good):
        wait_until("answered", lambda: mesh.call("eu-west", "kept")[0] == 200, 10)
        with mesh.edited("us-east", "kept.yaml", good + "---\n\tbroken"):
            wait_for_word(mesh, "us-east", "kept.yaml:", "its last good state stays")
            pause(1.0)
            assert {mesh.call("eu-west", "kept")[0] for _ in range(10)} == {200}
    wait_until("withdrawn", lambda: mesh.call("eu-west", "kept")[0] == 404, 10)
    wait_for_no_problems(mesh, "us-east")


def test_an_unknown_field_of_an_export_is_named(mesh: Mesh) -> None:
    document = {**export("api"), "spec": {"exportedLabel": {}}}
    with mesh.edited("us-east", "typo.yaml", text_of(document)):
        wait_for_word(mesh, "us-east", "typo.yaml:1", "spec.exportedLabel is not a known field")
    wait_for_no_problems(mesh, "us-east")


def test_a_service_in_two_files_is_named_and_the_first_counts(mesh: Mesh) -> None:
    other = api_workload(mesh.layout, "us-west")
    with mesh.edited("us-east", "twice.yaml", text_of(*service("api", other))):
        wait_for_word(
            mesh, "us-east", "twice.yaml:1", "Service demo/api is already in services.yaml"
        )
        assert {mesh.call("us-east")[1]["cluster"] for _ in range(10)} == {"us-east"}
    wait_for_no_problems(mesh, "us-east")


def test_a_port_out_of_range_is_named(mesh: Mesh) -> None:
    workload = api_workload(mesh.layout, "us-east")
    text = text_of(*service("ports", workload)).replace("port: 8080", "port: 99999")
    with mesh.edited("us-east", "ports.yaml", text):
        wait_for_word(mesh, "us-east", "ports.yaml:1", "99999", "between 1 and 65535")
    wait_for_no_problems(mesh, "us-east")


def test_no_value_of_a_file_ends_the_agent(mesh: Mesh) -> None:
    workload = api_workload(mesh.layout, "us-east")
    good = text_of(*service("kept", workload), export("kept"))
    huge = good.replace("port: 8080", f"port: 0x{'F' * 4000}")
    with (
        mesh.edited("us-east", "huge.yaml", huge),
        mesh.edited("us-east", "kustomization.yaml", "resources: [huge.yaml]\n"),
    ):
        wait_for_word(mesh, "us-east", "huge.yaml:", "has more than 64 bits")
        assert "kustomization" not in mesh.conditions("us-east")
        with mesh.edited("us-east", "kept.yaml", good):
            wait_until("answered", lambda: mesh.call("eu-west", "kept")[0] == 200, 15)
    wait_for_no_problems(mesh, "us-east")


def test_an_export_that_nobody_can_call_says_why(mesh: Mesh) -> None:
    odd, _ = service("odd", api_workload(mesh.layout, "us-east"))
    odd["spec"] = {"prts": odd["spec"]["ports"]}
    with mesh.edited("us-east", "odd.yaml", text_of(odd, export("odd"))):
        wait_for_word(mesh, "us-east", "name: odd", "reason: NoPorts", "spec.prts")
        wait_for_word(mesh, "us-east", "odd.yaml:1", "spec.prts")
    wait_for_no_problems(mesh, "us-east")


def test_bookinfo_unchanged_shows_its_services_without_backends(mesh: Mesh) -> None:
    text = text_of(*(export(name, "default") for name in BOOKS))
    config = ("--config", str(mesh.paths.fedctl))
    with (
        mesh.edited("eu-west", "bookinfo.yaml", BOOKINFO.read_text()),
        mesh.edited("eu-west", "bookinfo-exports.yaml", text),
    ):
        wanted = {f"default/{name}" for name in BOOKS}
        wait_until(
            "the services are there",
            lambda: wanted <= {s["name"] for s in mesh.client.services()},
            5,
        )
        shown = fedctl("service", "list", "-o", "json", *config)
        table = fedctl("service", "list", *config)
        pause(0.5)
        assert "problems: []" in mesh.conditions("eu-west")
        problems = [p for site in mesh.layout.sites for p in mesh.problems(site.id)]
        assert all(" has no EndpointSlice" in text for text in problems), problems
    assert shown.returncode == 0
    found = {s["name"]: s for s in json.loads(shown.stdout)["items"]}
    for name in wanted:
        assert found[name]["exporters"] == ["eu-west"]
        (behind,) = found[name]["backends"]
        assert (behind["cluster"], behind["ready"], behind["total"]) == ("eu-west", 0, 0)
        assert [p["port"] for p in found[name]["ports"]] == [9080]
    lines = [line for line in table.stdout.splitlines() if "default/" in line]
    assert len(lines) == len(BOOKS)
    assert all("none is ready" in line for line in lines)
