"""Turns that need the agent, taken for ever: what fails is said once and repeated after a while."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import SystemRandom

from federation.model.errors import FedmeshError
from federation.runtime.backoff import Backoff
from federation.runtime.logs import event

log = logging.getLogger(__name__)


async def repeat(turn: Callable[[], Awaitable[None]]) -> None:
    """Take turns for ever, with growing pauses between those that fail."""
    backoff = Backoff(SystemRandom())
    said = ""
    while True:
        try:
            await turn()
            backoff.reset()
            said = ""
        except FedmeshError as error:
            if str(error) != said:
                said = str(error)
                log.warning(event("agent cannot be used", reason=said))
        await asyncio.sleep(backoff.next_wait())
