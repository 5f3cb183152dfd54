"""Bodies in protobuf, as kubectl from 1.32 on sends them for kinds of the core: read, not written.

In: `k8s\\0` and an `Unknown` (runtime.Unknown of apimachinery) around the object. Out: the same as
JSON, for the few kinds that clients send so: Namespace, the self subject reviews, and options of a
deletion. Fields that are not in the tables below are passed over. Raises StatusError.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.message import DecodeError

from federation.apiserver.statuses import StatusError, bad_request

Json = dict[str, Any]
Fields = Mapping[int, tuple[str, Any]]

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_PACKAGE = "fedmesh.apiserver"
_SCALARS = {
    "text": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int": FieldDescriptorProto.TYPE_INT64,
}

_OWNER: Fields = {1: ("kind", "text"), 3: ("name", "text"), 4: ("uid", "text"),
                  5: ("apiVersion", "text"), 6: ("controller", "bool")}  # fmt: skip
_PAIR: Fields = {1: ("key", "text"), 2: ("value", "text")}
_META: Fields = {
    1: ("name", "text"), 2: ("generateName", "text"), 3: ("namespace", "text"), 5: ("uid", "text"),
    6: ("resourceVersion", "text"), 11: ("labels", [_PAIR, "map"]),
    12: ("annotations", [_PAIR, "map"]), 13: ("ownerReferences", [_OWNER]),
    14: ("finalizers", ["text"]),
}  # fmt: skip
_ATTRIBUTES: Fields = {
    1: ("namespace", "text"), 2: ("verb", "text"), 3: ("group", "text"), 4: ("version", "text"),
    5: ("resource", "text"), 6: ("subresource", "text"), 7: ("name", "text"),
}  # fmt: skip
_PATH: Fields = {1: ("path", "text"), 2: ("verb", "text")}
_OBJECTS: Mapping[str, Fields] = {
    "Unknown": {
        1: ("type", {1: ("apiVersion", "text"), 2: ("kind", "text")}), 2: ("raw", "bytes"),
    },
    "Namespace": {1: ("metadata", _META), 2: ("spec", {1: ("finalizers", ["text"])})},
    "SelfSubjectAccessReview": {
        1: ("metadata", _META),
        2: ("spec", {1: ("resourceAttributes", _ATTRIBUTES), 2: ("nonResourceAttributes", _PATH)}),
    },
    "SelfSubjectRulesReview": {1: ("metadata", _META), 2: ("spec", {1: ("namespace", "text")})},
    "SelfSubjectReview": {1: ("metadata", _META)},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", "int"),
        2: ("preconditions", {1: ("uid", "text"), 2: ("resourceVersion", "text")}),
        4: ("propagationPolicy", "text"), 5: ("dryRun", ["text"]),
    },
}  # fmt: skip


def _describe(into: DescriptorProto, name: str, fields: Fields) -> None:
    """Add fields to a message; messages within lie within it."""
    into.name = name
    for number, (field, of) in fields.items():
        added = into.field.add(name=field, json_name=field, number=number)
        added.label = FieldDescriptorProto.LABEL_OPTIONAL
        if isinstance(of, list):
            added.label = FieldDescriptorProto.LABEL_REPEATED
        inner = of[0] if isinstance(of, list) else of
        if isinstance(inner, str):
            added.type = _SCALARS[inner]
            continue
        nested = f"{field[0].upper()}{field[1:]}Entry"
        added.type = FieldDescriptorProto.TYPE_MESSAGE
        added.type_name = nested
        message = into.nested_type.add()
        message.options.map_entry = isinstance(of, list) and "map" in of[1:]
        _describe(message, nested, inner)


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="fedmesh/apiserver.proto", package=_PACKAGE, syntax="proto2"
    )
    for name, fields in _OBJECTS.items():
        _describe(file.message_type.add(), name, fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = (pool.FindMessageTypeByName(f"{_PACKAGE}.{name}") for name in _OBJECTS)
    return {one.name: message_factory.GetMessageClass(one) for one in found}


_CLASSES = _classes()


def read_protobuf(data: bytes) -> Json:
    """The object in a body; raises StatusError: 415 for a kind that must be sent as JSON."""
    if not data.startswith(_MAGIC):
        raise bad_request("the body of the request is not protobuf of Kubernetes")
    try:
        unknown = _CLASSES["Unknown"].FromString(data[len(_MAGIC) :])
        kind = str(unknown.type.kind)
        if kind not in _OBJECTS or kind == "Unknown":
            raise StatusError(415, f"{kind[:80]!r} is taken as application/json only")
        made = json_format.MessageToDict(_CLASSES[kind].FromString(unknown.raw))
    except (DecodeError, ValueError, RecursionError) as error:
        raise bad_request("the body of the request is damaged protobuf") from error
    return {"apiVersion": unknown.type.apiVersion, "kind": kind, **made}
