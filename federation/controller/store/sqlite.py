"""The embedded store: one SQLite file in WAL mode, used from one thread of its own.

One process at a time has it, by the lock of its state folder: leases are for others who would share
a store, and watching needs to hear of writes in this process only.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from federation.controller.store.store import Changed, Entry, Listing, Row
from federation.model.errors import Conflict, Failed, NotReady
from federation.runtime.files import write_private

KEPT_CHANGES = 10_000
"""How many changes can still be watched from."""
_WATCHED_AT_ONCE = 500

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS intent
    (key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS changes
    (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB) STRICT;
CREATE TABLE IF NOT EXISTS leases
    (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS reports
    (cluster TEXT, type TEXT, name TEXT, body BLOB NOT NULL, first_seen INTEGER NOT NULL,
     PRIMARY KEY (cluster, type, name)) STRICT;
"""
_Result = TypeVar("_Result")


class SqliteStore:
    """See `federation.controller.store.store.Store`."""

    def __init__(self, database: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._database = database
        self._thread = thread
        self._epoch = ""
        self._watchers: set[asyncio.Event] = set()

    @property
    def epoch(self) -> str:
        """See Store."""
        return self._epoch

    async def _run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        def in_transaction() -> _Result:
            with self._database:
                return work(self._database)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, in_transaction)
        except sqlite3.Error as error:
            raise Failed(f"the controller's store cannot be used: {error}") from error

    async def open(self, new_epoch: str) -> None:
        """Prepare the tables; a store that is new takes `new_epoch`."""

        def work(database: sqlite3.Connection) -> str:
            database.executescript(_SCHEMA)
            database.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (new_epoch,))
            found = database.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
            return str(found[0])

        self._epoch = await self._run(work)

    async def read(self, key: str) -> Entry | None:
        """See Store."""
        query = "SELECT value, revision FROM intent WHERE key = ?"
        row = await self._run(lambda database: database.execute(query, (key,)).fetchone())
        return Entry(bytes(row[0]), int(row[1])) if row else None

    async def read_all(self, prefix: str) -> Listing:
        """See Store."""
        query = "SELECT key, value, revision FROM intent WHERE substr(key, 1, ?) = ? ORDER BY key"

        def work(database: sqlite3.Connection) -> Listing:
            rows = database.execute(query, (len(prefix), prefix)).fetchall()
            entries = {str(key): Entry(bytes(value), int(rev)) for key, value, rev in rows}
            return Listing(entries, _revision(database))

        return await self._run(work)

    async def write(self, key: str, value: bytes, expected: int) -> int:
        """See Store."""

        def work(database: sqlite3.Connection) -> int:
            _expect(database, key, expected)
            revision = _changed(database, key, value)
            database.execute(
                "INSERT INTO intent VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE "
                "SET value = excluded.value, revision = excluded.revision",
                (key, value, revision),
            )
            return revision

        return self._told(await self._run(work))

    async def delete(self, key: str, expected: int) -> int:
        """See Store."""

        def work(database: sqlite3.Connection) -> int:
            if not _expect(database, key, expected):
                raise Conflict(f"{key} cannot be deleted, since it is not there")
            database.execute("DELETE FROM intent WHERE key = ?", (key,))
            return _changed(database, key, None)

        return self._told(await self._run(work))

    def _told(self, revision: int) -> int:
        for watcher in self._watchers:
            watcher.set()
        return revision

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Changed]:
        """See Store."""
        wake = asyncio.Event()
        self._watchers.add(wake)
        try:
            while True:
                wake.clear()
                found = await self._run(partial(_changes, after=after))
                for change in found:
                    after = change.revision
                    if change.key.startswith(prefix):
                        yield change
                if not found:
                    await wake.wait()
        finally:
            self._watchers.discard(wake)

    async def hold(self, name: str, holder: str, seconds: float, now: float) -> str:
        """See Store."""

        def work(database: sqlite3.Connection) -> str:
            database.execute(
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
                "SET holder = excluded.holder, until = excluded.until "
                "WHERE holder = excluded.holder OR until <= ?",
                (name, holder, now + seconds, now),
            )
            row = database.execute("SELECT holder FROM leases WHERE name = ?", (name,)).fetchone()
            return str(row[0])

        return await self._run(work)

    async def release(self, name: str, holder: str) -> None:
        """See Store."""
        query = "DELETE FROM leases WHERE name = ? AND holder = ?"
        await self._run(lambda database: database.execute(query, (name, holder)).close())

    async def reserve_revisions(self, count: int) -> int:
        """See Store."""
        last = await self._run(lambda database: _next(database, "fact-revision", count))
        return last - count + 1

    async def load_reports(self) -> tuple[Row, ...]:
        """See Store."""
        query = "SELECT cluster, type, name, body, first_seen FROM reports"
        rows = await self._run(lambda database: database.execute(query).fetchall())
        return tuple(Row(c, t, n, bytes(body), int(seen)) for c, t, n, body, seen in rows)

    async def save_reports(self, rows: Iterable[Row]) -> None:
        """See Store."""
        batch = tuple(rows)

        def work(database: sqlite3.Connection) -> None:
            for row in batch:
                key = (row.cluster, row.type_url, row.name)
                if row.body is None:
                    database.execute(
                        "DELETE FROM reports WHERE cluster = ? AND type = ? AND name = ?", key
                    )
                else:
                    database.execute(
                        "INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?, ?)",
                        (*key, row.body, row.first_seen),
                    )

        await self._run(work)

    async def snapshot(self) -> bytes:
        """See Store. By SQLite's backup, which sees one moment whatever is being written."""

        def work() -> bytes:
            with contextlib.closing(sqlite3.connect(":memory:")) as copy:
                self._database.backup(copy)
                return copy.serialize()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise Failed(f"the controller's store cannot be copied: {error}") from error


