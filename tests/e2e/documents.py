"""The YAML that tests write into a cluster's folder."""

from typing import Any

import yaml

from federation.demo.layout import NAMESPACE, SERVICE_PORT, Layout, Workload, find_site

Document = dict[str, Any]


def text_of(*documents: Document) -> str:
    """Documents as a file."""
    return yaml.safe_dump_all(documents, sort_keys=False)


def export(name: str, namespace: str = NAMESPACE) -> Document:
    """What makes a service callable from other clusters."""
    return {
        "apiVersion": "multicluster.x-k8s.io/v1beta1",
        "kind": "ServiceExport",
        "metadata": {"name": name, "namespace": namespace},
    }


def exports(*names: str) -> str:
    """The file of exports of a cluster."""
    return text_of(*(export(name) for name in names))


def service(name: str, workload: Workload) -> tuple[Document, Document]:
    """A service in front of a workload that the demo already runs."""
    meta = {"name": name, "namespace": NAMESPACE}
    port = {"name": "http", "protocol": "TCP", "port": SERVICE_PORT}
    endpoint = {
        "addresses": [workload.address],
        "conditions": {"ready": True},
        "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": workload.name},
    }
    labels = {"kubernetes.io/service-name": name}
    return (
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"type": "ClusterIP", "ports": [{**port, "targetPort": SERVICE_PORT}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "name": f"{name}-1", "labels": labels},
            "addressType": "IPv4",
            "endpoints": [endpoint],
            "ports": [port],
        },
    )


def api_workload(layout: Layout, cluster: str) -> Workload:
    """The first workload of api in a cluster."""
    return find_site(layout, cluster).behind("api")[0]
