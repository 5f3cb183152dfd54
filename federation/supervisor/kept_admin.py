"""Questions to Envoy's admin interface by whoever asks again and again: over one connection.

In: paths. Out: bodies, as from `federation.supervisor.admin.ask`, which is for single questions. A
connection that has ended meanwhile, as with an Envoy that was replaced, is opened anew.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from federation.model.errors import NotReady
from federation.supervisor.admin import ANSWER_BYTES, ANSWER_SECONDS, body_of, request

_END_OF_HEAD = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_CHUNKED = b"\r\ntransfer-encoding: chunked"
_LENGTH = b"\r\ncontent-length:"
_CLOSE = b"\r\nconnection: close"


class KeptAdmin:
    """One asker at an Envoy's socket."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._line: _Line | None = None

    async def ask(self, path: str) -> bytes:
        """The body of the answer to `path`.

        Raises NotReady when Envoy does not answer 200 in time, or says more than ANSWER_BYTES.
        """
        line, self._line = self._line, None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = b""
                if line is not None and not line.has_ended:
                    answer = await line.ask(path)
                if not answer:
                    line = await self._dial()
                    answer = await line.ask(path)
        except (OSError, TimeoutError) as error:
            raise NotReady(f"envoy's socket {self._socket} does not answer") from error
        else:
            if line is not None and line.may_stay:
                self._line, line = line, None
        finally:
            if line is not None:
                line.close()
        return body_of(answer, path)

    async def _dial(self) -> "_Line":
        loop = asyncio.get_running_loop()
        _, line = await loop.create_unix_connection(_Line, str(self._socket))
        return line

    def close(self) -> None:
        """Keep no connection."""
        if self._line is not None:
            self._line.close()
            self._line = None


class _Line(asyncio.Protocol):
    """One connection, with one question at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer = bytearray()
        self._whole: asyncio.Future[None] | None = None
        self.has_ended = False
        self.may_stay = False
        """Whether another question may follow the last answer."""

    async def ask(self, path: str) -> bytes:
        """The whole answer, or as much as came before the other end closed."""
        self._answer.clear()
        self._whole = asyncio.get_running_loop().create_future()
        self.may_stay = False
        if self._transport is not None:
            self._transport.write(request("GET", path, {"connection": "keep-alive"}))
        await self._whole
        return bytes(self._answer)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # of a stream

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if len(self._answer) > ANSWER_BYTES:
            self._end()
        elif is_whole(self._answer):
            self.may_stay = may_stay(self._answer)
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_ended, self.may_stay = True, False
        self._end()

    def _end(self) -> None:
        if self._whole is not None and not self._whole.done():
            self._whole.set_result(None)

    def close(self) -> None:
        """End it, whatever was asked."""
        self.has_ended = True
        if self._transport is not None:
            self._transport.abort()


def may_stay(answer: bytearray) -> bool:
    """Whether another question may follow a whole answer."""
    return _CLOSE not in bytes(answer[: answer.find(_END_OF_HEAD)]).lower()


def is_whole(answer: bytearray) -> bool:
    """Whether an answer has come to its end, as far as it says where that is."""
    end = answer.find(_END_OF_HEAD)
    if end < 0:
        return False
    head, begin = bytes(answer[:end]).lower(), end + len(_END_OF_HEAD)
    if _CHUNKED in head:
        return answer.endswith(_LAST_CHUNK) and _chunks_end(answer, begin)
    _, found, rest = head.partition(_LENGTH)
    if not found:
        return False
    with suppress(ValueError):
        return len(answer) - begin >= int(rest.partition(b"\r\n")[0])
    return False


def _chunks_end(answer: bytearray, at: int) -> bool:
    """Whether the chunks that begin at this place end with the last one."""
    while (line := answer.find(b"\r\n", at)) >= 0:
        try:
            size = int(answer[at:line], 16)
        except ValueError:
            return False
        if not size:
            return True
        at = line + 2 + size + 2
    return False
