"""ServiceExport (multicluster.x-k8s.io): the Service of the same name is offered to all clusters.

v1alpha1 and v1beta1 have the same fields (reference: standards 1.1, 1.2).
"""

from dataclasses import dataclass

from pydantic import Field, field_validator

from federation.model.exports import Pairs
from federation.model.names import ServiceName
from federation.resources.document import Key, LabelMetadata, Strict, StrictDocument
from federation.resources.fields import MAX_PAIRS, Text

SERVICE_EXPORT = "ServiceExport"


@dataclass(frozen=True, slots=True)
class ServiceExportResource:
    """A ServiceExport; `created` is in seconds since 1970, None when the document has no time."""

    name: ServiceName
    created: int | None = None
    labels: Pairs = ()
    annotations: Pairs = ()
    deleting: bool = False

    @property
    def key(self) -> Key:
        """Which object this is."""
        return Key(SERVICE_EXPORT, *self.name)


class ServiceExportSpec(Strict):
    """spec of a ServiceExport."""

    exported_labels: dict[Text, Text] = Field(default_factory=dict)
    exported_annotations: dict[Text, Text] = Field(default_factory=dict)

    @field_validator("exported_labels", "exported_annotations")
    @classmethod
    def _not_too_many(cls, found: dict[str, str]) -> dict[str, str]:
        if len(found) > MAX_PAIRS:
            raise ValueError(f"must be at most {MAX_PAIRS} entries")
        return found


class ServiceExportDocument(StrictDocument):
    """A ServiceExport as people write it."""

    metadata: LabelMetadata
    spec: ServiceExportSpec = ServiceExportSpec()

    def resource(self) -> ServiceExportResource:
        """The export's value."""
        return ServiceExportResource(
            name=ServiceName(self.metadata.space, self.metadata.name),
            created=self.metadata.created,
            labels=tuple(sorted(self.spec.exported_labels.items())),
            annotations=tuple(sorted(self.spec.exported_annotations.items())),
            deleting=self.metadata.deletion_timestamp is not None,
        )
