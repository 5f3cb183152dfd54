"""What the load of wrk says of requests when some answers do not say to which they belong."""

import asyncio
import re
import sys
from http import HTTPStatus
from pathlib import Path

import pytest

from federation.verify import history
from tests.e2e.paced import needs_wrk

pytestmark = [pytest.mark.timeout(60), needs_wrk]

ADDRESS = "127.0.0.1"
ASKED = re.compile(rb"GET (\S+) HTTP.*?x-request-id: (\S+)\r\n", re.DOTALL)


class Server:
    """Every fourth request is refused after 20 ms, as a proxy does; the others take 200 ms."""

    def __init__(self) -> None:
        self.refused: set[str] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other."""
        while (head := await _head(reader)) and (asked := ASKED.search(head)):
            path, id_ = asked[1].decode(), asked[2].decode()
            refuses = int(id_.rpartition("-")[2], 16) % 4 == 0
            await asyncio.sleep(0.02 if refuses else 0.2)
            if refuses:
                self.refused.add(id_)
            status, body = ("503 Odd", "no") if refuses else ("200 OK", f'{{"path": "{path}"}}')
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def test_an_answer_of_a_proxy_is_taken_for_the_request_it_belongs_to(tmp_path: Path) -> None:
    """The one that waited longest was taken for it; its own answer made it a second one."""
    file, server = tmp_path / "h", Server()
    async with await asyncio.start_server(server.answer, ADDRESS, 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        command = (
            *(sys.executable, "-m", "federation.verify.paced", "--host", "h", "--out", str(file)),
            *("--target", f"{ADDRESS}:{port}", "--rate", "200", "--connections", "100"),
        )
        load = await asyncio.create_subprocess_exec(*command, "--seconds", "1")
        assert await load.wait() == 0
    records = history.load(file).records
    ids = [record.id for record in records]
    assert len(ids) == len(set(ids))
    assert len(ids) > 100
    assert {record.id for record in records if record.status != HTTPStatus.OK} == server.refused
    assert not [record for record in records if not record.status]
