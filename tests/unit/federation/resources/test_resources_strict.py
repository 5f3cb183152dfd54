"""What would reach a proxy or the controller and be refused there is refused here, by name."""

from typing import Any

import pytest

from cluster_agent.source.folder import Folder
from cluster_agent.source.objects import Key
from federation.api.kubernetes import PodDocument
from federation.api.parse import parse_document, unfold
from federation.model.errors import InvalidInput

META = {"name": "api", "namespace": "shop"}
MCS = "multicluster.x-k8s.io/v1beta1"
Json = dict[str, Any]


def document(version: str, kind: str, **fields: Any) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": META, **fields}


def endpoint_slice(address: str = "10.0.0.1", kind: str = "IPv4", **fields: Any) -> Json:
    endpoints = [{"addresses": [address]}]
    return document(
        "discovery.k8s.io/v1", "EndpointSlice", addressType=kind, endpoints=endpoints, **fields
    )


def export(**fields: Any) -> Json:
    return document(MCS, "ServiceExport", **fields)


@pytest.mark.parametrize(
    ("found", "part"),
    [
        (endpoint_slice("nonsense"), "endpoints[0].addresses[0] is 'nonsense'"),
        (
            endpoint_slice("fd00::1"),
            "EndpointSlice shop/api: endpoints[0].addresses[0] is 'fd00::1', but must be an IPv4 "
            "address as addressType says",
        ),
        (endpoint_slice("010.1.1.1"), "[0] is '010.1.1.1', but must be an IPv4 address"),
        (endpoint_slice("10.1.1.1", "IPv6"), "[0] is '10.1.1.1', but must be an IPv6 address"),
        (endpoint_slice("fe80::1%eth0", "IPv6"), "is 'fe80::1%eth0', but must be an IPv6 address"),
        (
            endpoint_slice() | {"metadata": META | {"labels": {"kubernetes.io/service-name": "A"}}},
            "shop/api: metadata.labels.kubernetes.io/service-name is 'A', but must be a DNS label",
        ),
        (document("v1", "Service") | {"metadata": {"name": "a.b"}}, "metadata.name is 'a.b'"),
        (
            document("v1", "Service", spec={"ports": [{"name": "A", "port": 1}]}),
            "spec.ports[0].name is 'A', but must be a DNS label",
        ),
        (
            document("v1", "Service", spec={"ports": [{"name": "a", "port": 1}] * 2}),
            "Service shop/api: spec: ports must have distinct names, 'a' occurs twice",
        ),
        (export(sepc={}), "sepc is not a known field"),
        (export(spec={"labels": {}}), "spec.labels is not a known field"),
        (export(spec={"exportedLabels": {"a": "b" * 1025}}), "at most 1024 characters"),
        (export(spec={"exportedAnnotations": {"a": "1\n2"}}), "must be printable text"),
        (document("fedmesh.dev/v1alpha1", "TrafficSplit"), "fedmesh.dev has only Cluster"),
        (
            document("v1", "Pod") | {"metadata": META | {"labels": {"a": "b c"}}},
            "labels.a is 'b c'",
        ),
        (document("v1", "Service", spec={"ports": {}}), "spec.ports is {}, but must be a list"),
        (document("v1", "Service", spec=1), "spec is 1, but must be a mapping"),
        (
            document("v1", "Service", spec={"ports": [{"port": "80"}]}),
            "spec.ports[0].port is '80', but must be a whole number",
        ),
    ],
)
def test_what_others_would_refuse_later_is_refused_now(found: Json, part: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_document(found, "f.yaml:1")
    assert part in str(caught.value)
    assert "apiVersion" not in str(caught.value), "never the whole document"


@pytest.mark.parametrize(
    "found",
    [
        endpoint_slice() | {"endpoints": None, "ports": None},
        document("v1", "Service", spec=None),
        document("v1", "Service", spec={"ports": [{"port": 80, "appProtocol": None}]}),
        document("v1", "Pod", spec={"serviceAccountName": ""}),
        export(spec=None, status={"conditions": []}),
        endpoint_slice("a.example", "FQDN"),
        document("v1", "Pod") | {"metadata": META | {"labels": None, "creationTimestamp": None}},
    ],
)
def test_null_is_not_written_as_in_kubernetes(found: Json) -> None:
    assert parse_document(found, "f.yaml:1") is not None


def test_another_projects_cluster_is_none_of_our_business() -> None:
    assert parse_document(document("cluster.x-k8s.io/v1beta1", "Cluster"), "f.yaml:1") is None


@pytest.mark.parametrize(
    ("notes", "has"),
    [
        ({"fedmesh.dev/sidecar": "true"}, True),
        ({"fedmesh.dev/status": "injected"}, True),
        ({"fedmesh.dev/sidecar": "false"}, False),
        ({}, False),
    ],
)
def test_a_pod_says_whether_it_has_a_sidecar(notes: dict[str, str], has: bool) -> None:
    found = parse_document(
        document("v1", "Pod") | {"metadata": META | {"annotations": notes}}, "f.yaml:1"
    )
    assert isinstance(found, PodDocument)
    assert (found.has_sidecar, found.spec.service_account) == (has, "default")


def test_the_items_of_a_list_of_one_kind_are_of_that_kind() -> None:
    items = [{"metadata": META}, {"apiVersion": "v1", "kind": "Pod", "metadata": META}]
    listed = {"apiVersion": "v1", "kind": "ServiceList", "items": items}
    found = list(unfold({"apiVersion": "v1", "kind": "List", "items": [listed]}))
    assert found == [document("v1", "Service"), document("v1", "Pod")]
    slices = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "items": [{}]}
    [found_slice] = unfold(slices)
    assert found_slice == {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}


def test_a_list_without_a_list_is_refused_and_one_of_nothing_is_empty() -> None:
    listed = {"apiVersion": "v1", "kind": "ServiceList", "items": {"a": 1}}
    with pytest.raises(InvalidInput, match=r"ServiceList: items is {'a': 1}, but must be a list"):
        list(unfold(listed, "f.yaml:1"))
    assert list(unfold(listed | {"items": None})) == []
    other = {"apiVersion": "example.com/v1", "kind": "AllowList", "spec": {}}
    assert list(unfold(other)) == [other]


def test_the_items_of_a_list_are_documents() -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [export(), 1]}
    assert list(unfold(listed)) == [export(), 1]
    assert list(unfold(export())) == [export()]
    folder = Folder()
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: Service, metadata: {name: a}}\n"
        "- {apiVersion: v1, kind: Service, metadata: {name: b}}\n"
    )
    assert folder.update({"a.yaml": text}) == {
        Key("Service", "default", "a"),
        Key("Service", "default", "b"),
    }
