"""Documents become models, or one sentence that says what is wrong with which object."""

from pathlib import Path
from typing import Any

import pytest

from federation.api.kubernetes import PodDocument, ServiceDocument
from federation.api.mcs import ServiceExportDocument
from federation.api.parse import parse_document
from federation.api.v1alpha1.cluster import ClusterDocument
from federation.model.errors import InvalidInput
from federation.runtime.yamldocs import load_documents

BOOKINFO = Path(__file__).parents[3] / "data" / "bookinfo.yaml"
META = {"name": "api", "namespace": "shop"}
Json = dict[str, Any]


def service(**spec: Any) -> Json:
    return {"apiVersion": "v1", "kind": "Service", "metadata": META, "spec": spec}


def export(version: str = "multicluster.x-k8s.io/v1beta1", **spec: Any) -> Json:
    return {"apiVersion": version, "kind": "ServiceExport", "metadata": META, "spec": spec}


def cluster(**spec: Any) -> Json:
    document = {"apiVersion": "fedmesh.dev/v1alpha1", "kind": "Cluster"}
    return {**document, "metadata": {"name": "east"}, "spec": {"region": "eu", **spec}}


def endpoint_slice(**fields: Any) -> Json:
    document = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": META}
    return {**document, "addressType": "IPv4", **fields}


def error(document: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_document(document, "f.yaml:3")
    text = str(caught.value)
    assert text.startswith("f.yaml:3: ")
    assert "\n" not in text
    return text


def test_a_service_has_kubernetes_defaults() -> None:
    found = parse_document(service(ports=[{"port": 80}]), "x")
    assert isinstance(found, ServiceDocument)
    assert (found.namespace, found.name, found.spec.type) == ("shop", "api", "ClusterIP")
    assert found.spec.affinity_config.client_ip.timeout_seconds == 10_800
    assert (found.spec.ports[0].protocol, found.spec.ports[0].name) == ("TCP", "")


def test_a_missing_namespace_is_default() -> None:
    found = parse_document(service() | {"metadata": {"name": "a"}}, "x")
    assert found is not None
    assert found.namespace == "default"


@pytest.mark.parametrize("version", ["v1alpha1", "v1beta1"])
def test_both_versions_of_an_export_mean_the_same(version: str) -> None:
    document = export(f"multicluster.x-k8s.io/{version}", exportedLabels={"a": "1"})
    document["metadata"] = META | {"creationTimestamp": "1970-01-02T00:00:00Z"}
    found = parse_document(document, "x")
    assert isinstance(found, ServiceExportDocument)
    assert (found.metadata.created, found.spec.labels) == (86_400, {"a": "1"})


def test_a_cluster_has_defaults() -> None:
    found = parse_document(cluster(), "x")
    assert isinstance(found, ClusterDocument)
    spec = found.spec
    assert (spec.region, spec.network) == ("eu", "")
    assert (spec.zones, spec.gateway_cidrs, spec.namespaces) == ([], [], [])


@pytest.mark.parametrize(
    ("network", "says"),
    [
        ("A B", "spec.network is 'A B', but must be DNS labels joined by dots (253 characters)"),
        (7, "spec.network is 7, but must be text"),
    ],
)
def test_a_network_that_cannot_be_is_one_sentence(network: object, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_document(cluster(network=network), "x")
    assert str(caught.value).endswith(says)


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("apps/v1", "Deployment"),
        ("v1", "ServiceAccount"),
        ("serving.knative.dev/v1", "Service"),
        ("multicluster.x-k8s.io/v1beta1", "ServiceImport"),
    ],
)
def test_other_kinds_are_passed_over_whatever_they_hold(version: str, kind: str) -> None:
    assert parse_document({"apiVersion": version, "kind": kind, "spec": 1}, "x") is None


def test_fields_of_kubernetes_that_do_not_concern_us_are_passed_over() -> None:
    document = service(selector={"a": 1}, healthCheckNodePort=7) | {"status": []}
    assert parse_document(document, "x") is not None


def test_bookinfo_has_four_services_and_nothing_wrong() -> None:
    documents = load_documents(BOOKINFO.read_text(), "bookinfo.yaml")
    found = [parse_document(document, "x") for _, document in documents]
    names = [f.name for f in found if f is not None]
    assert (names, len(found)) == (["details", "ratings", "reviews", "productpage"], 14)


PORT = {"name": "a", "port": 1}


