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


class ClusterSpec(Ours):
    """Where a cluster is and what it may do; empty lists mean: anything.

    Clusters of one network reach each other's endpoints; one without has a network of its own.
    """

    region: Subdomain
    zones: Annotated[list[Subdomain], Once] = Field(default_factory=list, max_length=32)
    network: OptionalSubdomain = ""
    gateway_cidrs: Annotated[list[Cidr], Once] = Field(
        default_factory=list, max_length=64, alias="gatewayCIDRs"
    )
    namespaces: Annotated[list[Label], Once] = Field(default_factory=list, max_length=1000)


class ClusterMetadata(LabelMetadata):
    """With the revision of the word that this document is to replace; empty: whatever it is."""

    resource_version: str = Field(default="", alias="resourceVersion")


class ClusterDocument(OurDocument):
    """A Cluster."""

    metadata: ClusterMetadata
    spec: ClusterSpec
