"""The YAML of a cluster's folder is what the agent's own models accept."""

from typing import Any

import yaml

from federation.api.parse import parse_document
from federation.demo.layout import plan_layout
from federation.demo.sources import source_files

SITE = plan_layout().sites[0]


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(source_files(SITE)[name]))


def test_every_document_is_of_a_known_kind_and_valid() -> None:
    for name in source_files(SITE):
        for document in documents(name):
            assert parse_document(document, name) is not None


def test_a_cluster_has_its_services_endpoints_pods_and_exports() -> None:
    kinds = {name: [d["kind"] for d in documents(name)] for name in source_files(SITE)}
    assert kinds == {
        "nodes.yaml": ["Node"],
        "services.yaml": ["Service", "EndpointSlice", "Service", "EndpointSlice"],
        "pods.yaml": ["Pod", "Pod", "Pod"],
        "exports.yaml": ["ServiceExport", "ServiceExport"],
    }


def test_a_service_and_its_endpoints_have_a_port_for_every_protocol() -> None:
    service, part = documents("services.yaml")[:2]
    wanted = [("http", 8080), ("grpc", 9090), ("tcp-echo", 7000)]
    ports = service["spec"]["ports"]
    assert [(p["name"], p["port"]) for p in ports] == wanted
    assert all(p["targetPort"] == p["port"] for p in ports)
    assert [(p["name"], p["port"]) for p in part["ports"]] == wanted


def test_every_file_begins_with_what_it_is_for() -> None:
    assert all(text.startswith("# ") for text in source_files(SITE).values())
