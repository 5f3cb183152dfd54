"""The one place of all endless loops: turns that are taken for ever, whatever happens in one.

A turn that fails is said once, counted, and taken again after a pause that grows up to a few
seconds; when turns work again, that is said as well. A loop ends only when its task is cancelled
from outside: a CancelledError that comes from within a turn is a fault of that turn.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from errno import EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC
from math import inf
from random import SystemRandom
from sqlite3 import SQLITE_FULL, SQLITE_IOERR
from typing import Any, NoReturn, TypeVar

from federation.runtime.backoff import Backoff
from federation.runtime.logs import event
from federation.runtime.tasks import cancel, listen_for_stop, start

log = logging.getLogger(__name__)

STEADY_SECONDS = 10.0
"""After a turn that lasted so long the next pause is short again, even if it failed."""
LONGEST_PAUSE = 5.0
MOST_REASONS = 5
"""Different reasons that are said while a loop fails; the rest is counted."""
LONGEST_REASON = 500
OUT_OF_MEANS = frozenset({EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC})
"""The machine cannot do it now: no room, no free descriptor, a disk that fails."""
_SQLITE_OUT = frozenset({SQLITE_FULL, SQLITE_IOERR})

Found = TypeVar("Found")


class Loop:
    """One endless loop: its name, its turn, and how it fares.

    After a turn that worked `rest` seconds pass, by default none, since most turns wait themselves.
    None is for links: it rests as after a failure, so that peers which lose one at the same moment
    do not come back at the same moment. Errors of the classes `explained` are told by their
    sentence, as the system's are, and all others with a traceback.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], Awaitable[Any]],
        *,
        says: str = "loop fails",
        rest: float | None = 0.0,
        longest_pause: float = LONGEST_PAUSE,
        explained: tuple[type[Exception], ...] = (),
    ) -> None:
        self.name = name
        self.turn = turn
        self.trouble = ""
        """Why the last turn failed; empty when it did not."""
        self.failed = 0
        """Turns that failed since the loop began."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when `trouble` is another one."""
        self._says = says
        self._rest = rest
        self._explained = explained
        self._backoff = Backoff(SystemRandom(), high=longest_pause)
        self._in_a_row = 0
        self._since = 0.0
        self._said: set[str] = set()

    async def run(self) -> NoReturn:
        """Take turns until this task is cancelled from outside."""
        task = asyncio.current_task()
        now = asyncio.get_running_loop().time
        while True:
            began = now()
            error = await self._try_turn()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError  # also when the turn has swallowed it
            if now() - began > STEADY_SECONDS or (error is None and self._rest is not None):
                self._backoff.reset()
            if error is None:
                self.works()
            else:
                self.note(error)
            rests = error is None and self._rest is not None
            await asyncio.sleep(self._rest or 0.0 if rests else self.next_pause())

    def next_pause(self) -> float:
        """Seconds to wait before a turn is tried again; they grow."""
        return self._backoff.next_wait()

    async def _try_turn(self) -> BaseException | None:
        try:
            await self.turn()
        except (asyncio.CancelledError, Exception) as error:  # noqa: BLE001 - that is its purpose
            return error
        return None

    def lasting(self, seconds: float) -> str:
        """Why turns have failed for at least so long; empty when they have not."""
        lasts = self.trouble and asyncio.get_running_loop().time() - self._since >= seconds
        return self.trouble if lasts else ""

    def works(self) -> None:
        """It goes well, also in the middle of a turn that lasts, such as a link that stands."""
        if not self._in_a_row:
            return
        log.info(event("works again", loop=self.name, failed=self._in_a_row))
        self._in_a_row = 0
        self._said.clear()
        self._set(trouble="")

    def note(self, error: BaseException) -> None:
        """A turn has failed."""
        if not self._in_a_row:
            self._since = asyncio.get_running_loop().time()
        self.failed += 1
        self._in_a_row += 1
        is_known = isinstance(error, (*self._explained, OSError, asyncio.CancelledError))
        reason = reason_of(error, self._explained)
        if reason not in self._said and len(self._said) < MOST_REASONS:
            self._said.add(reason)
            said = event(self._says, loop=self.name, reason=reason)
            log.warning(said, exc_info=None if is_known else error)
        self._set(trouble=reason)

    def _set(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self.on_change()


def reason_of(error: BaseException, explained: tuple[type[Exception], ...] = ()) -> str:
    """An error in a sentence."""
    if isinstance(error, asyncio.CancelledError):
        reason = "it was cancelled from within"
    elif isinstance(error, OSError) and error.strerror:
        reason = f"{error.strerror}: {error.filename or ''}".rstrip(": ")
    elif isinstance(error, explained):
        reason = str(error)
    else:
        reason = f"{type(error).__name__}: {error}"
    return reason[:LONGEST_REASON]


def troubles(loops: Iterable[Loop]) -> tuple[str, ...]:
    """What fails now, a sentence each."""
    return tuple(f"{loop.name}: {loop.trouble}" for loop in loops if loop.trouble)


@asynccontextmanager
async def running(loops: Iterable[Loop]) -> AsyncIterator[None]:
    """Have the loops run while the context lasts."""
    tasks = [start(loop.run(), loop.name) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            await cancel(task)


async def run_until_stopped(loops: Iterable[Loop]) -> None:
    """Run the loops of a process until a signal asks to stop."""
    stopped = listen_for_stop()
    async with running(loops):
        await stopped.wait()


def out_of_means(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is one of a machine that has no room now."""
    while error is not None:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _SQLITE_OUT or (isinstance(error, OSError) and error.errno in OUT_OF_MEANS):
            return True
        error = error.__cause__
    return False


async def persist(
    name: str,
    attempt: Callable[[], Awaitable[Found]],
    *,
    says: str = "waiting for room",
    passes: Callable[[Exception], bool] = out_of_means,
    patience: float = inf,
    longest_pause: float = LONGEST_PAUSE,
) -> Found:
    """What `attempt` returns, tried again while its error is one that `passes`.

    For the beginning of a process, when nothing can go on without it: by default while the machine
    has no room. Raises all other errors, and any when `patience` (seconds) is over.
    """
    now = asyncio.get_running_loop().time
    latest = now() + patience
    loop = Loop(name, attempt, says=says, longest_pause=longest_pause, explained=(Exception,))
    while True:
        try:
            found = await attempt()
        except Exception as error:
            if not passes(error) or now() >= latest:
                raise
            loop.note(error)
        else:
            loop.works()
            return found
        await asyncio.sleep(loop.next_pause())
