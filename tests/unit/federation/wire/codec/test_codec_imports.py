"""Imports on the wire: what is written is read, and nothing too large."""

import pytest

from federation.model.errors import InvalidInput
from federation.model.imports import Import
from federation.model.types import CLUSTER, ENDPOINTS
from federation.wire.codec.imports import (
    MAX_IMPORT_BYTES,
    MAX_IMPORT_CLUSTERS,
    brought_by,
    decode_import,
    encode_import,
)
from federation.xds.resources import resource

BOTH = Import(b"host", ("out~", "far~"), ("any~",))


@pytest.mark.parametrize("found", [BOTH, Import(b"", ("out~",)), Import(b"", ())])
def test_an_import_is_read_as_it_was_written(found: Import) -> None:
    assert decode_import(encode_import(found)) == found
    assert encode_import(found) == encode_import(found)


def test_an_import_brings_its_clusters_with_endpoints_and_its_aggregates_without() -> None:
    assert set(brought_by(resource("api.shop", encode_import(BOTH)))) == {
        (CLUSTER, "out~"),
        (ENDPOINTS, "out~"),
        (CLUSTER, "far~"),
        (ENDPOINTS, "far~"),
        (CLUSTER, "any~"),
    }


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff", "not a Import"),
        (encode_import(Import(b"x" * MAX_IMPORT_BYTES, ())), "bytes"),
        (encode_import(Import(b"", ("c",) * (MAX_IMPORT_CLUSTERS + 1))), "clusters"),
        (encode_import(Import(b"", (), ("c",) * (MAX_IMPORT_CLUSTERS + 1))), "aggregates"),
        (encode_import(Import(b"", ("x" * 1025,))), "name"),
        (encode_import(Import(b"", ("",))), "name"),
    ],
)
def test_what_is_no_import_is_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        decode_import(body)
