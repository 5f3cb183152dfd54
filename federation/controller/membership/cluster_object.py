"""A member as a Cluster of the API, and back: the operator's word as it was sent. Pure.

In: members, objects that were judged. Out: objects without status, members. What a cluster joined
with is no part of it.
"""

import json
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from federation.api.rows.own import CLUSTER
from federation.api.v1alpha1.cluster import ClusterSpec
from federation.controller.member import Member

Json = dict[str, Any]

LEAVES = "fedmesh.dev/leave"
"""The finalizer that a cluster has while it leaves."""


def object_of(member: Member) -> Json:
    """The Cluster of a member, without status; an old one is made of the fields."""
    if member.said:
        said: Json = json.loads(member.said)
    else:
        uid = str(uuid5(NAMESPACE_DNS, member.trust_domain))
        said = {
            "metadata": {"name": member.id, "uid": uid, "generation": 1},
            "spec": spec_of(member),
        }
    return {"apiVersion": CLUSTER.api_version, "kind": CLUSTER.kind, **said}


def spec_of(member: Member) -> Json:
    """The spec that says what a member's fields say."""
    fields = {
        "region": member.region,
        "zones": list(member.zones),
        "network": member.network,
        "gatewayCIDRs": list(member.gateway_cidrs),
        "namespaces": list(member.namespaces),
    }
    return {name: value for name, value in fields.items() if value}


def with_object(member: Member, found: Json) -> Member:
    """The member with the word of an object that was judged; what it joined with stays."""
    spec = ClusterSpec.model_validate(found["spec"])
    metadata = {k: v for k, v in found["metadata"].items() if k != "resourceVersion"}
    return replace(
        member,
        region=spec.region,
        zones=tuple(spec.zones),
        network=spec.network,
        gateway_cidrs=tuple(spec.gateway_cidrs),
        namespaces=tuple(spec.namespaces),
        said=json.dumps({"metadata": metadata, "spec": found["spec"]}),
    )


def restated(member: Member, now: str, uid: str) -> Member:
    """The member with an object that says what its fields say, where it said something else.

    `now` as RFC 3339, and `uid`, are for one that is new.
    """
    spec = spec_of(member)
    if not member.said:
        metadata = {"name": member.id, "uid": uid, "creationTimestamp": now, "generation": 1}
        return replace(member, said=json.dumps({"metadata": metadata, "spec": spec}))
    before = json.loads(member.said)
    if with_object(member, {**before}) == member:
        return member
    old = before["metadata"]
    metadata = {**old, "generation": old.get("generation", 1) + 1}
    return replace(member, said=json.dumps({"metadata": metadata, "spec": spec}))
