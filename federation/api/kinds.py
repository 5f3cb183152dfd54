"""The kinds that the controller's API serves: one row each.

From a row come discovery, OpenAPI, CRDs, tables, validation and the pages of docs/reference. A new
kind adds its model and its row, and the controller says where its objects are.
"""

from federation.api.rows.core import CRD, EVENT, NAMESPACE, REVIEWS
from federation.api.rows.mcs import SERVICE_EXPORT, SERVICE_IMPORT
from federation.api.rows.own import (
    APPLY_SET,
    CLUSTER,
    GATEWAY,
    PROXY,
    ROLE_BINDING,
    TRAFFIC_POLICY,
    USER,
)

OWN = (
    CLUSTER,
    TRAFFIC_POLICY,
    ROLE_BINDING,
    USER,
    APPLY_SET,
    GATEWAY,
    PROXY,
    SERVICE_IMPORT,
    SERVICE_EXPORT,
)
"""The kinds of our groups, of which there are CRDs."""
KINDS = (*OWN, NAMESPACE, EVENT, CRD, *REVIEWS)

__all__ = [
    "APPLY_SET",
    "CLUSTER",
    "CRD",
    "EVENT",
    "GATEWAY",
    "KINDS",
    "NAMESPACE",
    "OWN",
    "PROXY",
    "REVIEWS",
    "ROLE_BINDING",
    "SERVICE_EXPORT",
    "SERVICE_IMPORT",
    "TRAFFIC_POLICY",
    "USER",
]
