"""Envoy's admin socket over one connection: whole answers, and another Envoy behind the socket."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from federation.model.errors import NotReady
from federation.supervisor import kept_admin
from federation.supervisor.kept_admin import KeptAdmin, is_whole

LIVE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nLIVE\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Envoy:
    """Gives answers in turn, each in the parts it has; says how many connections there were."""

    def __init__(self, answers: Iterable[tuple[bytes, ...]]) -> None:
        self._answers = iter(answers)
        self.connections = 0
        self.asked: list[bytes] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        while True:
            try:
                self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            for part in next(self._answers):
                if not part:
                    writer.close()
                    return
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    async def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()
            await writer.wait_closed()

    @asynccontextmanager
    async def at(self, socket: Path) -> AsyncIterator[KeptAdmin]:
        async with await asyncio.start_unix_server(self.serve, str(socket)):
            with closing(KeptAdmin(socket)) as admin:
                yield admin
            await asyncio.sleep(0)
            await self.hang_up()


async def test_many_questions_go_over_one_connection(tmp_path: Path) -> None:
    chunks = (CHUNKED, b"3\r\nabc\r", b"\nA\r\n012345", b"6789\r\n0\r\n\r\n")
    envoy = Envoy([(LIVE,), chunks, (LIVE[:30], LIVE[30:])])
    async with envoy.at(tmp_path / "s") as admin:
        assert await admin.ask("/ready") == b"LIVE\n"
        assert await admin.ask("/stats") == b"abc0123456789"
        assert await admin.ask("/ready") == b"LIVE\n"
    assert envoy.connections == 1
    assert envoy.asked[1].startswith(b"GET /stats HTTP/1.1\r\n")
    assert b"connection: keep-alive\r\n" in envoy.asked[1]


async def test_a_connection_that_ended_meanwhile_is_opened_anew(tmp_path: Path) -> None:
    envoy = Envoy([(LIVE,), (LIVE,)])
    async with envoy.at(tmp_path / "s") as admin:
        await admin.ask("/ready")
        await envoy.hang_up()
        assert await admin.ask("/ready") == b"LIVE\n"
    assert envoy.connections == 2


async def test_one_that_ends_under_the_question_is_asked_again(tmp_path: Path) -> None:
    envoy = Envoy([(LIVE,), (b"",), (LIVE,)])
    async with envoy.at(tmp_path / "s") as admin:
        await admin.ask("/ready")
        assert await admin.ask("/ready") == b"LIVE\n"
    assert envoy.connections == 2


async def test_an_answer_that_ends_with_its_connection_is_one(tmp_path: Path) -> None:
    envoy = Envoy([(b"HTTP/1.1 200 OK\r\n\r\nLIVE\n", b""), (LIVE,)])
    async with envoy.at(tmp_path / "s") as admin:
        assert await admin.ask("/ready") == b"LIVE\n"
        assert await admin.ask("/ready") == b"LIVE\n"
    assert envoy.connections == 2


async def test_a_connection_that_is_to_close_is_not_used_again(tmp_path: Path) -> None:
    last = LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    envoy = Envoy([(last,), (LIVE,)])
    async with envoy.at(tmp_path / "s") as admin:
        await admin.ask("/ready")
        await admin.ask("/ready")
    assert envoy.connections == 2


async def test_two_questions_at_once_disturb_each_other_in_nothing(tmp_path: Path) -> None:
    envoy = Envoy([(LIVE,), (LIVE,), (LIVE,)])
    async with envoy.at(tmp_path / "s") as admin:
        await admin.ask("/ready")
        both = tuple(await asyncio.gather(admin.ask("/ready"), admin.ask("/ready")))
        assert both == (b"LIVE\n", b"LIVE\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",), "answers 503"),
        ((b"",), "answers nothing"),
    ],
)
async def test_anything_but_200_is_not_ready(
    tmp_path: Path, answer: tuple[bytes, ...], reason: str
) -> None:
    async with Envoy([answer]).at(tmp_path / "s") as admin:
        with pytest.raises(NotReady, match=f"{reason} to /ready"):
            await admin.ask("/ready")


async def test_nobody_there_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="does not answer"):
        await KeptAdmin(tmp_path / "s").ask("/ready")


async def test_who_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_admin, "ANSWER_SECONDS", 0.0)
    async with Envoy([(), (LIVE,)]).at(tmp_path / "s") as admin:
        with pytest.raises(NotReady, match="does not answer"):
            await admin.ask("/ready")
        monkeypatch.undo()


async def test_an_answer_without_end_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_admin, "ANSWER_BYTES", 1000)
    monkeypatch.setattr("federation.supervisor.admin.ANSWER_BYTES", 1000)
    async with Envoy([(CHUNKED, b"FFFFFF\r\n" + bytes(2000))]).at(tmp_path / "s") as admin:
        with pytest.raises(NotReady, match="is larger than"):
            await admin.ask("/clusters")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", False),
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil it closes", False),
        (LIVE[:-1], False),
        (LIVE, True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", False),
        (CHUNKED, False),
        (CHUNKED + b"0\r\n\r\n", True),
        (CHUNKED + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", True),
        (CHUNKED + b"9\r\nabcd0\r\n\r\n", False),
        (CHUNKED + b"A\r\nabcde0\r\n\r\n", False),
        (CHUNKED + b"xyz\r\n0\r\n\r\n", False),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", True),
    ],
)
def test_where_an_answer_ends(answer: bytes, expected: bool) -> None:
    assert is_whole(bytearray(answer)) is expected
