"""Cluster (fedmesh.dev/v1alpha1): the operator's word about a member of the clusterset."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from federation.api.base import (
    Label,
    LabelMetadata,
    OptionalSubdomain,
    OurDocument,
    Ours,
    Subdomain,
)


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError("must be a network such as 10.1.0.0/16") from error


def _once(found: list[str]) -> list[str]:
    return list(dict.fromkeys(found))


Cidr = Annotated[str, AfterValidator(_network)]
Once = AfterValidator(_once)
"""Of a list in which a value that is said twice says nothing more."""


MOST_ZONES, MOST_NETWORKS, MOST_NAMESPACES = 32, 64, 1000
"""What a person lists by hand; every importer is told of zones."""


class ClusterSpec(Ours):
    """Where a cluster is and what it may do; empty lists mean: anything.

    Clusters of one network reach each other's endpoints; one without has a network of its own.
    """

    region: Subdomain = Field(
        description="Where the cluster is: others of the same region are nearer than the rest. It "
        "has no default, since a wrong one would send traffic around the world."
    )
    zones: Annotated[list[Subdomain], Once] = Field(
        default_factory=list,
        max_length=MOST_ZONES,
        description="The zones that its gateways may say they are in; without any: every zone.",
    )
    network: OptionalSubdomain = Field(
        default="",
        description="Clusters of one network dial each other's endpoints; without one, a cluster "
        "has a network of its own, and is reached by its gateways alone.",
    )
    gateway_cidrs: Annotated[list[Cidr], Once] = Field(
        default_factory=list,
        max_length=MOST_NETWORKS,
        alias="gatewayCIDRs",
        description="The networks in which the addresses of its gateways may be; without any: "
        "every network. With it, a cluster that lies cannot draw the traffic of others away.",
    )
    namespaces: Annotated[list[Label], Once] = Field(
        default_factory=list,
        max_length=MOST_NAMESPACES,
        description="The namespaces of which it may export services; without any: every one.",
    )


class ClusterMetadata(LabelMetadata):
    """With the revision of the word that this document is to replace; empty: whatever it is."""

    resource_version: str = Field(default="", alias="resourceVersion")


class ClusterDocument(OurDocument):
    """A Cluster."""

    metadata: ClusterMetadata
    spec: ClusterSpec