def _expect(database: sqlite3.Connection, key: str, expected: int) -> int:
    """The revision of the entry, 0 when there is none; raises Conflict when it is another one."""
    row = database.execute("SELECT revision FROM intent WHERE key = ?", (key,)).fetchone()
    found = int(row[0]) if row else 0
    if found != expected:
        raise Conflict(f"{key} was changed by someone else in between: try again")
    return found


def _changed(database: sqlite3.Connection, key: str, value: bytes | None) -> int:
    """Note a change under the next revision, for those who watch."""
    revision = _next(database, "intent-revision", 1)
    database.execute("INSERT INTO changes VALUES (?, ?, ?)", (revision, key, value))
    database.execute("DELETE FROM changes WHERE revision <= ?", (revision - KEPT_CHANGES,))
    return revision


def _changes(database: sqlite3.Connection, after: int) -> list[Changed]:
    """The next changes after a revision; raises NotReady when some of them are not kept."""
    (oldest,) = database.execute("SELECT MIN(revision) FROM changes").fetchone()
    if after < (_revision(database) if oldest is None else oldest - 1):
        raise NotReady(f"changes after revision {after} are not kept any more: read all again")
    query = "SELECT key, value, revision FROM changes WHERE revision > ? ORDER BY revision LIMIT ?"
    rows = database.execute(query, (after, _WATCHED_AT_ONCE)).fetchall()
    return [
        Changed(str(key), None if value is None else bytes(value), int(revision))
        for key, value, revision in rows
    ]


def _revision(database: sqlite3.Connection) -> int:
    query = "SELECT value FROM meta WHERE name = 'intent-revision'"
    row = database.execute(query).fetchone()
    return int(row[0]) if row else 0


def _next(database: sqlite3.Connection, name: str, count: int) -> int:
    database.execute("INSERT OR IGNORE INTO meta VALUES (?, '0')", (name,))
    database.execute(
        "UPDATE meta SET value = CAST(value AS INTEGER) + ? WHERE name = ?", (count, name)
    )
    row = database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return int(row[0])


def _connect(path: Path) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(path, check_same_thread=False, isolation_level="IMMEDIATE")
        path.chmod(0o600)
    except (sqlite3.Error, OSError) as error:
        raise Failed(f"the controller's store {path} cannot be opened: {error}") from error
    return database


def take_back(path: Path, snapshot: bytes, epoch: str) -> None:
    """Put a snapshot at `path`, with which a new life of the store begins; raises Failed."""
    write_private(path, snapshot)
    try:
        with contextlib.closing(_connect(path)) as database, database:
            database.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
            database.execute("DELETE FROM leases")
    except sqlite3.Error as error:
        raise Failed(f"the controller's store {path} cannot be used: {error}") from error


@asynccontextmanager
async def open_store(path: Path, new_epoch: str) -> AsyncIterator[SqliteStore]:
    """The store in the file at `path`, made when missing; raises Failed."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="store")
    try:
        database = _connect(path)
        with contextlib.closing(database):
            store = SqliteStore(database, thread)
            await store.open(new_epoch)
            yield store
    finally:
        thread.shutdown()
