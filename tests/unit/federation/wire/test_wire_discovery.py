"""Our messages are Envoy's on the wire, and come back as they went."""

import pytest
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from federation.model.errors import PeerBroke
from federation.wire import discovery
from federation.wire import federation_pb2 as pb
from federation.wire.discovery import (
    MAX_FIELDS,
    decode_request,
    decode_response,
    decode_state_request,
    encode_request,
    encode_response,
    encode_state_response,
)
from federation.xds.batches import Batch
from federation.xds.messages import MAX_NAMES, Point, Request, Response, StateResponse
from federation.xds.resources import Resource, resource


def packed() -> Resource:
    wrapped = Any()
    wrapped.Pack(Duration(seconds=7))
    return resource("x", wrapped.SerializeToString())


def test_envoy_reads_our_incremental_responses() -> None:
    sent = Response("type/a", "n1", (packed(),), ("gone",))
    read = discovery_pb2.DeltaDiscoveryResponse.FromString(encode_response(sent))
    assert (read.type_url, read.nonce, list(read.removed_resources)) == ("type/a", "n1", ["gone"])
    assert (read.resources[0].name, read.resources[0].version) == ("x", packed().version)
    inside = Duration()
    assert read.resources[0].resource.Unpack(inside)
    assert inside.seconds == 7


def test_we_read_envoys_incremental_requests() -> None:
    sent = discovery_pb2.DeltaDiscoveryRequest(
        node={"id": "sidecar/shop/api"},
        type_url="type/a",
        resource_names_subscribe=["x"],
        resource_names_unsubscribe=["y"],
        initial_resource_versions={"x": "v1"},
        response_nonce="n1",
        error_detail={"code": 13, "message": "bad"},
    )
    assert decode_request(sent.SerializeToString()) == Request(
        "type/a", "sidecar/shop/api", ("x",), ("y",), {"x": "v1"}, "n1", "bad"
    )


def test_a_request_says_where_the_store_stood_that_its_versions_come_from() -> None:
    sent = Request("type/a", "n", ("*",), initial_versions={"x": "v1"}, point=Point("e", 7))
    assert decode_request(encode_request(sent)) == sent
    plain = Request("type/a", nonce="n1")
    assert decode_request(encode_request(plain)) == plain


def test_we_read_state_of_the_world_requests_and_envoy_our_responses() -> None:
    sent = discovery_pb2.DiscoveryRequest(
        node={"id": "n"}, type_url="t", resource_names=["b", "a"], version_info="v"
    )
    read = decode_state_request(sent.SerializeToString())
    assert (read.names, read.version, read.error) == (("a", "b"), "v", "")
    answer = encode_state_response(StateResponse("t", "n2", "v2", (packed(),)))
    seen = discovery_pb2.DiscoveryResponse.FromString(answer)
    assert (seen.version_info, seen.nonce, len(seen.resources)) == ("v2", "n2", 1)


@pytest.mark.parametrize(
    "response",
    [
        Response("t", "1"),
        Response("t", "1", (packed(),), ("a", "b"), Point("e", 7), 0),
        Response("t", "1", complete=12),
    ],
)
def test_a_response_comes_back_as_it_went(response: Response) -> None:
    assert decode_response(encode_response(response)) == response


def test_a_request_comes_back_as_it_went() -> None:
    request = Request("t", "node", ("*",), ("y",), {"x": "1"}, "n", "no")
    assert decode_request(encode_request(request)) == request


def test_a_refusal_without_a_reason_is_still_a_refusal() -> None:
    sent = discovery_pb2.DeltaDiscoveryRequest(type_url="t", error_detail={"code": 13})
    assert decode_request(sent.SerializeToString()).error


def test_bytes_that_are_no_message_are_the_peers_fault() -> None:
    with pytest.raises(PeerBroke, match="not a SyncRequest"):
        decode_request(b"\xff\xff\xff")


MANY = 1_000_000
BEYOND = {
    "names": pb.SyncRequest(type_url="t", subscribe=["a"] * MANY),
    "unsubscribes": pb.SyncRequest(type_url="t", unsubscribe=["a"] * MANY),
    "versions": pb.SyncRequest(initial_versions={str(n): "v" for n in range(MAX_FIELDS + 1)}),
    "names of all kinds": pb.SyncRequest(
        subscribe=["a"] * (MAX_FIELDS // 2), unsubscribe=["a"] * (MAX_FIELDS // 2 + 2)
    ),
    "removals": pb.SyncResponse(removed=[""] * MANY),
    "resources": pb.SyncResponse(resources=[pb.Resource()] * MANY),
    "names of the state": pb.StateRequest(names=["a"] * MANY),
}
DECODERS = {
    pb.SyncRequest: decode_request,
    pb.SyncResponse: decode_response,
    pb.StateRequest: decode_state_request,
}


@pytest.mark.parametrize("what", BEYOND)
def test_what_nobody_needs_so_many_of_is_counted_before_it_is_read(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = BEYOND[what]
    data = message.SerializeToString()
    monkeypatch.setattr(discovery, "pb", None)  # nothing of it is made
    decode = DECODERS[type(message)]
    empty = type(message)()
    with pytest.raises(PeerBroke, match=f"has more than {MAX_FIELDS} names"):
        discovery._parse(empty, data)
    assert empty == type(message)()
    monkeypatch.undo()
    with pytest.raises(PeerBroke):
        decode(data)


def test_as_many_as_the_protocol_can_need_are_read() -> None:
    request = Request("t", "n", tuple(f"name-{n}" for n in range(MAX_NAMES)))
    assert decode_request(encode_request(request)) == request
    held = {f"service-{n}.shop": "0123456789abcdef" for n in range(MAX_NAMES)}
    opening = Request("t", "n", ("*",), initial_versions=held)
    assert decode_request(encode_request(opening)) == opening


@pytest.mark.parametrize(
    "tail", [b"\xff", b"\xff" * 20, b"\x1b", b"\x1a\xff\xff\xff\xff\x7f", b"\x1a"]
)
def test_counting_leaves_what_is_no_message_to_the_parser(tail: bytes) -> None:
    begin = pb.SyncRequest(subscribe=["a" * 1000] * 200).SerializeToString()
    with pytest.raises(PeerBroke, match="are not a SyncRequest"):
        decode_request(begin + tail)


def test_counting_passes_over_fields_of_every_kind() -> None:
    begin = pb.SyncRequest(subscribe=["a" * 1000] * 200).SerializeToString()
    unknown = b"\xa8\x01\x96\x01" + b"\xa9\x01" + bytes(8) + b"\xad\x01" + bytes(4)
    assert len(decode_request(begin + unknown).subscribe) == 200


def test_a_batch_is_written_once_for_all_who_are_sent_it_and_each_reads_its_own() -> None:
    batch = Batch([packed(), resource("y", packed().body)])
    first = Response("type/a", "1", batch, ("gone",), Point("e", 1), 2)
    second = Response("type/a", "2", batch, (), Point("e", 2))
    assert decode_response(encode_response(first)) == first
    encoded = batch.encoded
    assert decode_response(encode_response(second)) == second
    assert batch.encoded is encoded
    assert encoded is not None
    assert encoded in encode_response(second)
    whole = discovery_pb2.DeltaDiscoveryResponse.FromString(encode_response(first))
    assert (whole.nonce, [found.name for found in whole.resources]) == ("1", ["x", "y"])
