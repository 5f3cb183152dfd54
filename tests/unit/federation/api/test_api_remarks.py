"""What has no effect and was probably meant is a remark; nothing is refused for it."""

from typing import Any

import pytest

from federation.api.parse import half_said, parse_document
from federation.api.remarks import MOST

Json = dict[str, Any]
META = {"name": "api", "namespace": "shop"}
SIDECAR, STEERING = "fedmesh.dev/sidecar", "fedmesh.dev/steering"


def said(kind: str, version: str = "v1", **fields: Any) -> tuple[str, ...]:
    document = {"apiVersion": version, "kind": kind, "metadata": META, **fields}
    found = parse_document(document, "f.yaml:1")
    assert found is not None
    return found.remarks


def noted(name: str, value: str = "true") -> Json:
    return {"metadata": META | {"annotations": {name: value}}}


def meant(field: str) -> str:
    return f"(did you mean {field}?) and has no effect"


@pytest.mark.parametrize(
    ("kind", "fields", "remark"),
    [
        ("Service", {"spec": {"prts": []}}, f"spec.prts is not a known field {meant('ports')}"),
        (
            "Service",
            {"spec": {"ports": [{"port": 80, "appProtokol": "http"}]}},
            f"spec.ports[0].appProtokol is not a known field {meant('appProtocol')}",
        ),
        ("Service", {"spce": {}}, f"spce is not a known field {meant('spec')}"),
        ("Service", {"spec": {"xyz": 1}}, "spec.xyz is not a known field and has no effect"),
        (
            "Pod",
            {"spec": {"serviceAcountName": "a"}},
            f"spec.serviceAcountName is not a known field {meant('serviceAccountName')}",
        ),
        (
            "Node",
            {"metadata": META | {"lables": {}}},
            f"metadata.lables is not a known field {meant('labels')}",
        ),
        (
            "Pod",
            noted("fedmesh.dev/sidcar"),
            f"annotation fedmesh.dev/sidcar is not known {meant(SIDECAR)}",
        ),
        (
            "Pod",
            noted("fedmsh.dev/sidecar"),
            f"annotation fedmsh.dev/sidecar is not known {meant(SIDECAR)}",
        ),
        (
            "Pod",
            noted(SIDECAR, "ture"),
            f"annotation {SIDECAR} is 'ture', but must be 'true' or 'false'",
        ),
        (
            "Service",
            noted(STEERING),
            f"annotation {STEERING} belongs under spec.exportedAnnotations of the ServiceExport",
        ),
        ("Service", noted(SIDECAR), f"annotation {SIDECAR} belongs to a Pod"),
    ],
)
def test_a_slip_of_the_pen_is_said_with_what_was_meant(
    kind: str, fields: Json, remark: str
) -> None:
    assert said(kind, **fields) == (remark,)


def test_what_is_exported_with_a_service_is_looked_at_as_well() -> None:
    def exported(name: str, value: str = "true") -> tuple[str, ...]:
        version = "multicluster.x-k8s.io/v1beta1"
        return said("ServiceExport", version, spec={"exportedAnnotations": {name: value}})

    assert exported(STEERING) == ()
    assert exported("example.com/any") == ()
    assert exported("fedmesh.dev/stearing") == (
        f"exported annotation fedmesh.dev/stearing is not known {meant(STEERING)}",
    )
    [odd] = exported(STEERING, "yes")
    assert odd.endswith("is 'yes', but must be 'true' or 'false'")


def test_what_kubernetes_has_is_no_remark() -> None:
    port = {"port": 80, "targetPort": "http", "nodePort": 30000, "name": "http"}
    spec = {"selector": {"a": "b"}, "ports": [port], "clusterIPs": [], "ipFamilyPolicy": "x"}
    assert said("Service", spec=spec, status={"loadBalancer": {}}) == ()
    pod = {"containers": [{"image": "x", "anything": 1}], "serviceAccount": "a", "nodeName": "n"}
    about = {"ownerReferences": [], "uid": "1", "annotations": {"kubectl.kubernetes.io/x": "y"}}
    assert said("Pod", metadata=META | about, spec=pod, status={}) == ()
    one = {
        "addresses": ["10.0.0.1"],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "hints": {"forZones": []},
        "targetRef": {"kind": "Pod", "name": "p", "uid": "1"},
    }
    parts = {
        "metadata": META | {"labels": {"kubernetes.io/service-name": "api"}},
        "addressType": "IPv4",
        "endpoints": [one],
        "ports": [{"name": "http", "port": 80, "appProtocol": "http"}],
    }
    assert said("EndpointSlice", "discovery.k8s.io/v1", **parts) == ()


def test_a_slice_whose_label_is_misspelt_belongs_to_nobody() -> None:
    labels = {"kubernetes.io/servicename": "api"}
    slices = {"metadata": META | {"labels": labels}, "addressType": "IPv4"}
    assert said("EndpointSlice", "discovery.k8s.io/v1", **slices) == (
        "label kubernetes.io/servicename is not known (did you mean kubernetes.io/service-name?)",
    )


def test_many_remarks_are_said_in_part() -> None:
    found = said("Service", spec={f"x{number}": 1 for number in range(10_000)})
    assert len(found) == MOST + 1
    assert found[-1] == "and more of that kind"
    long = said("Service", spec={"x" * 10_000: 1})
    assert len(long[0]) < 200


def test_a_document_that_lacks_only_its_kind_or_version_is_said_to_be_passed_over() -> None:
    assert list(half_said({"kind": "Service", "metadata": META})) == [
        "this has a name, but no apiVersion: it is passed over"
    ]
    assert list(half_said({"apiVersion": "v1", "metadata": META})) == [
        "this has a name, but no kind: it is passed over"
    ]
    for other in ({"kind": "Deployment", "metadata": META}, {"name": "chart"}, [1], "x"):
        assert list(half_said(other)) == []


def test_a_kind_in_other_letters_is_said_to_be_passed_over() -> None:
    assert list(half_said({"apiVersion": "v1", "kind": "service", "metadata": META})) == [
        "kind is 'service': it is passed over (did you mean Service?)"
    ]
    slices = {"apiVersion": "discovery.k8s.io/v1", "kind": "Endpointslice"}
    assert "did you mean EndpointSlice?" in next(half_said(slices))
    others = (("v1", "Service"), ("v1", "Secret"), ("a.example/v1", "service"), ("v1", "cluster"))
    for version, kind in others:
        assert list(half_said({"apiVersion": version, "kind": kind})) == []


def test_a_list_of_objects_that_is_no_list_of_kubernetes_is_said_to_be_passed_over() -> None:
    ours = {"apiVersion": "v1", "kind": "Service", "metadata": META}
    [said] = half_said([ours, {"apiVersion": "v1", "kind": "Secret"}, 1, ours])
    assert said.startswith("this is a list with 2 of our objects: it is passed over; write")
    assert list(half_said([{"apiVersion": "v1", "kind": "Secret"}, {"name": "x"}])) == []
    assert list(half_said({"kind": ["x"], "metadata": META})) == []
