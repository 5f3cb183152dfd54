"""The document of OpenAPI 2.0 as protobuf, read back by the numbers of OpenAPIv2.proto."""

import json
import struct
from typing import Any

import pytest

from federation.apiserver.openapi.v2 import document
from federation.apiserver.openapi.v2_protobuf import encode
from tests.unit.federation.apiserver.kinds import KINDS

Fields = dict[int, list[Any]]

DOCUMENT = document(KINDS, version="1.2")


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def read(data: bytes) -> Fields:
    """The fields of a message: bytes, numbers and floating-point numbers."""
    found: Fields = {}
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value: Any
            value, at = varint(data, at)
        elif tag & 7 == 1:
            (value,), at = struct.unpack_from("<d", data, at), at + 8
        else:
            assert tag & 7 == 2
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
            assert len(value) == length
        found.setdefault(tag >> 3, []).append(value)
    return found


def named(messages: list[bytes]) -> dict[str, bytes]:
    pairs = [read(message) for message in messages]
    return {pair[1][0].decode(): pair[2][0] for pair in pairs}


TOP = read(encode(DOCUMENT))
DEFINITIONS = named(read(TOP[9][0])[1])


def test_the_head() -> None:
    assert TOP[1] == [b"2.0"]
    assert read(TOP[2][0]) == {1: [b"fedmesh"], 2: [b"1.2"]}


def test_all_definitions_and_paths_are_there() -> None:
    assert list(DEFINITIONS) == list(DOCUMENT["definitions"])
    assert list(named(read(TOP[8][0])[2])) == list(DOCUMENT["paths"])


def schema(name: str, *path: str) -> Fields:
    found = read(DEFINITIONS[name])
    for part in path:
        found = read(named(read(found[25][0])[1])[part])
    return found


def yaml(message: bytes) -> Any:
    return json.loads(read(message)[2][0])


def test_an_object() -> None:
    found = schema("dev.fedmesh.v1alpha1.Cluster")
    assert found[4] == [b"A member."]
    assert found[19] == [b"spec"]
    assert read(found[22][0]) == {1: [b"object"]}
    said = named(found[31])["x-kubernetes-group-version-kind"]
    assert yaml(said)[0]["kind"] == "Cluster"


def test_words_of_schemas() -> None:
    policy = "dev.fedmesh.v1alpha1.TrafficPolicy"
    mode = schema(policy, "spec", "mode")
    assert yaml(mode[5][0]) == "Locality"
    assert [yaml(one) for one in mode[20]] == ["Locality", "Ordered", "None"]
    order = schema(policy, "spec", "order")
    assert order[14] == [16]
    tier = read(read(order[23][0])[1][0])
    assert 25 in tier
    metadata = schema(policy, "metadata")
    assert metadata[1] == [b"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]


def test_numbers_flags_and_mappings() -> None:
    seconds = schema("dev.fedmesh.v1alpha1.TokenRequest", "spec", "seconds")
    assert (seconds[9], seconds[10]) == ([0.0], [1])
    meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    values = read(read(schema(meta, "labels")[21][0])[1][0])
    assert read(values[22][0]) == {1: [b"string"]}


@pytest.mark.parametrize("is_free", [True, False])
def test_mappings_that_are_free_or_closed(is_free: bool) -> None:
    found = encode(
        {
            "swagger": "2.0",
            "info": {"title": "x", "version": "y"},
            "paths": {},
            "definitions": {"A": {"additionalProperties": is_free, "maxLength": 300}},
        }
    )
    only = read(named(read(read(found)[9][0])[1])["A"])
    assert read(only[21][0]) == {2: [int(is_free)]}
    assert only[11] == [300]


def test_patches_say_what_they_support() -> None:
    paths = named(read(TOP[8][0])[2])
    patch = read(read(paths["/apis/fedmesh.dev/v1alpha1/clusters/{name}"])[8][0])
    assert patch[5] == [b"patchFedmeshDevV1alpha1Cluster"]
    names = []
    for item in patch[8]:
        query = read(read(read(read(item)[1][0])[2][0])[3][0])
        names.append((query[4][0].decode(), query[2][0]))
    assert ("dryRun", b"query") in names
    assert ("fieldValidation", b"query") in names
    kind = yaml(named(patch[13])["x-kubernetes-group-version-kind"])
    assert kind == {"group": "fedmesh.dev", "version": "v1alpha1", "kind": "Cluster"}
