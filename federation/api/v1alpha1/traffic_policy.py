"""TrafficPolicy (fedmesh.dev/v1alpha1): where requests for services go first, and where next."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from federation.api.base import Label, LabelValue, OptionalLabel, OurDocument, Ours, Subdomain

MOST_TIERS = 16
"""Each tier costs every importer a priority in Envoy; nobody has more regions to name in order."""
MOST_TARGETS = 16
"""As many targets as a policy of Gateway API may have (GEP-2648)."""


class PolicyTarget(Ours):
    """What a policy is for, in its own namespace."""

    group: Literal[""] = Field(default="", description="The API group of the target: the core.")
    kind: Literal["Service"] = Field(description="The kind of the target.")
    name: Label = Field(description="The name of the Service, in the namespace of the policy.")


class TierSelector(Ours):
    """The backends of a tier: all that is said must hold of them. Empty: all that are left."""

    cluster: OptionalLabel = Field(default="", description="The id of a cluster.")
    region: Subdomain | None = Field(default=None, description="The region of the cluster.")
    zone: Subdomain | None = Field(default=None, description="The zone of the backend.")
    labels: dict[str, LabelValue] = Field(
        default_factory=dict,
        max_length=16,
        description="Labels of the Cluster that the backend is in.",
    )
    same_as_importer: list[Literal["Cluster", "Region", "Zone", "Network"]] = Field(
        default_factory=list,
        max_length=4,
        alias="sameAsImporter",
        json_schema_extra={"x-kubernetes-list-type": "set"},
        description="What backend and importer must have in common.",
    )


class TrafficPolicySpec(Ours):
    """How traffic moves."""

    targets: list[PolicyTarget] = Field(
        default_factory=list,
        max_length=MOST_TARGETS,
        alias="targetRefs",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["kind", "name"],
        },
        description="What the policy is for; without any: every service of its namespace.",
    )
    mode: Literal["Locality", "Ordered", "None"] = Field(
        default="Locality",
        description="Locality: the own zone first, then the own region, then all others. Ordered: "
        "the tiers of order, one after the other. None: all backends alike, wherever they are. "
        "Locality is the default, since near backends are fast, and cost nothing between zones.",
    )
    order: list[TierSelector] = Field(
        default_factory=list,
        max_length=MOST_TIERS,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
        description="The tiers of mode Ordered, the first one first; needed there, and there only.",
    )

    @model_validator(mode="after")
    def _order_belongs_to_its_mode(self) -> Self:
        if (self.mode == "Ordered") != bool(self.order):
            says = "missing" if not self.order else "there"
            raise ValueError(
                f"order is {says}, but mode is {self.mode!r}: tiers are for mode Ordered, which "
                "needs at least one"
            )
        return self


class TrafficPolicyDocument(OurDocument):
    """A TrafficPolicy."""

    spec: Annotated[TrafficPolicySpec, Field(description="How traffic is to move.")] = Field(
        default=TrafficPolicySpec()
    )
