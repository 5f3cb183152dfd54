"""Clusters that state different protocols for one port: callers beside each get their answers."""

import contextlib
import http.client
import json
from collections.abc import Iterator

import pytest

from federation.demo.layout import SERVICE_PORT, service_host
from tests.e2e.documents import api_workload, export, service, text_of
from tests.e2e.rig import Mesh, wait_until

pytestmark = pytest.mark.timeout(120)

OLDER, YOUNGER = "us-east", "eu-west"
NAME, FILE = "mixed", "mixed.yaml"


def test_what_is_not_done_of_a_service_is_said_on_its_export(mesh: Mesh) -> None:
    documents = service(NAME, api_workload(mesh.layout, OLDER))
    documents[0]["spec"]["sessionAffinity"] = "ClientIP"
    with mesh.edited(OLDER, FILE, text_of(*documents, export(NAME))):
        wait_until("it is said", lambda: "sessionAffinity ClientIP" in mesh.conditions(OLDER), 10)
        (found,) = (i for i in mesh.client.services() if i["name"] == f"demo/{NAME}")
        assert [text.split()[0] for text in found["not_honoured"]] == ["sessionAffinity"]


def text(mesh: Mesh, cluster: str, app: str) -> str:
    """An exported service in front of a workload; the port states `app`, if anything."""
    documents = service(NAME, api_workload(mesh.layout, cluster))
    port = documents[0]["spec"]["ports"][0]
    port["name"] = documents[1]["ports"][0]["name"] = "web"
    if app:
        port["appProtocol"] = app
    return text_of(*documents, export(NAME))


@contextlib.contextmanager
def exported(mesh: Mesh, older: str, younger: str) -> Iterator[None]:
    with mesh.edited(OLDER, FILE, text(mesh, OLDER, older)):
        wait_until("the older answers", lambda: said(mesh, "us-west", "GET") == OLDER, 10)
        with mesh.edited(YOUNGER, FILE, text(mesh, YOUNGER, younger)):
            wait_until("both are exported", lambda: exporters(mesh) == {OLDER, YOUNGER}, 10)
            yield


def exporters(mesh: Mesh) -> set[str]:
    found = [item for item in mesh.client.services() if item["name"] == f"demo/{NAME}"]
    return set(found[0]["exporters"]) if found else set()


def said(mesh: Mesh, cluster: str, method: str, address: str = "") -> str:
    """Which cluster answers a caller of this one, or with which status nobody does."""
    host, _, port = (address or mesh.proxy(cluster)).rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    with contextlib.closing(connection):
        try:
            connection.request(method, "/", headers={"Host": service_host(NAME)})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        return str(json.loads(body)["cluster"]) if answer.status == 200 else str(answer.status)


def answers(mesh: Mesh, cluster: str) -> set[str]:
    """Who answers, by every way in and to either method."""
    entry = f"{mesh.entry(cluster, NAME)}:{SERVICE_PORT}"
    return {
        said(mesh, cluster, method, address)
        for method in ("GET", "POST")
        for address in ("", entry)
        for _ in range(3)
    }


def test_the_oldest_export_decides_how_all_clusters_are_spoken_to(mesh: Mesh) -> None:
    with exported(mesh, "http", ""):
        wait_until("the younger answers", lambda: answers(mesh, YOUNGER) == {YOUNGER}, 10)
        assert answers(mesh, OLDER) == {OLDER}
        # It loses its protocol: the port is bytes for all, and leads on from an address.
        with mesh.edited(OLDER, FILE, text(mesh, OLDER, "")):
            wait_until("the older follows", lambda: passed_on(mesh, OLDER) == {OLDER}, 10)
            wait_until("the younger follows", lambda: passed_on(mesh, YOUNGER) == {YOUNGER}, 10)


def passed_on(mesh: Mesh, cluster: str) -> set[str]:
    """Who answers over TCP; by its Host the sidecar knows the service no more."""
    by_name = said(mesh, cluster, "GET")
    entry = f"{mesh.entry(cluster, NAME)}:{SERVICE_PORT}"
    found = {said(mesh, cluster, method, entry) for method in ("GET", "POST") for _ in range(3)}
    return found if by_name == "404" else {by_name}


def test_a_cluster_whose_port_nobody_can_call_does_not_count_for_it(mesh: Mesh) -> None:
    with exported(mesh, "http", "mysql"):
        wait_until("others answer", lambda: answers(mesh, YOUNGER) == {OLDER}, 10)
        wait_until("it is said", lambda: "states mysql" in mesh.conditions(YOUNGER), 15)
        (found,) = (i for i in mesh.client.services() if i["name"] == f"demo/{NAME}")
        ports = {b["cluster"]: b["unserved_ports"] for b in found["backends"]}
        assert ports == {OLDER: [], YOUNGER: [SERVICE_PORT]}
