"""The annotations of fedmesh that people write on Kubernetes documents, and where each belongs."""

SIDECAR = "fedmesh.dev/sidecar"
"""On a Pod: whether a sidecar of fedmesh stands before it."""
STATUS = "fedmesh.dev/status"
"""Present where an injector put a sidecar into the Pod."""
STEERING = "fedmesh.dev/steering"
"""Exported with a service, "true": it has addresses that prefer one cluster, and strict ones."""

OF_PODS = (SIDECAR, STATUS)
OF_EXPORTS = (STEERING,)
"""Under `spec.exportedAnnotations` of a ServiceExport."""
