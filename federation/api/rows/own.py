"""The kinds of fedmesh.dev."""

from federation.api.base import Ours
from federation.api.kind import CREATE_ONLY, EVERY, READ, ApiKind, Column, Subresource
from federation.api.schema import object_schema
from federation.api.v1alpha1.access import RoleBindingSpec, UserSpec
from federation.api.v1alpha1.cluster import ClusterSpec
from federation.api.v1alpha1.credentials import (
    RevocationSpec,
    UserCertificateSpec,
    UserCertificateStatus,
    UserTokenSpec,
    UserTokenStatus,
)
from federation.api.v1alpha1.join_token import JoinTokenSpec, JoinTokenStatus
from federation.api.v1alpha1.traffic_policy import TrafficPolicySpec
from federation.api.v1alpha1.views import (
    ClusterStatus,
    GatewayStatus,
    PolicyStatus,
    ProxyStatus,
    UserStatus,
)

OURS, V1ALPHA1 = "fedmesh.dev", "v1alpha1"
CATEGORY = ("fedmesh",)
IS_APPLYSET_PARENT = (("applyset.kubernetes.io/is-parent-type", "true"),)


class Nothing(Ours):
    """A body that says nothing."""


def _action(name: str, description: str) -> Subresource:
    """Something that is done to an object: created, and nothing else."""
    schema = object_schema(description, Nothing, None, spec_required=False)
    return Subresource(name, CREATE_ONLY, "Action", OURS, V1ALPHA1, schema, description)


STATUS = Subresource("status", ("get",), description="What is seen.")
_WRITTEN_STATUS = Subresource(
    "status", ("get", "update", "patch"), description="What became of it."
)
_JOIN_TOKEN = Subresource(
    "jointoken",
    CREATE_ONLY,
    "JoinToken",
    OURS,
    V1ALPHA1,
    object_schema(
        "A token with which the cluster joins.", JoinTokenSpec, JoinTokenStatus, spec_required=False
    ),
    "A token with which the cluster joins, once.",
)

_USER_TOKEN = Subresource(
    "token",
    CREATE_ONLY,
    "UserToken",
    OURS,
    V1ALPHA1,
    object_schema("A token of a user.", UserTokenSpec, UserTokenStatus, spec_required=False),
    "A token by which the user is known, told once.",
)
_USER_CERTIFICATE = Subresource(
    "certificate",
    CREATE_ONLY,
    "UserCertificate",
    OURS,
    V1ALPHA1,
    object_schema(
        "A certificate of a user.", UserCertificateSpec, UserCertificateStatus, spec_required=True
    ),
    "A certificate by which the user is known, for a key of his own.",
)
_USER_REVOKE = Subresource(
    "revoke",
    CREATE_ONLY,
    "Revocation",
    OURS,
    V1ALPHA1,
    object_schema("What is refused from now on.", RevocationSpec, None, spec_required=False),
    "Refuse one token or certificate, or all.",
)

