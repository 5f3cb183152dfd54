"""Documents that fedctl and the demo send to the API."""

from collections.abc import Sequence
from typing import Any


def cluster_document(
    name: str,
    region: str,
    *,
    zones: Sequence[str] = (),
    network: str = "",
    gateway_cidrs: Sequence[str] = (),
    namespaces: Sequence[str] = (),
) -> dict[str, Any]:
    """The operator's word about a cluster; what is empty is left out, so that defaults hold."""
    fields = {
        "region": region,
        "zones": list(zones),
        "network": network,
        "gatewayCIDRs": list(gateway_cidrs),
        "namespaces": list(namespaces),
    }
    return {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": {key: value for key, value in fields.items() if value},
    }