@pytest.mark.parametrize(
    ("document", "parts"),
    [
        (
            service(ports=[PORT, {"name": "b", "port": 70_000}]),
            "Service shop/api: spec.ports[1].port is 70000, but must be between 1 and 65535",
        ),
        (service(ports=[{"port": "80"}]), "spec.ports[0].port is '80', but must be "),
        (service(ports=[{"port": True}]), "spec.ports[0].port is "),
        (service(ports=[{"name": "a"}]), "spec.ports[0].port is missing"),
        (service(ports={}), "spec.ports is "),
        (service(ports=[{"port": 1, "protocol": "tcp"}]), "spec.ports[0].protocol is 'tcp', but"),
        (service(ports=[PORT, PORT | {"port": 2}]), "'a'"),
        (service(ports=[PORT, PORT | {"name": "b"}]), "Service shop/api: spec"),
        (service(ports=[{"port": 1}, PORT | {"port": 2}]), "Service shop/api: spec"),
        (service(type="Headless"), "spec.type is 'Headless', but must be "),
        (service(type=1, clusterIP=2), "(and 1 more)"),
        (service() | {"metadata": {}}, "metadata.name is missing"),
        (service() | {"metadata": {"name": "A"}}, "metadata.name is 'A', but must be "),
        (service() | {"apiVersion": "v2"}, "apiVersion is 'v2', but must be v1"),
        (
            export("multicluster.k8s.io/v1alpha1"),
            "apiVersion is 'multicluster.k8s.io/v1alpha1', but must be "
            "multicluster.x-k8s.io/v1alpha1 or multicluster.x-k8s.io/v1beta1",
        ),
        (export("multicluster.x-k8s.io/v9"), "but must be multicluster.x-k8s.io/v1alpha1 or"),
        (export(exportLabels={}), "ServiceExport shop/api: spec.exportLabels is not a known field"),
        (export(exportedLabels={"a": 1}), "spec.exportedLabels.a is 1, but must be "),
        (cluster(region=1), "spec.region is 1, but must be "),
        (cluster(zone="a"), "spec.zone is not a known field"),
        (cluster(gatewayCIDRs=["10.1.0.1/16"]), "spec.gatewayCIDRs[0] is '10.1.0.1/16', but"),
        (endpoint_slice(endpoints=[{"addresses": []}]), "endpoints[0].addresses is [], but must"),
        (endpoint_slice(addressType="IPX"), "addressType is 'IPX', but must be "),
        (
            endpoint_slice(ports=[{"port": 0}]),
            "ports[0].port is 0, but must be between 1 and 65535",
        ),
        ({"apiVersion": "v1", "kind": 7}, "kind"),
        (service(ports=[{"port": 10**5000}]), "port is a int that is too large to show, but must"),
    ],
)
def test_a_bad_document_is_refused_by_object_field_and_value(document: object, parts: str) -> None:
    assert parts in error(document)


@pytest.mark.parametrize(
    "document",
    [
        [1],
        "text",
        {"resources": ["a.yaml"]},
        {"kind": "DaemonSet", "image": {"tag": "1"}},
        {"apiVersion": "v2", "name": "chart"},
        {"apiVersion": "v1", "kind": None},
    ],
)
def test_what_has_not_both_apiversion_and_kind_is_no_document_of_ours(document: object) -> None:
    assert parse_document(document, "f.yaml:3") is None


@pytest.mark.parametrize("kind", ["Pod", "Node", "EndpointSlice"])
def test_of_a_name_that_is_none_in_dns_only_the_whole_is_bounded(kind: str) -> None:
    version = "discovery.k8s.io/v1" if kind == "EndpointSlice" else "v1"

    def named(name: str) -> Json:
        slices = {"addressType": "IPv4"} if kind == "EndpointSlice" else {}
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **slices}

    for name in ("a" * 253, "b" * 64 + ".c" + "d" * 100):
        found = parse_document(named(name), "x")
        assert found is not None
        assert found.name == name
    for name in ("a" * 254, "a..b", "-a", "a-", "A"):
        assert f"metadata.name is '{name[:20]}" in error(named(name))


def test_an_account_may_have_a_long_name_and_a_service_may_not() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": META}
    found = parse_document({**pod, "spec": {"serviceAccountName": "a" * 253}}, "x")
    assert isinstance(found, PodDocument)
    assert found.spec.service_account == "a" * 253
    assert "at most 63" in error(service() | {"metadata": {"name": "a" * 64}})


def test_an_empty_namespace_is_default() -> None:
    found = parse_document(service() | {"metadata": META | {"namespace": ""}}, "x")
    assert found is not None
    assert found.namespace == "default"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0001-01-01T00:00:00+23:59", 0),
        ("1969-12-31T23:59:59Z", 0),
        ("9999-12-31T23:59:59-23:59", 253_402_300_799),
    ],
)
def test_a_time_that_no_report_carries_is_the_nearest_that_one_does(
    text: str, seconds: int
) -> None:
    document = service() | {"metadata": META | {"creationTimestamp": text}}
    found = parse_document(document, "x")
    assert found is not None
    assert found.metadata.created == seconds


@pytest.mark.parametrize("time", ["1" * 5000, 7, "2026-01-01T00:00:00+24:00", "yesterday"])
def test_what_is_no_time_is_refused(time: object) -> None:
    document = service() | {"metadata": META | {"creationTimestamp": time}}
    assert "metadata.creationTimestamp is" in error(document)


def test_a_name_cannot_write_into_an_error() -> None:
    assert "\\ud83d\\n" in error(service() | {"metadata": {"name": "\ud83d\n"}})


def test_a_long_value_is_shown_in_part() -> None:
    assert len(error(service(type="x" * 10_000))) < 300
