"""The shop of a cluster as YAML: one service with pods, exported or not."""

_SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: api, namespace: shop}}
spec: {{ports: [{{name: {name}, port: {port}, appProtocol: http}}]}}
---
apiVersion: v1
kind: Node
metadata: {{name: n1, labels: {{topology.kubernetes.io/zone: a}}}}
"""
_EXPORT = """
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {{name: api, namespace: shop{created}}}
"""
_POD = """
---
apiVersion: v1
kind: Pod
metadata: {{name: api-{i}, namespace: shop, annotations: {{fedmesh.dev/sidecar: "true"}}}}
spec: {{serviceAccountName: api, nodeName: n1}}
"""
_SLICE = """
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: api-1, namespace: shop, labels: {{kubernetes.io/service-name: api}}}}
addressType: IPv4
ports: [{{name: {name}, port: 8080}}]
endpoints: [{endpoints}]
"""
_ENDPOINT = (
    "{{addresses: [10.{net}.0.{i}], conditions: {{ready: {ready}}}, "
    "targetRef: {{kind: Pod, name: api-{i}}}}}"
)


def shop(
    *ready: bool,
    exported: bool = True,
    net: int = 1,
    port: int = 80,
    name: str = "http",
    created: str = "",
) -> str:
    """The documents of a shop with one pod per item of `ready`, numbered from 1."""
    numbered = tuple(enumerate(ready, 1))
    endpoints = ", ".join(
        _ENDPOINT.format(net=net, i=i, ready=str(is_ready).lower()) for i, is_ready in numbered
    )
    pods = "".join(_POD.format(i=i) for i, _ in numbered)
    since = f", creationTimestamp: {created}" if created else ""
    export = _EXPORT.format(created=since) if exported else ""
    service = _SERVICE.format(name=name, port=port)
    return service + export + pods + _SLICE.format(name=name, endpoints=endpoints)
