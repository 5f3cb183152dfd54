"""An application that speaks HTTP/2 to the letter: what is invalid ends its connection.

Some servers do that, so a proxy that passes on what is invalid lets one caller end the requests of
all.
"""

import asyncio
import re
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError

_SLOW = re.compile(rb"/slow/([\d.]+)")


class StrictHttp2(asyncio.Protocol):
    """One connection; `broken` gets what it was ended for."""

    def __init__(self, broken: list[str]) -> None:
        self._broken = broken
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._paths: dict[int, bytes] = {}
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._h2.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            self._broken.append(str(error))
            self._flush()
            if self._transport is not None:
                self._transport.close()
            return
        for event in events:
            match event:
                case RequestReceived():
                    headers = dict(event.headers)
                    self._paths[event.stream_id] = headers.get(b":path", b"")
                case DataReceived():
                    self._h2.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                case StreamEnded():
                    self._answer_after(event.stream_id)
                case _:
                    pass
        self._flush()

    def _answer_after(self, stream: int) -> None:
        found = _SLOW.fullmatch(self._paths.pop(stream, b""))
        if found is None:
            self._answer(stream)
        else:
            asyncio.get_running_loop().call_later(float(found[1]), self._answer, stream)

    def _answer(self, stream: int) -> None:
        if self._transport is None:
            return
        try:
            self._h2.send_headers(stream, [(b":status", b"200")])
            self._h2.send_data(stream, b"ok", end_stream=True)
        except ProtocolError:
            return  # the caller has reset it
        self._flush()

    def _flush(self) -> None:
        if self._transport is not None and (data := self._h2.data_to_send()):
            self._transport.write(data)
