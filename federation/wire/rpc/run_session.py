"""The rings around the sync sessions: they move messages between a link and a session.

They branch on what the link did, never on what the messages say.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Protocol

from federation.model.errors import FedmeshError
from federation.runtime.tasks import cancel, start
from federation.wire.rpc.streams import Link
from federation.wire.rpc.throttle import rest
from federation.xds.receiver import Received, Receiver


class Sending(Protocol):
    """A sender session, incremental or state of the world.

    `is_waiting`: whether the next response may wait for what the peer says.
    """

    is_waiting: bool

    def receive(self, request: Any, now: float) -> None: ...

    def next_response(self, now: float) -> Any: ...

    def due(self) -> float | None: ...


async def send(
    link: Link[Any, Any],
    sender: Sending,
    wake: asyncio.Event,
    on_request: Callable[[Any], None] = lambda _: None,
) -> None:
    """Run a sender session over a link until the peer ends it.

    `wake` is set by whoever touched the sender: at once, or when more has come together. What the
    peer says does not hurry that. `on_request` sees each request after the session.
    """
    loop = asyncio.get_running_loop()
    now = loop.time

    async def read() -> None:
        try:
            while (request := await link.read()) is not None:
                sender.receive(request, now())
                on_request(request)
                if sender.is_waiting:
                    wake.set()
        finally:
            wake.set()

    reader = start(read(), "sync-reader")
    try:
        while not reader.done():
            began = time.thread_time()
            response = sender.next_response(now())
            await rest(time.thread_time() - began)
            if response is not None:
                await link.write(response)
                continue
            due = sender.due()
            alarm = None if due is None else loop.call_at(due, wake.set)
            try:
                await wake.wait()
            finally:
                if alarm is not None:
                    alarm.cancel()
            wake.clear()
        reader.result()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await cancel(reader)


async def receive(
    link: Link[Any, Any],
    receiver: Receiver,
    apply: Callable[[Received], None],
    asked: asyncio.Queue[Any] | None = None,
) -> None:
    """Run a receiver session over a link until the peer ends it.

    `apply` is called before the acknowledgement goes out: acknowledged is applied. Requests in
    `asked` are sent as they come; the link must then take the words of two.
    """
    for request in receiver.open():
        await link.write(request)
    asking = start(_ask(link, asked), "asking") if asked is not None else None
    try:
        while (response := await link.read()) is not None:
            received = receiver.receive(response)
            apply(received)
            await link.write(received.reply)
    finally:
        if asking is not None:
            await cancel(asking)


async def _ask(link: Link[Any, Any], asked: asyncio.Queue[Any]) -> None:
    with contextlib.suppress(FedmeshError):  # whoever reads hears how the link ended
        while True:
            await link.write(await asked.get())
