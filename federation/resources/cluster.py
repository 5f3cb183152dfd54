"""Cluster (fedmesh.dev/v1alpha1): the operator's word about a member of the clusterset."""

from dataclasses import dataclass

from pydantic import Field, field_validator

from federation.model.names import ClusterId
from federation.resources.document import Key, LabelMetadata, Strict, StrictDocument
from federation.resources.fields import Cidr, Label, Misfit, Place

CLUSTER = "Cluster"


@dataclass(frozen=True, slots=True)
class ClusterResource:
    """A Cluster; no `gateway_cidrs` means any address, no `namespaces` means all of them."""

    name: ClusterId
    region: str
    zones: tuple[str, ...] = ()
    network: str = "default"
    gateway_cidrs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Which object this is."""
        return Key(CLUSTER, "", self.name)


class ClusterSpec(Strict):
    """spec of a Cluster."""

    region: Place
    zones: list[Place] = Field(default_factory=list)
    network: Label = "default"
    gateway_cidrs: list[Cidr] = Field(default_factory=list, alias="gatewayCIDRs")
    namespaces: list[Label] = Field(default_factory=list)


class ClusterDocument(StrictDocument):
    """A Cluster as people write it."""

    metadata: LabelMetadata
    spec: ClusterSpec

    @field_validator("metadata")
    @classmethod
    def _has_no_namespace(cls, found: LabelMetadata) -> LabelMetadata:
        if found.namespace:
            raise Misfit(
                ".namespace", found.namespace, "must be absent, since a Cluster lies in no namespace"
            )
        return found

    def resource(self) -> ClusterResource:
        """The cluster's value; lists are sorted and without repetition."""
        spec = self.spec
        return ClusterResource(
            name=ClusterId(self.metadata.name),
            region=spec.region,
            zones=tuple(sorted(set(spec.zones))),
            network=spec.network,
            gateway_cidrs=tuple(sorted(set(spec.gateway_cidrs))),
            namespaces=tuple(sorted(set(spec.namespaces))),
        )
