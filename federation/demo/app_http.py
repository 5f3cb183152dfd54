"""The demo's application over HTTP/1.1.

In: bytes of a caller. Out: answers in order; a WebSocket takes over its connection.

Any path      JSON {cluster, workload, version, caller, method, path}
/status/NNN   the same with that status
/delay/S      the same after S seconds (at most 60)
/ws           WebSocket: the same as the first message, then an echo
/count        requests processed: {processed, distinct, twice: {x-request-id: times}}
/count/ID     how often the request with this x-request-id was processed; /count/all: all of them
"""

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import cast

from federation.demo import app_websocket
from federation.demo.app_work import Work, line_of
from federation.model.errors import InvalidInput, PeerBroke
from federation.verify.http1 import Message, MessageReader

MAX_DELAY_SECONDS = 60.0
_MAX_WAITING_BYTES = 256 * 1024
_STATUS = re.compile(r"/status/([2-5]\d\d)")
_DELAY = re.compile(r"/delay/(\d+(?:\.\d+)?)")
_KNOWN = frozenset(HTTPStatus)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer, and after how many seconds."""

    status: int
    body: bytes
    delay: float = 0.0


def reply_to(request: Message, work: Work) -> Reply:
    """What this application answers."""
    path = request.words[1].partition("?")[0]
    if path == "/count" or path.startswith("/count/"):
        return Reply(200, line_of(work.counts.tell(path[len("/count/") :])))
    body = _processed(request, work)
    status, delay = _STATUS.fullmatch(path), _DELAY.fullmatch(path)
    return Reply(
        int(status[1]) if status else 200,
        body,
        min(float(delay[1]), MAX_DELAY_SECONDS) if delay else 0.0,
    )


def _processed(request: Message, work: Work) -> bytes:
    method, target, _ = request.words
    work.process(request.headers.get("x-request-id", ""), effect=method == "POST")
    certificate = request.headers.get("x-forwarded-client-cert", "")
    return line_of(work.said_to(certificate, method, target))


def answer_bytes(reply: Reply, *, head_only: bool, closes: bool) -> bytes:
    """The answer as it goes over the wire."""
    reason = HTTPStatus(reply.status).phrase if reply.status in _KNOWN else "Other"
    bare = reply.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    lines = [f"HTTP/1.1 {reply.status} {reason}", "content-type: application/json"]
    if not bare:
        lines.append(f"content-length: {len(reply.body)}")
    if closes:
        lines.append("connection: close")
    head = "\r\n".join([*lines, "", ""]).encode()
    return head if head_only or bare else head + reply.body


class Session(asyncio.Protocol):
    """One connection: requests are answered one after the other, pipelined ones wait."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._reader = MessageReader(answers=False, keep=0)
        self._transport: asyncio.Transport | None = None
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller is there."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone; an answer on its way is dropped."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Part of a request."""
        self._reader.feed(data)
        self._go_on()

    def _go_on(self) -> None:
        transport = self._transport
        try:
            while transport is not None and not transport.is_closing() and not self._busy:
                request = self._reader.take()
                if self._reader.expects_continue():
                    transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                if request is None:
                    break
                if _begins_websocket(request):
                    self._upgrade(transport, request)
                    return
                self._answer(transport, request)
        except (PeerBroke, InvalidInput) as error:
            self._refuse(str(error))
            return
        self._hold_back()

    def _upgrade(self, transport: asyncio.Transport, request: Message) -> None:
        transport.write(app_websocket.handshake(request))
        self._transport = None
        session = app_websocket.Session(_processed(request, self._work).rstrip())
        transport.set_protocol(session)
        session.connection_made(transport)
        session.data_received(self._reader.rest())

    def _answer(self, transport: asyncio.Transport, request: Message) -> None:
        reply = reply_to(request, self._work)
        if not reply.delay:
            self._write(transport, request, reply)
            return
        self._busy = True
        later = partial(self._answer_late, request, reply)
        asyncio.get_running_loop().call_later(reply.delay, later)

    def _answer_late(self, request: Message, reply: Reply) -> None:
        self._busy = False
        if self._transport is not None:
            self._write(self._transport, request, reply)
            self._go_on()

    def _write(self, transport: asyncio.Transport, request: Message, reply: Reply) -> None:
        head_only = request.words[0] == "HEAD"
        transport.write(answer_bytes(reply, head_only=head_only, closes=request.closes))
        if request.closes:
            transport.close()

    def _refuse(self, reason: str) -> None:
        if self._transport is not None:
            reply = Reply(400, line_of({"error": reason}))
            self._transport.write(answer_bytes(reply, head_only=False, closes=True))
            self._transport.close()

    def _hold_back(self) -> None:
        """Let a caller that pipelines more than we keep wait."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._reader.waiting_bytes > _MAX_WAITING_BYTES:
            self._transport.pause_reading()
        elif not self._transport.is_reading():
            self._transport.resume_reading()


def _begins_websocket(request: Message) -> bool:
    path = request.words[1].partition("?")[0]
    return path == app_websocket.PATH and app_websocket.wants(request)
