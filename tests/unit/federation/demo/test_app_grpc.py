"""Over gRPC the application says the same as over HTTP, once or until it is told to stop."""

import json
from typing import Any

import grpc
import pytest

from federation.demo.app_grpc import MAX_INTERVAL_SECONDS, Echo, Watching, parse_watch
from federation.demo.app_work import Work
from federation.model.errors import InvalidInput

WHO = {"cluster": "us-east", "workload": "api-1", "version": "v1"}
WEB = "spiffe://us-east.fedmesh.demo/ns/demo/sa/web"


class Aborted(Exception):  # noqa: N818
    """What gRPC raises out of `abort`."""


class FakeContext:
    """A call as gRPC shows it."""

    def __init__(self, **metadata: str | bytes) -> None:
        self._metadata = [(name.replace("_", "-"), value) for name, value in metadata.items()]

    def invocation_metadata(self) -> list[tuple[str, str | bytes]]:
        return self._metadata

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise Aborted(code.name, details)


def context(**metadata: str | bytes) -> Any:
    return FakeContext(**metadata)


async def test_a_call_is_answered_counted_and_in_the_journal() -> None:
    lines: list[bytes] = []
    work = Work(WHO, journal=lines.append)
    said = await Echo(work).who(
        b"", context(x_request_id="a-1", x_forwarded_client_cert=f"Hash=a;URI={WEB}")
    )
    path = "/fedmesh.demo.Echo/Who"
    assert json.loads(said) == {**WHO, "caller": WEB, "method": "POST", "path": path}
    assert work.counts.tell("a-1") == {"id": "a-1", "times": 1}
    assert lines == [b"a-1\n"]


async def test_a_call_without_metadata_is_answered_too() -> None:
    said = await Echo(Work(WHO)).who(b"", context(x_request_id=b"\xff"))
    assert json.loads(said)["caller"] is None


async def test_watching_says_it_with_a_counter_as_often_as_wanted() -> None:
    lines: list[bytes] = []
    echo = Echo(Work(WHO, journal=lines.append))
    asked = b'{"count": 3, "interval": 0}'
    found = [json.loads(said) async for said in echo.watch(asked, context(x_request_id="w"))]
    assert [said["counter"] for said in found] == [0, 1, 2]
    assert {said["workload"] for said in found} == {"api-1"}
    assert lines == []


async def test_watching_goes_on_until_it_is_given_up() -> None:
    stream = Echo(Work(WHO)).watch(b'{"interval": 0}', context())
    for counter in range(50):
        assert json.loads(await anext(stream))["counter"] == counter
    await stream.aclose()  # type: ignore[attr-defined]
    assert [said async for said in stream] == []


def test_an_empty_request_watches_ten_times_a_second_without_end() -> None:
    assert parse_watch(b"") == parse_watch(b"{}") == Watching(None, 0.1)
    assert parse_watch(b'{"count": 5, "interval": 2}') == Watching(5, 2.0)


@pytest.mark.parametrize(
    "request_",
    [b"{", b"[]", b'{"count": "x"}', b'{"interval": -1}', b'{"interval": null}', b"\xff"],
)
async def test_nonsense_is_refused(request_: bytes) -> None:
    with pytest.raises(InvalidInput, match="interval"):
        parse_watch(request_)
    with pytest.raises(Aborted, match="INVALID_ARGUMENT"):
        async for _ in Echo(Work(WHO)).watch(request_, context()):
            pass


def test_an_interval_has_a_bound() -> None:
    with pytest.raises(InvalidInput, match="60 seconds"):
        parse_watch(b'{"interval": %d}' % (MAX_INTERVAL_SECONDS + 1))
