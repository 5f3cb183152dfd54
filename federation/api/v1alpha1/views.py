"""What is seen: the status of kinds of fedmesh.dev/v1alpha1, made by the controller alone.

People write `spec`; here is what the mesh found. These models are the source of schemas and pages,
and nothing reads documents by them.
"""

from typing import Literal

from pydantic import Field, JsonValue

from federation.api.base import Ours

_BY_TYPE: dict[str, JsonValue] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
}


class Condition(Ours):
    """metav1.Condition."""

    type: str = Field(description="What is judged.")
    status: Literal["True", "False", "Unknown"] = Field(description="The judgement.")
    observed_generation: int = Field(
        default=0, alias="observedGeneration", description="The generation that was judged."
    )
    last_transition_time: str = Field(
        alias="lastTransitionTime", description="Since when the status is as it is (RFC 3339)."
    )
    reason: str = Field(description="The reason in a word.")
    message: str = Field(description="The reason in a sentence, with what to do.")


def conditions() -> list[Condition]:
    """A field of conditions."""
    found: list[Condition] = Field(
        default_factory=list, json_schema_extra=_BY_TYPE, description="What is judged of it."
    )
    return found


class SeenFrom(Ours):
    """How another cluster sees the gateways of a cluster."""

    cluster: str = Field(description="The id of the cluster that looks.")
    gateway: str = Field(description="The name of the gateway that is looked at.")
    answers: bool = Field(description="Whether it passes the checks.")


class GatewayAddress(Ours):
    """A gateway, as a cluster reported it."""

    name: str = Field(description="The name of the gateway.")
    address: str = Field(description="Where other clusters dial.")
    port: int = Field(description="The port of that address.")
    zone: str = Field(default="", description="The zone of the gateway.")


class ClusterStatus(Ours):
    """What is seen of a cluster."""

    observed_generation: int = Field(
        default=0, alias="observedGeneration", description="The generation that is in effect."
    )
    joined: bool = Field(default=False, description="Whether it has joined the clusterset.")
    state: str = Field(
        default="",
        description="live; suspect: its agent is silent; lost: silent, and most other "
        "clusters do not reach its gateways; leaving; away: it has not joined yet.",
    )
    trust: str = Field(default="", description="Whether its certificates are accepted.")
    trust_domain: str = Field(
        default="", alias="trustDomain", description="The SPIFFE trust domain of its identities."
    )
    clock_skew_seconds: int = Field(
        default=0, alias="clockSkewSeconds", description="How far its clock is ahead, rounded."
    )
    exports: int = Field(default=0, description="How many services it exports.")
    gateways: list[GatewayAddress] = Field(
        default_factory=list, description="The gateways that it has reported."
    )
    seen_from: list[SeenFrom] = Field(
        default_factory=list, alias="seenFrom", description="Who sees its gateways."
    )
    problems: list[str] = Field(
        default_factory=list,
        description="What is refused of its reports, held back, or wrong; a sentence each.",
    )
    conditions: list[Condition] = conditions()


class PolicyStatus(Ours):
    """What became of a policy."""

    conditions: list[Condition] = conditions()


class Credential(Ours):
    """What a user may show; the secret itself is kept nowhere."""

    id: str = Field(description="The id, for revoking it.")
    kind: Literal["Token", "Certificate"] = Field(description="What it is.")
    created: str = Field(default="", description="When it was made (RFC 3339).")
    expires: str = Field(default="", description="Until when it is accepted (RFC 3339).")


class UserStatus(Ours):
    """What a user may show."""

    credentials: list[Credential] = Field(
        default_factory=list, description="Tokens and certificates that are accepted."
    )


class GatewayStatus(Ours):
    """What is seen of a gateway."""

    cluster: str = Field(default="", description="The cluster that it belongs to.")
    address: str = Field(default="", description="Where other clusters dial.")
    port: int = Field(default=0, description="The port of that address.")
    zone: str = Field(default="", description="Its zone.")
    connected: bool = Field(
        default=False,
        description="Whether its cluster reports at present, and says that its agent hears of it.",
    )
    version: str = Field(default="", description="The version of fedmesh that its supervisor has.")
    reached_from: list[str] = Field(
        default_factory=list,
        alias="reachedFrom",
        description="Clusters whose gateways get answers from it.",
    )
    unreached_from: list[str] = Field(
        default_factory=list,
        alias="unreachedFrom",
        description="Clusters whose gateways get none.",
    )


class RefusedResource(Ours):
    """A resource that a proxy did not take (NACK): the last good one stays in force."""

    type: str = Field(description="The xDS type of the resource.")
    name: str = Field(description="The name of the resource.")
    reason: str = Field(description="Why it was refused.")


class ProxyStatus(Ours):
    """What is seen of a proxy: a gateway or a sidecar."""

    cluster: str = Field(default="", description="The cluster that it belongs to.")
    kind: str = Field(default="", description="gateway or sidecar.")
    id: str = Field(default="", description="The gateway's name, or NAMESPACE/POD.")
    connected: bool = Field(
        default=False,
        description="Whether its agent hears of it, as its cluster reported last: status.state of "
        "the Cluster tells whether that is heard itself.",
    )
    state: str = Field(default="", description="starting, serving, draining or stopped.")
    version: str = Field(default="", description="The version of fedmesh that its supervisor has.")
    certificate_expires: str = Field(
        default="",
        alias="certificateExpires",
        description="Until when its certificate is valid (RFC 3339).",
    )
    refused: list[RefusedResource] = Field(
        default_factory=list, description="What it did not take, as much of it as is told."
    )
