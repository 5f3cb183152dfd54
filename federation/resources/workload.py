"""Pod, Node and Namespace (v1): who runs behind an endpoint, and where."""

from dataclasses import dataclass

from federation.resources.document import Document, Key, LabelMetadata, Lenient, Metadata
from federation.resources.fields import OptionalSubdomain

POD = "Pod"
NODE = "Node"
NAMESPACE = "Namespace"

ZONE_LABEL = "topology.kubernetes.io/zone"
SIDECAR_ANNOTATION = "fedmesh.dev/sidecar"
"""Set to "true" by whoever starts a sidecar beside the workload."""
STATUS_ANNOTATION = "fedmesh.dev/status"
"""Present where the injector put a sidecar into the Pod."""


@dataclass(frozen=True, slots=True)
class PodResource:
    """A Pod; `deleting` when its end was asked for."""

    key: Key
    account: str
    node: str
    sidecar: bool
    deleting: bool


@dataclass(frozen=True, slots=True)
class NodeResource:
    """A Node; `zone` is empty when it has no zone label."""

    key: Key
    zone: str


@dataclass(frozen=True, slots=True)
class NamespaceResource:
    """A Namespace."""

    key: Key
    labels: tuple[tuple[str, str], ...]


class PodSpec(Lenient):
    """spec of a Pod."""

    service_account_name: OptionalSubdomain = ""
    node_name: OptionalSubdomain = ""


class PodDocument(Document):
    """A Pod as the API server shows it."""

    metadata: Metadata
    spec: PodSpec = PodSpec()

    def resource(self) -> PodResource:
        """The Pod's value."""
        notes = self.metadata.annotations
        return PodResource(
            key=Key(POD, self.metadata.space, self.metadata.name),
            account=self.spec.service_account_name or "default",
            node=self.spec.node_name,
            sidecar=notes.get(SIDECAR_ANNOTATION) == "true" or STATUS_ANNOTATION in notes,
            deleting=self.metadata.deletion_timestamp is not None,
        )


class NodeDocument(Document):
    """A Node as the API server shows it."""

    metadata: Metadata

    def resource(self) -> NodeResource:
        """The Node's value."""
        key = Key(NODE, "", self.metadata.name)
        return NodeResource(key, self.metadata.labels.get(ZONE_LABEL, ""))


class NamespaceDocument(Document):
    """A Namespace as people write it."""

    metadata: LabelMetadata

    def resource(self) -> NamespaceResource:
        """The Namespace's value."""
        key = Key(NAMESPACE, "", self.metadata.name)
        return NamespaceResource(key, tuple(sorted(self.metadata.labels.items())))
