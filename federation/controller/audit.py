"""Who did what to the clusterset, when, from where, with what outcome: told in the log and kept.

Every entry is a line of an append-only file that seals the one before
(`federation.controller.audit_chain`), and on the disk when the call that it is about returns.
What the disk does not take is kept in memory, told of in `fedctl status`, and written when it can
be: neither is an operation undone for it, nor is it forgotten in silence. Strangers make no
entries, and whoever is refused again and again only so many, or he could push out the others.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from federation.apiserver.access import Attributes
from federation.apiserver.caller import Caller
from federation.controller.audit_chain import Line, sealed_line, text_of
from federation.controller.audit_entry import DONE, SHOWN, Act, for_people, said
from federation.controller.audit_file import Loaded
from federation.model.errors import FedmeshError
from federation.runtime.clock import wall_seconds
from federation.runtime.logs import event
from federation.runtime.loops import Loop, reason_of
from federation.runtime.tasks import start

log = logging.getLogger(__name__)

ADMIN = "admin token"
REFUSED = "refused: "
FIRST_CALL = "first call"
"""The kind of entry that says that a credential is used from an address."""
MOST_RECENT = 1_000
"""Entries that are in memory; older ones are read from the disk."""
MOST_SHOWN = 1_000
"""Entries of one answer."""
MOST_UNWRITTEN = 5_000
MOST_REFUSED = 100
"""Entries of a day that say that the same one was refused; what is beyond is counted."""
MOST_ADDRESSES = 1_000
NEW_AGAIN_SECONDS = 86_400.0
WRITE_AGAIN_SECONDS = 2.0
BACKUP_BYTES = 1024 * 1024
"""So much of the end of the log is in a backup."""


class Lines(Protocol):
    """Where entries are kept: `federation.controller.audit_file.AuditFile`."""

    async def load(self, most: int) -> Loaded: ...

    async def append(self, lines: Sequence[Line]) -> None: ...

    async def select(self, after: int, before: int, most: int) -> tuple[Line, ...]: ...


@dataclass(slots=True)
class _Refusals:
    since: float
    count: int = 0


class Audit:
    """The entries, over their file."""

    def __init__(self, file: Lines) -> None:
        self._file = file
        self._recent: deque[Line] = deque(maxlen=MOST_RECENT)
        self._unwritten: deque[Line] = deque()
        self._lost = 0
        self._last, self._hash = 0, ""
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._refusals: OrderedDict[str, _Refusals] = OrderedDict()
        self._one = asyncio.Lock()
        self.problem = ""
        self.loop = Loop("audit", self._again, rest=WRITE_AGAIN_SECONDS)

    async def load(self, before: Iterable[Act] = ()) -> None:
        """Go on where the file ends; `before`: what to begin with where there is none."""
        found = await self._file.load(MOST_RECENT)
        self._recent.extend(found.lines)
        self._last = found.last
        if found.lines:
            self._hash = found.lines[-1]["hash"]
        for line in found.lines:
            if line.get("what") == FIRST_CALL:
                self._seen[line.get("who", ""), line.get("address", "")] = line["at"]
        if not found.last:
            for act in before:
                self._append(act, act.detail, act.outcome)
            await self.write()
        if found.broken:
            log.warning(event("the audit log is not what was written", reason=found.broken))
            await self.note(Act("audit broken", "controller", "", detail=found.broken))

    def entries(self) -> tuple[Line, ...]:
        """The last ones, the oldest first, with all fields."""
        return tuple({**SHOWN, **line} for line in self._recent)

    async def select(self, after: int = 0, before: int = 0, most: int = 0) -> tuple[Line, ...]:
        """Entries with numbers between, the oldest first: the next ones where there is an `after`,
        otherwise the last ones. Raises Failed when the disk does not show them.
        """
        most = min(most, MOST_SHOWN) if most > 0 else MOST_SHOWN
        begins = self._recent[0]["number"] if self._recent else 1
        within = [
            line
            for line in self._recent
            if line["number"] > after and (not before or line["number"] < before)
        ]
        is_here = begins <= 1 or (after + 1 >= begins if after else len(within) >= most)
        if is_here:
            found = within[:most] if after else within[-most:]
        else:
            found = [*await self._file.select(after, before, most)]
        return tuple({**SHOWN, **line} for line in found)

    def tail(self) -> bytes:
        """The end of the log, as a backup has it."""
        kept: deque[bytes] = deque()
        size = 0
        for line in reversed(self._recent):
            text = text_of(line)
            size += len(text)
            if size > BACKUP_BYTES:
                break
            kept.appendleft(text)
        return b"".join(kept)

    @asynccontextmanager
    async def noting(
        self,
        what: str,
        who: str | Caller,
        address: str,
        cluster: str = "",
        *,
        target: Attributes | None = None,
        dry_run: bool = False,
    ) -> AsyncIterator[Act]:
        """Note what is done in this context, and how it ended."""
        caller = who if isinstance(who, Caller) else None
        name = who.name if isinstance(who, Caller) else who
        act = Act(what, name, address, cluster, caller=caller, target=target, dry_run=dry_run)
        outcome = "failed"
        try:
            yield act
            outcome = DONE
        except FedmeshError as error:
            outcome = f"{REFUSED}{error}"
            raise
        finally:
            await self.note(replace(act, at=wall_seconds()), outcome)

    async def note(self, act: Act, outcome: str = DONE) -> None:
        """Tell and keep what somebody did."""
        detail = act.detail
        if outcome.startswith(REFUSED):
            left_out = self._refused(act)
            if left_out is None:
                log.info(event("audit", **for_people(said(act, detail, outcome)), listed="no"))
                return
            more = f"after {left_out} more refusals that are not listed" if left_out else ""
            detail = "; ".join(filter(None, (detail, more)))
        line = self._append(act, detail, outcome)
        if line is not None:
            log.info(event("audit", **for_people(line)))
        else:
            log.info(event("audit", **for_people(said(act, detail, outcome)), listed="no"))
        await self.write()

    def _refused(self, act: Act) -> int | None:
        """How many were left out before this refusal, None when it is to be left out, too."""
        key = f"{act.who} {act.caller.how if act.caller else ''}"
        seen = self._refusals.setdefault(key, _Refusals(act.at))
        left_out = 0
        if not 0 <= act.at - seen.since < NEW_AGAIN_SECONDS:
            left_out = max(0, seen.count - MOST_REFUSED)
            seen.since, seen.count = act.at, 0
        seen.count += 1
        if len(self._refusals) > MOST_ADDRESSES:
            self._refusals.popitem(last=False)
        return None if seen.count > MOST_REFUSED else left_out

    def _append(self, act: Act, detail: str, outcome: str) -> Line | None:
        """The next line, None where there is no room for one."""
        if len(self._unwritten) >= MOST_UNWRITTEN:
            self._lost += 1
            return None
        line = sealed_line(said(act, detail, outcome), self._last + 1, self._hash)
        self._last, self._hash = line["number"], line["hash"]
        self._recent.append(line)
        self._unwritten.append(line)
        return line

    async def note_call(self, address: str, who: str = ADMIN) -> None:
        """Note that a credential is used from an address: once a day for each."""
        key, now = (who, address), wall_seconds()
        before = self._seen.get(key)
        if before is None or now - before >= NEW_AGAIN_SECONDS:
            self._seen[key] = now
            if len(self._seen) > MOST_ADDRESSES:
                self._seen.popitem(last=False)
            await self.note(Act(FIRST_CALL, who, address))

    async def _again(self) -> None:
        """Write what could not be written."""
        if self._unwritten:
            await self.write()

    async def write(self) -> None:
        """Write what is not written; whoever waits for it may give up, and it is written still."""
        await asyncio.shield(start(self._write(), "audit-write"))

    async def _write(self) -> None:
        async with self._one:
            lines = tuple(self._unwritten)
            try:
                if lines:
                    await self._file.append(lines)
            except OSError as error:
                waiting = len(self._unwritten) + self._lost
                reason = reason_of(error)
                self.problem = f"{waiting} audit entries are not written: {reason}"
                log.warning(event("audit entries are not written", reason=reason))
            else:
                for _ in lines:
                    self._unwritten.popleft()
                self.problem = ""
                self._tell_lost()

    def _tell_lost(self) -> None:
        """There is room again: say what had none. It is written with the next, or by the loop."""
        if self._lost:
            detail = f"{self._lost} entries had no room in memory while the disk took none"
            self._lost = 0
            self._append(Act("audit lost", "controller", ""), detail, DONE)
