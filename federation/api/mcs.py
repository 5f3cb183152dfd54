"""ServiceExport of the Multi-Cluster Services API (KEP-1645, v1alpha1 and v1beta1)."""

from pydantic import Field

from federation.api.base import OurDocument, Ours, Text


class ServiceExportSpec(Ours):
    """What of the Service goes along; the Service's own labels never do."""

    labels: dict[Text, Text] = Field(default_factory=dict, max_length=64, alias="exportedLabels")
    annotations: dict[Text, Text] = Field(
        default_factory=dict, max_length=64, alias="exportedAnnotations"
    )


class ServiceExportDocument(OurDocument):
    """Exports the Service of the same namespace and name."""

    spec: ServiceExportSpec = ServiceExportSpec()
