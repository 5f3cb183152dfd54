"""The YAML files of a cluster's folder: Kubernetes documents that the agent watches.

In: a cluster of the layout. Out: file name to text, written for people to read and edit.
"""

from typing import Any

import yaml

from federation.demo.layout import NAMESPACE, PORTS, Site, Workload

Document = dict[str, Any]

_HINTS = {
    "nodes.yaml": "Where this cluster's machines are.",
    "services.yaml": "Services, and the endpoints behind them. Set ready to false and save: the "
    "mesh follows.",
    "pods.yaml": "Pods: their account becomes their identity, the annotation says who has a "
    "sidecar.",
    "exports.yaml": "What other clusters may call. Delete a document and save: it is withdrawn.",
}


def source_files(site: Site) -> dict[str, str]:
    """The files of this cluster by name."""
    documents = {
        "nodes.yaml": [_node(site)],
        "services.yaml": [d for s in site.services for d in (_service(site, s), _slice(site, s))],
        "pods.yaml": [_pod(site, workload) for workload in site.workloads],
        "exports.yaml": [_export(service) for service in site.services],
    }
    return {name: _text(_HINTS[name], found) for name, found in documents.items()}


def _text(hint: str, documents: list[Document]) -> str:
    return f"# {hint}\n" + yaml.safe_dump_all(documents, sort_keys=False)


def _meta(name: str, **more: Any) -> Document:
    return {"name": name, "namespace": NAMESPACE, **more}


def _node(site: Site) -> Document:
    labels = {
        "topology.kubernetes.io/region": site.region,
        "topology.kubernetes.io/zone": site.zone,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"{site.id}-node-1", "labels": labels},
    }


def _service(site: Site, service: str) -> Document:
    behind = site.behind(service)[0].service
    ports = [{**port, "targetPort": port["port"]} for port in _ports()]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(service),
        "spec": {"type": "ClusterIP", "selector": {"app": behind}, "ports": ports},
    }


def _slice(site: Site, service: str) -> Document:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _meta(f"{service}-1", labels={"kubernetes.io/service-name": service}),
        "addressType": "IPv4",
        "endpoints": [_endpoint(site, w) for w in site.behind(service)],
        "ports": _ports(),
    }


def _ports() -> list[Document]:
    return [{"name": port.name, "protocol": "TCP", "port": port.number} for port in PORTS]


def _endpoint(site: Site, workload: Workload) -> Document:
    return {
        "addresses": [workload.address],
        "conditions": {"ready": True},
        "nodeName": f"{site.id}-node-1",
        "zone": site.zone,
        "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": workload.name},
    }


def _pod(site: Site, workload: Workload) -> Document:
    labels = {"app": workload.service, "version": workload.version}
    annotations = {"fedmesh.dev/sidecar": "true"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(workload.name, labels=labels, annotations=annotations),
        "spec": {"serviceAccountName": workload.service, "nodeName": f"{site.id}-node-1"},
        "status": {"phase": "Running", "podIP": workload.address},
    }


def _export(service: str) -> Document:
    return {
        "apiVersion": "multicluster.x-k8s.io/v1beta1",
        "kind": "ServiceExport",
        "metadata": _meta(service),
    }
