"""The kinds of the MCS API, as views."""

from federation.api.kind import READ, ApiKind, Column
from federation.api.mcs_views import ServiceExportStatus, ServiceImportSpec, ServiceImportStatus
from federation.api.rows.own import CATEGORY, STATUS
from federation.api.schema import object_schema

MCS = "multicluster.x-k8s.io"
SERVICE_IMPORT = ApiKind(
    MCS,
    "v1beta1",
    "ServiceImport",
    "serviceimports",
    "serviceimport",
    True,
    READ,
    object_schema(
        "ServiceImport is a service as the clusterset sees it.",
        ServiceImportSpec,
        ServiceImportStatus,
        spec_required=False,
    ),
    None,
    "A service as the clusterset sees it.",
    (
        Column("Type", ".spec.type", description="How it is reached."),
        Column("Clusters", ".status.clusters[*].cluster", description="Who exports it."),
        Column("Ready", ".status.readyEndpoints", "integer", "Ready endpoints."),
        Column("Total", ".status.totalEndpoints", "integer", "All endpoints."),
        Column("Age", ".metadata.creationTimestamp", "date", "Since the oldest export."),
    ),
    short_names=("svcim", "svcimport"),
    categories=CATEGORY,
    subresources=(STATUS,),
)
SERVICE_EXPORT = ApiKind(
    MCS,
    "v1beta1",
    "ServiceExport",
    "serviceexports",
    "serviceexport",
    True,
    READ,
    object_schema(
        "ServiceExport is the exports of one name in all clusters together.",
        None,
        ServiceExportStatus,
        spec_required=False,
    ),
    None,
    "The exports of one name, in all clusters.",
    (
        Column("Clusters", ".status.clusters", description="Who exports it."),
        Column(
            "Conflict",
            ".status.conditions[?(@.type=='Conflict')].status",
            description="Whether they disagree.",
        ),
        Column("Age", ".metadata.creationTimestamp", "date", "Since the oldest export."),
    ),
    short_names=("svcex", "svcexport"),
    categories=CATEGORY,
    subresources=(STATUS,),
)
