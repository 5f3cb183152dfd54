"""A gateway's eyes: what Envoy says becomes what the agent is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from federation.model.names import ClusterId
from federation.model.observations import Remote
from federation.runtime.tasks import cancel, start
from federation.supervisor.observe.health_checks import UNSEEN_SECONDS
from federation.supervisor.observe.observer import Observer, Seen
from tests.unit.fakes.fake_rtt import FakeRtt
from tests.unit.fakes.loops import named

WEST = ClusterId("west")


class FakeAdmin:
    """Envoy's admin socket; `fails` says by cluster and address whether a check fails."""

    def __init__(self) -> None:
        self.fails: dict[tuple[str, str], bool] = {}
        self.answer: bytes | None = None

    def _body(self) -> bytes:
        statuses = [
            {
                "name": name,
                "host_statuses": [
                    {
                        "address": {"socket_address": {"address": address}},
                        "health_status": {"failed_active_health_check": fails},
                    }
                ],
            }
            for (name, address), fails in self.fails.items()
        ]
        return json.dumps({"cluster_statuses": statuses}).encode()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = self._body() if self.answer is None else self.answer
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def at(self, socket: Path) -> AsyncIterator[None]:
        async with await asyncio.start_unix_server(self._serve, str(socket)):
            yield


API = ("80.api.shop.svc.clusterset.local", "10.0.0.1")
WEB = ("80.web.shop.svc.clusterset.local", "10.0.0.2")
GATEWAY = ("remote~west~g1~", "10.2.0.1")


def observer(folder: Path) -> tuple[Observer, list[Seen]]:
    said: list[Seen] = []
    return Observer(folder / "admin", folder / "rtt", said.append), said


async def test_a_look_says_who_was_lost_and_who_answers(tmp_path: Path) -> None:
    eyes, said = observer(tmp_path)
    admin = FakeAdmin()
    admin.fails = {API: False, WEB: False, GATEWAY: False}
    async with admin.at(tmp_path / "admin"):
        await eyes.look(0.0)
        admin.fails = {API: True, WEB: False, GATEWAY: True}
        await eyes.look(0.5)
    assert said == [
        Seen((), True, (Remote(WEST, "g1", True),)),
        Seen(("10.0.0.1",), True, (Remote(WEST, "g1", False),)),
    ]


async def test_a_gateway_without_a_healthy_workload_says_so(tmp_path: Path) -> None:
    eyes, said = observer(tmp_path)
    admin = FakeAdmin()
    admin.fails = {API: True, GATEWAY: False}
    async with admin.at(tmp_path / "admin"):
        await eyes.look(0.0)
    assert said == [Seen((), False, (Remote(WEST, "g1", True),))]


async def test_a_gateway_that_starts_is_patient_with_those_it_never_reached(
    tmp_path: Path,
) -> None:
    eyes, said = observer(tmp_path)
    admin = FakeAdmin()
    admin.fails = {GATEWAY: True}
    async with admin.at(tmp_path / "admin"):
        await eyes.look(10.0)
        await eyes.look(10.0 + UNSEEN_SECONDS)
    assert [seen.remotes[0].answers for seen in said] == [True, False]


@pytest.mark.parametrize("answer", [b"rubbish", b'{"cluster_statuses": 7}'])
async def test_what_cannot_be_read_is_not_said(tmp_path: Path, answer: bytes) -> None:
    eyes, said = observer(tmp_path)
    admin = FakeAdmin()
    admin.answer = answer
    async with admin.at(tmp_path / "admin"):
        await eyes.look(0.0)
    assert said == []


async def test_while_envoy_is_away_nothing_is_said(tmp_path: Path) -> None:
    eyes, said = observer(tmp_path)
    await eyes.look(0.0)
    assert said == []


async def test_those_that_answer_are_measured_and_their_time_is_said(tmp_path: Path) -> None:
    eyes, said = observer(tmp_path)
    admin, rtt = FakeAdmin(), FakeRtt()
    admin.fails = {GATEWAY: False, ("remote~far~g1~", "10.3.0.1"): True}
    async with admin.at(tmp_path / "admin"), rtt.at(tmp_path / "rtt"):
        await eyes.look(0.0)
        measuring = start(named(eyes.loops(), "measure").run(), "measure")
        for _ in range(1_000):
            if said[-1].remotes[1].rtt:
                break
            await eyes.look(1.0)
        await cancel(measuring)
    assert set(rtt.asked) == {"remote~west~g1~"}
    far, west = said[-1].remotes
    assert west.rtt > 0
    assert far.rtt == 0
