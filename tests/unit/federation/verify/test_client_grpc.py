"""gRPC load: what is sent, over which channel, and what a status becomes."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import grpc
import pytest

from federation.verify.call import Call, Load
from federation.verify.client_grpc import GrpcClient, options
from federation.verify.history import About, Record

ABOUT = About("10.0.0.1:80", "api.demo:9090", "/demo.Echo/Who", "POST", 100.0, "grpc")
LOAD = Load("10.0.0.1", 80, ABOUT, 1.0, timeout=3.0)
ANSWER = b'{"cluster": "us-east", "workload": "api-1"}\n'


class FakeChannel:
    """Answers with bytes, or with a status other than OK."""

    def __init__(self, answer: bytes | grpc.StatusCode = ANSWER) -> None:
        self.answer = answer
        self.sent: list[tuple[str, bytes, float, Any]] = []
        self.closed = False

    def unary_unary(self, path: str) -> Callable[..., Awaitable[bytes]]:
        async def call(request: bytes, *, timeout: float, metadata: Any) -> bytes:  # noqa: ASYNC109
            self.sent.append((path, request, timeout, metadata))
            if isinstance(self.answer, grpc.StatusCode):
                none = grpc.aio.Metadata()
                raise grpc.aio.AioRpcError(self.answer, none, none)
            return self.answer

        return call

    async def close(self) -> None:
        self.closed = True


async def called(*channels: FakeChannel, times: int = 1) -> list[Record]:
    over: list[Record] = []
    client = GrpcClient(LOAD, [cast(grpc.aio.Channel, channel) for channel in channels])
    for number in range(times):
        client.begin(Call(f"run-{number}", 5.0, 5.01, over.append))
    await client.close()
    assert all(channel.closed for channel in channels)
    return over


async def test_ok_is_an_answer_of_who_it_names() -> None:
    channel = FakeChannel()
    (record,) = await called(channel)
    assert (record.status, record.error) == (200, "")
    assert (record.cluster, record.workload) == ("us-east", "api-1")
    assert channel.sent == [("/demo.Echo/Who", b"", 3.0, (("x-request-id", "run-0"),))]


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
async def test_any_other_status_is_a_failure_that_names_it(code: grpc.StatusCode) -> None:
    channel = FakeChannel(code)
    (record,) = await called(channel)
    assert (record.status, record.error) == (0, f"grpc: {code.name}")
    assert record.failed
    assert len(channel.sent) == 1


async def test_channels_take_turns() -> None:
    one, two = FakeChannel(), FakeChannel()
    await called(one, two, times=6)
    assert (len(one.sent), len(two.sent)) == (3, 3)


def test_nothing_is_sent_twice_and_the_authority_is_the_host() -> None:
    found = dict(options("api.demo:9090"))
    assert found["grpc.enable_retries"] == 0
    assert found["grpc.default_authority"] == "api.demo:9090"
