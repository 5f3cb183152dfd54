"""What the operator says of a cluster: whole, in part, and compared with what was said before."""

from typing import Any

import pytest

from federation.controller.member import Member
from federation.controller.membership.operator_word import (
    merge_word,
    read_word,
    what_changed,
    with_word,
)
from federation.model.errors import Conflict, InvalidInput
from federation.model.names import ClusterId

EAST = ClusterId("east")
KNOWN = Member(
    EAST, "east.mesh.test", "eu", ("a", "b"), "campus", ("10.0.0.0/8",), ("shop",), revision=7
)


def document(**metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": "east", **metadata},
        "spec": {"region": "us"},
    }


def test_a_whole_document_says_everything_and_takes_the_rest_away() -> None:
    assert read_word("east", document(), KNOWN) == Member(EAST, "", "us")


@pytest.mark.parametrize("version", ["", "7"])
def test_a_document_of_the_revision_that_is_known_is_taken(version: str) -> None:
    assert read_word("east", document(resourceVersion=version), KNOWN).region == "us"


@pytest.mark.parametrize(("known", "revision"), [(KNOWN, 7), (None, 0)])
def test_a_document_of_another_revision_overwrites_nobody(
    known: Member | None, revision: int
) -> None:
    match = f"resourceVersion is '6', but must be '{revision}'"
    with pytest.raises(Conflict, match=match):
        read_word("east", document(resourceVersion="6"), known)


@pytest.mark.parametrize(
    ("spec", "field", "value"),
    [
        ({}, "region", "eu"),
        ({"region": "us"}, "region", "us"),
        ({"zones": ["c"]}, "zones", ("c",)),
        ({"zones": None}, "zones", ()),
        ({"network": None}, "network", ""),
        ({"gatewayCIDRs": None}, "gateway_cidrs", ()),
        ({"namespaces": None}, "namespaces", ()),
    ],
)
def test_a_part_changes_what_it_names_and_nothing_else(
    spec: dict[str, Any], field: str, value: object
) -> None:
    word = with_word(KNOWN, merge_word("east", {"spec": spec}, KNOWN))
    expected = {f: getattr(KNOWN, f) for f in KNOWN.__slots__} | {field: value}
    assert {f: getattr(word, f) for f in KNOWN.__slots__} == expected


@pytest.mark.parametrize(
    ("patch", "match"),
    [
        ({"spec": {"region": None}}, "region is missing"),
        ({"spec": None}, "spec is missing"),
        ({"spec": 7}, "spec is 7"),
        ({"spec": {"zone": ["a"]}}, "zone is not a known field"),
        ({"spec": {"zones": "a"}}, "zones is 'a'"),
        ({"metadata": {"name": "west"}}, "metadata.name is 'west'"),
        ({"kind": "Service"}, "document of kind Cluster"),
    ],
)
def test_a_part_that_makes_no_whole_is_a_sentence(patch: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        merge_word("east", patch, KNOWN)


def test_a_part_of_another_revision_overwrites_nobody() -> None:
    patch = {"metadata": {"resourceVersion": "6"}, "spec": {"region": "us"}}
    with pytest.raises(Conflict, match="must be '7'"):
        merge_word("east", patch, KNOWN)


def test_a_new_cluster_needs_its_region() -> None:
    added = merge_word("east", {"spec": {"region": "eu"}}, None)
    assert added == Member(EAST, "", "eu")
    with pytest.raises(InvalidInput, match=r"east is not there yet: say its region \(--region\)"):
        merge_word("east", {"spec": {"namespaces": ["shop"]}}, None)


def test_what_changed_is_said_field_by_field() -> None:
    after = with_word(KNOWN, Member(EAST, "", "us", ("a", "b"), "campus"))
    assert what_changed(None, KNOWN) == {"outcome": "created", "changes": []}
    assert what_changed(KNOWN, KNOWN) == {"outcome": "unchanged", "changes": []}
    assert what_changed(KNOWN, after) == {
        "outcome": "changed",
        "changes": [
            {"field": "region", "from": "eu", "to": "us"},
            {"field": "gateway_cidrs", "from": ("10.0.0.0/8",), "to": ()},
            {"field": "namespaces", "from": ("shop",), "to": ()},
        ],
    }


@pytest.mark.parametrize(
    ("field", "name", "said", "kept"),
    [
        ("zones", "zones", ["b", "a", "b"], ("b", "a")),
        ("gatewayCIDRs", "gateway_cidrs", ["10.0.0.0/8", "10.0.0.0/8"], ("10.0.0.0/8",)),
        ("namespaces", "namespaces", ["shop", "shop"], ("shop",)),
    ],
)
def test_what_is_said_twice_is_kept_once(
    field: str, name: str, said: list[str], kept: tuple[str, ...]
) -> None:
    assert getattr(merge_word("east", {"spec": {field: said}}, KNOWN), name) == kept
