"""Who did what to the clusterset, when, from where, with what outcome: told in the log and kept.

The last entries of each kind are in the store, so that many of one kind push out none of another.
What was done and what was refused are two kinds, since whoever has a spent join token can be
refused as often as he likes.
What the disk does not take is kept in memory, told of in `fedctl status`, and written when it can
be: neither is an operation undone for it, nor is it forgotten in silence.
"""

import asyncio
import json
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from federation.controller.store.store import IntentStore
from federation.model.errors import Failed, FedmeshError
from federation.runtime.clock import wall_seconds
from federation.runtime.escapes import visible
from federation.runtime.logs import event
from federation.runtime.loops import Loop

log = logging.getLogger(__name__)

ADMIN = "admin token"
DONE = "done"
FIRST_CALL = "first call"
"""The kind of entry that says that the admin token is used from an address."""
MOST_OF_A_KIND = 500
MOST_UNWRITTEN = 500
MOST_ADDRESSES = 1_000
NEW_AGAIN_SECONDS = 86_400.0
WRITE_AGAIN_SECONDS = 2.0
_AUDIT = "audit/"
_LONGEST = 400


@dataclass(slots=True)
class Act:
    """What somebody is doing: `what` as fedctl calls it, `who` by what they showed.

    `detail` may become known while it is done.
    """

    what: str
    who: str
    address: str
    cluster: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An act that is over; `at` in seconds since 1970."""

    at: float
    what: str
    who: str
    address: str
    cluster: str
    detail: str
    outcome: str


class Audit:
    """The entries, over the store."""

    def __init__(self, store: IntentStore) -> None:
        self._store = store
        self._kept: dict[str, deque[tuple[int, AuditEntry]]] = {}
        self._last = 0
        self._unwritten: dict[int, AuditEntry] = {}
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._one = asyncio.Lock()
        self.problem = ""
        self.loop = Loop("audit", self._again, rest=WRITE_AGAIN_SECONDS)

    async def load(self) -> None:
        """Take back what the store holds."""
        for key, found in (await self._store.read_all(_AUDIT)).entries.items():
            entry = AuditEntry(**json.loads(found.value))
            number = int(key.rpartition("/")[2])
            self._kept.setdefault(_kind(entry), deque()).append((number, entry))
            self._last = max(self._last, number)
        for _, entry in self._kept.get(FIRST_CALL, ()):
            self._seen[entry.address] = entry.at

    def entries(self) -> tuple[AuditEntry, ...]:
        """All that is kept, the oldest first."""
        found = sorted(numbered for kind in self._kept.values() for numbered in kind)
        return tuple(entry for _, entry in found)

    @asynccontextmanager
    async def noting(
        self, what: str, who: str, address: str, cluster: str = ""
    ) -> AsyncIterator[Act]:
        """Note what is done in this context, and how it ended."""
        act = Act(what, who, address, cluster)
        outcome = "failed"
        try:
            yield act
            outcome = DONE
        except FedmeshError as error:
            outcome = f"refused: {error}"
            raise
        finally:
            await self.note(act, outcome)

    async def note(self, act: Act, outcome: str = DONE) -> None:
        """Tell and keep what somebody did."""
        texts = {name: _fit(text) for name, text in asdict(act).items()}
        entry = AuditEntry(round(wall_seconds(), 3), **texts, outcome=_fit(outcome))
        log.info(event("audit", **{k: v for k, v in asdict(entry).items() if v and k != "at"}))
        self._last += 1
        self._kept.setdefault(_kind(entry), deque()).append((self._last, entry))
        self._unwritten[self._last] = entry
        if len(self._unwritten) > MOST_UNWRITTEN:
            del self._unwritten[min(self._unwritten)]
        await self.write()

    async def note_call(self, address: str) -> None:
        """Note that the admin token is used from an address: once a day for each."""
        now = wall_seconds()
        before = self._seen.get(address)
        if before is None or now - before >= NEW_AGAIN_SECONDS:
            self._seen[address] = now
            if len(self._seen) > MOST_ADDRESSES:
                self._seen.popitem(last=False)
            await self.note(Act(FIRST_CALL, ADMIN, address))

    async def _again(self) -> None:
        """Write what could not be written."""
        if self._unwritten:
            await self.write()

    async def write(self) -> None:
        """Write what is not written, and take away what is too much."""
        async with self._one:
            try:
                for number, entry in tuple(self._unwritten.items()):
                    await self._write(number, entry)
                    self._unwritten.pop(number, None)
            except Failed as error:
                self.problem = f"{len(self._unwritten)} audit entries are not written: {error}"
                log.warning(event("audit entries are not written", reason=error))
            else:
                self.problem = ""

    async def _write(self, number: int, entry: AuditEntry) -> None:
        key = _key(number, entry)
        if await self._store.read(key) is None:
            await self._store.write(key, json.dumps(asdict(entry)).encode(), 0)
        kept = self._kept[_kind(entry)]
        for numbered in tuple(kept)[: max(0, len(kept) - MOST_OF_A_KIND)]:
            oldest = _key(*numbered)
            found = await self._store.read(oldest)
            if found is not None:
                await self._store.delete(oldest, found.revision)
            kept.remove(numbered)


def _kind(entry: AuditEntry) -> str:
    return entry.what if entry.outcome == DONE else f"{entry.what} refused"


def _key(number: int, entry: AuditEntry) -> str:
    return f"{_AUDIT}{_kind(entry)}/{number:012}"


def _fit(text: str) -> str:
    """As a line for people: nothing in it that does not print, and not too long."""
    plain = visible(text)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3]}..."
