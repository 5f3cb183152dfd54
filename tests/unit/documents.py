"""Kubernetes objects as YAML would state them, of one service `shop/api`."""

from typing import Any

from cluster_agent.source.objects import Key
from federation.api.base import Document
from federation.api.parse import parse_document
from federation.model.names import ServiceName

API = ServiceName("shop", "api")
Json = dict[str, Any]
World = dict[Key, Document]

HTTP = {"name": "http", "port": 80, "appProtocol": "http"}
DNS = {"name": "dns", "port": 53, "protocol": "UDP"}


def world(*documents: Json) -> World:
    found: World = {}
    for document in documents:
        parsed = parse_document(document, "test")
        assert parsed is not None
        found[Key(document["kind"], parsed.namespace, parsed.name)] = parsed
    return found


def service(**spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"ports": [HTTP], **spec},
    }


def export(created: str = "", **spec: Any) -> Json:
    metadata = {"name": "api", "namespace": "shop"}
    if created:
        metadata["creationTimestamp"] = created
    version = "multicluster.x-k8s.io/v1beta1"
    return {"apiVersion": version, "kind": "ServiceExport", "metadata": metadata, "spec": spec}


def endpoint(address: str, pod: str = "", **fields: Any) -> Json:
    target = {"targetRef": {"kind": "Pod", "name": pod}} if pod else {}
    return {"addresses": [address], **target, **fields}


def slice_of(*endpoints: Json, name: str = "api-1", ports: Any = None, kind: str = "IPv4") -> Json:
    labels = {"kubernetes.io/service-name": "api"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "addressType": kind,
        "endpoints": list(endpoints),
        "ports": ports or [{"name": "http", "port": 8080}],
    }


def pod(name: str, account: str = "api", sidecar: str = "true", **metadata: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "annotations": {"fedmesh.dev/sidecar": sidecar},
            **metadata,
        },
        "spec": {"serviceAccountName": account, "nodeName": "n1"},
    }


def node(zone: str) -> Json:
    labels = {"topology.kubernetes.io/zone": zone}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": labels}}