CLUSTER = ApiKind(
    OURS,
    V1ALPHA1,
    "Cluster",
    "clusters",
    "cluster",
    False,
    EVERY,
    object_schema(
        "Cluster is the operator's word about a member of the clusterset, and what is seen of it.",
        ClusterSpec,
        ClusterStatus,
        spec_required=True,
    ),
    ClusterSpec,
    "A member of the clusterset.",
    (
        Column("Region", ".spec.region", description="Where the cluster is."),
        Column("State", ".status.state", description="How it is seen."),
        Column("Exports", ".status.exports", "integer", "Services that it exports."),
        Column("Age", ".metadata.creationTimestamp", "date", "Since when it is stated."),
        Column("Joined", ".status.joined", "boolean", "Whether it has joined.", wide=True),
        Column("Trust", ".status.trust", description="Its certificates.", wide=True),
        Column("Network", ".spec.network", description="Its network.", wide=True),
        Column("Zones", ".spec.zones", description="Its zones.", wide=True),
    ),
    categories=CATEGORY,
    subresources=(
        STATUS,
        _JOIN_TOKEN,
        _action("confirm", "Let go what is held back of the cluster."),
        _action("revoke", "Accept nothing of the cluster any more."),
        _action("rekey", "Have the cluster replace the key of its authority."),
    ),
)
TRAFFIC_POLICY = ApiKind(
    OURS,
    V1ALPHA1,
    "TrafficPolicy",
    "trafficpolicies",
    "trafficpolicy",
    True,
    EVERY,
    object_schema(
        "TrafficPolicy says where requests for services of its namespace go first, and where next.",
        TrafficPolicySpec,
        PolicyStatus,
        spec_required=False,
    ),
    TrafficPolicySpec,
    "Where requests go first, and where next.",
    (
        Column("Mode", ".spec.mode", description="How a backend is chosen."),
        Column(
            "Accepted",
            ".status.conditions[?(@.type=='Accepted')].status",
            description="Whether it can be.",
        ),
        Column("Age", ".metadata.creationTimestamp", "date", "Since when it is there."),
    ),
    short_names=("tp",),
    categories=CATEGORY,
    subresources=(_WRITTEN_STATUS,),
    is_label=False,
)
ROLE_BINDING = ApiKind(
    OURS,
    V1ALPHA1,
    "RoleBinding",
    "rolebindings",
    "rolebinding",
    False,
    EVERY,
    object_schema(
        "RoleBinding gives a role: in the clusterset, in namespaces, or for clusters.",
        RoleBindingSpec,
        None,
        spec_required=True,
    ),
    RoleBindingSpec,
    "Who has which role, and where.",
    (
        Column("Role", ".spec.role", description="The role."),
        Column("Namespaces", ".spec.namespaces", description="Where it counts."),
        Column("Clusters", ".spec.clusters", description="For what it counts."),
        Column("Age", ".metadata.creationTimestamp", "date", "Since when it is there."),
    ),
    categories=CATEGORY,
    is_label=False,
)
USER = ApiKind(
    OURS,
    V1ALPHA1,
    "User",
    "users",
    "user",
    False,
    EVERY,
    object_schema(
        "User is somebody who may use the API.", UserSpec, UserStatus, spec_required=False
    ),
    UserSpec,
    "Somebody who may use the API.",
    (
        Column("Groups", ".spec.groups", description="The groups of the user."),
        Column("Disabled", ".spec.disabled", "boolean", "Whether nothing is accepted of him."),
        Column("Age", ".metadata.creationTimestamp", "date", "Since when it is there."),
    ),
    categories=CATEGORY,
    subresources=(STATUS, _USER_TOKEN, _USER_CERTIFICATE, _USER_REVOKE),
    is_label=False,
)
APPLY_SET = ApiKind(
    OURS,
    V1ALPHA1,
    "ApplySet",
    "applysets",
    "applyset",
    False,
    EVERY,
    object_schema(
        "ApplySet is the parent of what `kubectl apply --prune --applyset` manages together.",
        Nothing,
        None,
        spec_required=False,
    ),
    Nothing,
    "What is applied together, and pruned (KEP-3659).",
    categories=CATEGORY,
    labels=IS_APPLYSET_PARENT,
    is_label=False,
)
_OF_CLUSTER = Column("Cluster", ".status.cluster", description="The cluster it belongs to.")
GATEWAY = ApiKind(
    OURS,
    V1ALPHA1,
    "Gateway",
    "gateways",
    "gateway",
    False,
    READ,
    object_schema("Gateway is what is seen of a cluster's gateway.", None, GatewayStatus),
    None,
    "What is seen of a gateway.",
    (
        _OF_CLUSTER,
        Column("Address", ".status.address", description="Where others dial."),
        Column("Port", ".status.port", "integer", "The port of that address."),
        Column("Connected", ".status.connected", "boolean", "Whether its cluster reports."),
        Column("Reached From", ".status.reachedFrom", description="Who reaches it.", wide=True),
        Column("Zone", ".status.zone", description="Its zone.", wide=True),
        Column("Version", ".status.version", description="Of its supervisor.", wide=True),
    ),
    categories=CATEGORY,
    selectable=("status.cluster",),
    is_label=False,
)
PROXY = ApiKind(
    OURS,
    V1ALPHA1,
    "Proxy",
    "proxies",
    "proxy",
    False,
    READ,
    object_schema("Proxy is what is seen of a gateway or sidecar.", None, ProxyStatus),
    None,
    "What is seen of a proxy.",
    (
        _OF_CLUSTER,
        Column("Kind", ".status.kind", description="gateway or sidecar."),
        Column("Connected", ".status.connected", "boolean", "Whether its agent hears of it."),
        Column("State", ".status.state", description="Where it is in its life."),
        Column("Certificate", ".status.certificateExpires", description="Its end.", wide=True),
        Column("Version", ".status.version", description="Of its supervisor.", wide=True),
    ),
    categories=CATEGORY,
    selectable=("status.cluster", "status.kind"),
    is_label=False,
)
