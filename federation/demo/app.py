"""The demo's application: a small HTTP service that says who it is and who called it.

`python -m federation.demo.app --listen IP:8080 --cluster C --workload W --version V`

Any path      JSON {cluster, workload, version, caller, method, path}
/status/NNN   the same with that status
/delay/S      the same after S seconds (at most 60)
/count        requests processed: {processed, distinct, twice: {x-request-id: times}}
/count/ID     how often the request with this x-request-id was processed; /count/all: all of them
"""

import argparse
import asyncio
import json
import re
import sys
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import cast

from federation.model.errors import PeerBroke
from federation.runtime import tasks
from federation.verify.http1 import Message, MessageReader

MAX_DELAY_SECONDS = 60.0
MAX_COUNTED = 200_000
_MAX_WAITING_BYTES = 256 * 1024
_URI = re.compile(r"URI=([^;,\"]+)")
_STATUS = re.compile(r"/status/([2-5]\d\d)")
_DELAY = re.compile(r"/delay/(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer, and after how many seconds."""

    status: int
    body: bytes
    delay: float = 0.0


@dataclass(slots=True)
class Counts:
    """Requests processed, by x-request-id; the oldest ids are forgotten beyond MAX_COUNTED."""

    processed: int = 0
    times: dict[str, int] = field(default_factory=dict)

    def add(self, request_id: str) -> None:
        """A request is about to be processed."""
        self.processed += 1
        if request_id:
            self.times[request_id] = self.times.get(request_id, 0) + 1
            if len(self.times) > MAX_COUNTED:
                del self.times[next(iter(self.times))]

    def tell(self, which: str) -> dict[str, object]:
        """The answer to `/count` (which is empty), `/count/all` and `/count/ID`."""
        if which == "all":
            return {"ids": self.times}
        if which:
            return {"id": which, "times": self.times.get(which, 0)}
        twice = {request_id: n for request_id, n in self.times.items() if n > 1}
        return {"processed": self.processed, "distinct": len(self.times), "twice": twice}


def caller_of(header: str) -> str | None:
    """The SPIFFE id of the caller in `x-forwarded-client-cert`: the last hop's word, else None."""
    found = _URI.findall(header)
    return found[-1] if found else None


def reply_to(request: Message, who: dict[str, str], counts: Counts) -> Reply:
    """What this application answers."""
    method, target, _ = request.words
    path = target.partition("?")[0]
    if path == "/count" or path.startswith("/count/"):
        return Reply(200, _json(counts.tell(path[len("/count/") :])))
    counts.add(request.headers.get("x-request-id", ""))
    caller = caller_of(request.headers.get("x-forwarded-client-cert", ""))
    body = _json({**who, "caller": caller, "method": method, "path": target})
    status, delay = _STATUS.fullmatch(path), _DELAY.fullmatch(path)
    return Reply(
        int(status[1]) if status else 200,
        body,
        min(float(delay[1]), MAX_DELAY_SECONDS) if delay else 0.0,
    )


def _json(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


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


_KNOWN = frozenset(HTTPStatus)


class Session(asyncio.Protocol):
    """One connection: requests are answered one after the other, pipelined ones wait."""

    def __init__(self, who: dict[str, str], counts: Counts) -> None:
        self._who = who
        self._counts = counts
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
                self._answer(transport, request)
        except PeerBroke as error:
            self._refuse(str(error))
            return
        self._hold_back()

    def _answer(self, transport: asyncio.Transport, request: Message) -> None:
        reply = reply_to(request, self._who, self._counts)
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
            reply = Reply(400, _json({"error": reason}))
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


async def _serve(host: str, port: int, who: dict[str, str]) -> None:
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(who, counts), host, port, backlog=1024)
    await tasks.run_until_stopped({"server": server.serve_forever()})


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser("python -m federation.demo.app")
    for name in ("--listen", "--cluster", "--workload", "--version"):
        parser.add_argument(name, required=True)
    said = parser.parse_args()
    host, _, port = said.listen.rpartition(":")
    who = {"cluster": said.cluster, "workload": said.workload, "version": said.version}
    try:
        tasks.run(_serve(host, int(port), who))
    except OSError as error:
        sys.exit(f"cannot listen at {said.listen}: {error}")


if __name__ == "__main__":
    main()
