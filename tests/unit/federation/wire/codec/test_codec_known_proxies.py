"""What is told of a proxy survives the wire, cut; what may not be is refused at the border."""

from dataclasses import replace
from typing import Any

import pytest

from federation.model.errors import InvalidInput
from federation.model.proxies import Kind, KnownProxy, Nack, State
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.codec import known_proxies

PROXY = KnownProxy(
    Kind.SIDECAR,
    "shop/api-1.v2",
    True,
    State.SERVING,
    "0.1.0",
    1_800_000_000,
    (Nack("t", "n", "r"),),
)
GATEWAY = KnownProxy(Kind.GATEWAY, "gw", False, State.STOPPED)


def test_a_known_proxy_comes_back_as_it_went_under_its_name() -> None:
    assert codec.resource_of(PROXY).name == "sidecar/shop/api-1.v2"
    assert codec.resource_of(GATEWAY).name == "gateway/gw"
    for proxy in (PROXY, GATEWAY):
        assert codec.read(codec.KNOWN_PROXY, codec.resource_of(proxy)) == proxy


def test_what_it_refuses_is_cut_and_fits_into_the_bound_of_a_report() -> None:
    worst = Nack("t" * 253, "\U0001f600" * 900, "\U0001f600" * 900)
    many = replace(PROXY, id=f"{'n' * 63}/{'p' * 253}", refused=(worst,) * 100)
    body = codec.encode(many)
    assert len(body) <= known_proxies.MAX_PROXY_BYTES
    read = codec.decode(KnownProxy, body)
    assert len(read.refused) == known_proxies.MAX_REFUSED
    assert {len(r.reason) for r in read.refused} == {known_proxies.MAX_REASON}
    assert codec.decode(KnownProxy, codec.encode(read)) == read


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "router"},
        {"kind": ""},
        {"state": "asleep"},
        {"id": "shop"},
        {"id": "shop/a/b"},
        {"id": "../x"},
        {"kind": "gateway", "id": "a/b"},
        {"version": "1.0 \x1b[2J"},
        {"refused": [pb.Nack(type_url="a b")]},
        {"refused": [pb.Nack()] * 6},
    ],
)
def test_what_may_not_be_is_refused(fields: dict[str, Any]) -> None:
    good: dict[str, Any] = {"kind": "sidecar", "id": "shop/a", "state": "serving"}
    assert codec.decode(KnownProxy, pb.KnownProxy(**good).SerializeToString()).id == "shop/a"
    with pytest.raises(InvalidInput):
        codec.decode(KnownProxy, pb.KnownProxy(**{**good, **fields}).SerializeToString())


def test_an_end_that_cannot_be_shown_is_one_that_can() -> None:
    for ends in (-(2**63), 2**63 - 1):
        said = pb.KnownProxy(kind="gateway", id="gw", state="serving", certificate_ends=ends)
        read = codec.decode(KnownProxy, said.SerializeToString())
        assert 0 <= read.certificate_ends <= 253_402_300_799
