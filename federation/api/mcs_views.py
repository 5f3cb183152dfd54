"""ServiceImport and ServiceExport of the MCS API (v1beta1), as the clusterset sees them: read only.

The fields are those of KEP-1645; `readyEndpoints` and `totalEndpoints` of a cluster are ours.
"""

from typing import Literal

from pydantic import Field

from federation.api.base import Ours
from federation.api.v1alpha1.views import Condition, conditions


class ImportPort(Ours):
    """A port of the imported service."""

    name: str = Field(default="", description="The name of the port, a DNS label.")
    protocol: str = Field(default="TCP", description="TCP, UDP or SCTP.")
    app_protocol: str = Field(
        default="", alias="appProtocol", description="The application protocol, where stated."
    )
    port: int = Field(description="The number by which clients call it.")


class ServiceImportSpec(Ours):
    """What clients may rely on."""

    type: Literal["ClusterSetIP", "Headless"] = Field(description="How the service is reached.")
    ports: list[ImportPort] = Field(
        default_factory=list,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
        description="The ports that the exporters offer together.",
    )
    ip_families: list[str] = Field(
        default_factory=list, alias="ipFamilies", description="The families of its addresses."
    )
    session_affinity: str = Field(
        default="None", alias="sessionAffinity", description="None or ClientIP."
    )
    internal_traffic_policy: str = Field(
        default="Cluster", alias="internalTrafficPolicy", description="Cluster or Local."
    )
    traffic_distribution: str = Field(
        default="", alias="trafficDistribution", description="As in the Service."
    )


class ImportCluster(Ours):
    """A cluster that exports the service."""

    cluster: str = Field(description="The id of the cluster.")
    ready: int = Field(
        default=0, alias="readyEndpoints", description="Ready endpoints behind the service there."
    )
    total: int = Field(
        default=0, alias="totalEndpoints", description="All endpoints behind the service there."
    )


class ServiceImportStatus(Ours):
    """Who exports it, and what they disagree in."""

    clusters: list[ImportCluster] = Field(
        default_factory=list,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["cluster"],
        },
        description="The exporters.",
    )
    ready: int = Field(default=0, alias="readyEndpoints", description="Of all clusters together.")
    total: int = Field(default=0, alias="totalEndpoints", description="Of all clusters together.")
    conditions: list[Condition] = conditions()


class ServiceExportStatus(Ours):
    """What became of the exports of this name, of all clusters."""

    clusters: list[str] = Field(default_factory=list, description="The exporters.")
    conditions: list[Condition] = conditions()
