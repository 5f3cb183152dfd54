"""The end of a proxy, in order: others are told, what is under way ends, then Envoy stops.

In: Envoy's admin socket. Out: nothing, after what is under way has ended or the patience has. The
telling itself goes by the agent (`Proxy.state`), so that senders move away first.
"""

import asyncio
import logging
import re
from pathlib import Path

from federation.model.errors import NotReady
from federation.runtime.logs import event
from federation.supervisor.admin import ask

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
_REQUESTS = {False: "inbound", True: "terminated|up~.*"}
_CONNECTIONS = {False: "inbound", True: "east-west|terminated-raw|up~.*"}
"""By whether it is a gateway. What a sidecar's own application has under way does not count."""
_COUNTER = re.compile(rb"^\S+_active: (\d+)$", re.MULTILINE)


async def ask_to_leave(admin: Path) -> None:
    """Have Envoy say on every HTTP connection that it goes, and to those who check it."""
    try:
        await ask(admin, "/healthcheck/fail", method="POST")
    except NotReady as error:
        log.debug(event("envoy cannot be drained", reason=error))


def under_way(answer: bytes) -> int:
    """Requests that others sent here and passed-on connections, by Envoy's gauges."""
    return sum(map(int, _COUNTER.findall(answer)))


def question(*, is_gateway: bool) -> str:
    """What to ask Envoy's admin socket."""
    requests, connections = _REQUESTS[is_gateway], _CONNECTIONS[is_gateway]
    return (
        rf"/stats?filter=^(http\.({requests})\.downstream_rq_active"
        rf"|tcp\.({connections})\.downstream_cx_active)$"
    )


async def wait_for_end(admin: Path, least: float, longest: float, *, is_gateway: bool) -> int:
    """Wait at least `least` seconds, and until nothing is under way, but no longer than `longest`.

    Returns how much still was.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(least)
    while True:
        try:
            left = under_way(await ask(admin, question(is_gateway=is_gateway)))
        except NotReady:
            return 0
        if not left or loop.time() - began >= longest:
            return left
        await asyncio.sleep(_LOOK_SECONDS)
