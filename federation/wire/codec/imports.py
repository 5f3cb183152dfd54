"""Imports on demand to messages and back (`federation.model.imports`).

Decoding raises InvalidInput. The virtual host is not looked into: Envoy does that.
"""

from collections.abc import Iterator

from federation.model.errors import InvalidInput
from federation.model.imports import Import
from federation.model.types import CLUSTER, ENDPOINTS
from federation.wire import federation_pb2 as pb
from federation.wire.codec.checks import few, parse_message
from federation.xds.messages import check_name
from federation.xds.resources import Resource

MAX_IMPORT_BYTES = 1 << 20
MAX_IMPORT_CLUSTERS = 1_000


def encode_import(found: Import) -> bytes:
    """An Import as bytes."""
    return pb.Import(
        host=found.host, clusters=found.clusters, aggregates=found.aggregates
    ).SerializeToString(deterministic=True)


def decode_import(body: bytes) -> Import:
    """The Import in `body`; raises InvalidInput."""
    if len(body) > MAX_IMPORT_BYTES:
        raise InvalidInput(f"the import has {len(body)} bytes, at most {MAX_IMPORT_BYTES} are read")
    message = parse_message(pb.Import(), body)
    clusters = tuple(few(message.clusters, MAX_IMPORT_CLUSTERS, "clusters"))
    aggregates = tuple(few(message.aggregates, MAX_IMPORT_CLUSTERS, "aggregates"))
    for name in (*clusters, *aggregates):
        check_name(name)
    return Import(message.host, clusters, aggregates)


def brought_by(found: Resource) -> Iterator[tuple[str, str]]:
    """Type and name of what an import needs; raises InvalidInput."""
    wanted = decode_import(found.body)
    for name in wanted.clusters:
        yield CLUSTER, name
        yield ENDPOINTS, name
    for name in wanted.aggregates:
        yield CLUSTER, name
