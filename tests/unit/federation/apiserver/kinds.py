"""Kinds for the tests of what is derived from kinds."""

from pydantic import BaseModel, Field

from federation.api.base import LabelValue
from federation.api.kind import CREATE_ONLY, EVERY, READ, ApiKind, Column, Subresource
from federation.api.schema import object_schema
from federation.api.v1alpha1.access import RoleBindingSpec, UserSpec
from federation.api.v1alpha1.cluster import ClusterSpec
from federation.api.v1alpha1.traffic_policy import TrafficPolicySpec


class Condition(BaseModel):
    """One condition."""

    type: str
    status: str


class Status(BaseModel):
    """What is so."""

    conditions: list[Condition] = Field(
        default_factory=list,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )


class TokenSpec(BaseModel):
    """What token is wanted."""

    seconds: int = Field(default=3600, gt=0)
    audience: LabelValue = ""


class ReviewSpec(BaseModel):
    """What is asked."""

    target: int | str = 80


FEDMESH = "fedmesh.dev"
STATUS = Subresource("status", ("get", "update", "patch"))
POLICIES = ApiKind(
    FEDMESH,
    "v1alpha1",
    "TrafficPolicy",
    "trafficpolicies",
    "trafficpolicy",
    True,
    EVERY,
    object_schema("How traffic moves.", TrafficPolicySpec, Status, spec_required=False),
    TrafficPolicySpec,
    "How traffic moves.",
    columns=(
        Column("Mode", ".spec.mode", description="The mode."),
        Column("Age", ".metadata.creationTimestamp", "date"),
        Column("Order", ".spec.order[*].region", wide=True),
    ),
    short_names=("tp",),
    categories=("fedmesh",),
    subresources=(STATUS,),
)
CLUSTERS = ApiKind(
    FEDMESH,
    "v1alpha1",
    "Cluster",
    "clusters",
    "cluster",
    False,
    EVERY,
    object_schema("A member.", ClusterSpec),
    ClusterSpec,
    labels=(("applyset.kubernetes.io/is-parent-type", "true"),),
)
USERS = ApiKind(
    FEDMESH,
    "v1alpha1",
    "User",
    "users",
    "user",
    False,
    EVERY,
    object_schema("Somebody.", UserSpec, spec_required=False),
    UserSpec,
    subresources=(
        Subresource(
            "token",
            CREATE_ONLY,
            kind="TokenRequest",
            schema=object_schema("A token.", TokenSpec, spec_required=False),
            description="A token, shown once.",
        ),
        Subresource("log-lines", ("get",), schema={"type": "object", "description": "Lines."}),
    ),
)
BINDINGS = ApiKind(
    FEDMESH,
    "v1alpha1",
    "RoleBinding",
    "rolebindings",
    "rolebinding",
    False,
    READ,
    object_schema("Who may.", RoleBindingSpec),
)
NAMESPACES = ApiKind(
    "", "v1", "Namespace", "namespaces", "namespace", False, EVERY, object_schema("A namespace.")
)
REVIEWS = ApiKind(
    "authorization.k8s.io",
    "v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    "selfsubjectaccessreview",
    False,
    CREATE_ONLY,
    object_schema("Whether I may.", ReviewSpec),
)
OLD_REVIEWS = ApiKind(
    "authorization.k8s.io",
    "v1beta1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    "selfsubjectaccessreview",
    False,
    CREATE_ONLY,
    object_schema("Whether I may.", ReviewSpec),
)
KINDS = (NAMESPACES, POLICIES, CLUSTERS, USERS, BINDINGS, REVIEWS, OLD_REVIEWS)
