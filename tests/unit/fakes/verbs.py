"""The verbs of fedctl over the API in one process: they are synchronous, and run in a thread."""

import asyncio
import http.client
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, TypeVar

from aiohttp.test_utils import TestServer

from federation.cli.io import IO
from federation.cli.objects.session import Session
from federation.client.objects import Kept, Objects
from federation.model.errors import Failed
from tests.unit.fakes.api_world import TOKEN, ApiWorld, api_world

Json = dict[str, Any]
Result = TypeVar("Result")


@dataclass(slots=True)
class PlainOpener:
    """Opens answers without TLS; counts what is asked, and answers of `before` come first."""

    port: int
    asked: list[str] = field(default_factory=list)
    before: Callable[[str, str], None] = lambda method, path: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def opened(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Iterator[http.client.HTTPResponse]:
        self.asked.append(f"{method} {path}")
        self.before(method, path)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            known = {**headers, "Authorization": f"Bearer {TOKEN}"}
            connection.request(method, path, data, known)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:  # as `Client` does
            raise Failed(f"cannot be reached: {type(error).__name__}") from error
        finally:
            connection.close()


class MemoryCache:
    """Keeps documents of discovery."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}

    def load(self, url: str) -> dict[str, Kept]:
        return dict(self.kept)

    def store(self, url: str, documents: dict[str, Kept]) -> None:
        self.kept = documents


class EnoughError(Exception):
    """Ends a watch."""


class Clock:
    """A clock that goes on only while somebody sleeps; what is in `during` happens meanwhile."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sleeps: list[float] = []
        self.during: list[Callable[[], None]] = []
        self.has_ended = False

    def sleep(self, seconds: float) -> None:
        if self.has_ended:
            raise EnoughError
        self.sleeps.append(seconds)
        self.time += seconds
        if self.during:
            self.during.pop(0)()

    def now(self) -> float:
        return self.time


@dataclass(slots=True)
class Verbs:
    """A session over a world, and what a command wrote."""

    world: ApiWorld
    opener: PlainOpener
    cache: MemoryCache
    clock: Clock
    out: StringIO = field(default_factory=StringIO)
    err: StringIO = field(default_factory=StringIO)

    @property
    def io(self) -> IO:
        return IO(self.out, self.err, is_terminal=False)

    def session(self, namespace: str = "") -> Session:
        """A new one, as each command has its own."""
        objects = Objects(self.opener, self.clock.sleep)
        return Session(objects, self.cache, self.clock.sleep, self.clock.now, namespace)

    async def run(self, command: Callable[[Any, IO], Result], options: Any) -> Result:
        """Run a command; afterwards `out` and `err` hold what it alone wrote."""
        self.out, self.err = StringIO(), StringIO()
        return await asyncio.to_thread(command, options, self.io)

    def cut(self) -> bool:
        """Cut all connections; False, for those who wait for what follows."""
        server = self.world.client.server
        assert isinstance(server, TestServer)
        assert server.runner is not None
        assert server.runner.server is not None
        for one in list(server.runner.server.connections):
            if one.transport is not None:  # else it is gone already
                one.transport.abort()
        return False

    async def end(self, watch: "asyncio.Task[Any]") -> None:
        """End a watch: it is cut, and does not begin again."""

        self.clock.has_ended = True
        self.cut()
        with suppress(EnoughError):
            await watch

    async def until(self, passes: Callable[[], bool]) -> None:
        """Wait for what a thread does."""
        async with asyncio.timeout(5):
            while not passes():  # noqa: ASYNC110 - threads set no events of a loop
                await asyncio.sleep(0.005)

    async def watched(self, times: int = 1) -> None:
        """Wait until so many watches were begun."""
        await self.until(lambda: sum("watch=true" in one for one in self.opener.asked) >= times)

    def shown(self) -> list[str]:
        """The lines of the result."""
        return self.out.getvalue().splitlines()

    async def put(self, plural: str, name: str, spec: Json | None = None, **metadata: Any) -> Json:
        """Have an object in the world, in namespace shop where its kind is in one."""
        within = "" if plural in ("namespaces", "applysets") else "namespaces/shop/"
        root = "/api/v1" if plural == "namespaces" else "/apis/fedmesh.dev/v1alpha1"
        body = {"metadata": {"name": name, **metadata}, **({"spec": spec} if spec else {})}
        status, found = await self.world.ask("POST", f"{root}/{within}{plural}", body)
        assert status == 201, found
        made: Json = found
        return made


@asynccontextmanager
async def verbs() -> AsyncIterator[Verbs]:
    """A world that can be asked by commands."""
    async with api_world() as world:
        port = world.client.server.port
        assert port is not None
        made = Verbs(world, PlainOpener(port), MemoryCache(), Clock())
        try:
            yield made
        finally:  # also when a test has failed, or its thread would go on
            made.clock.has_ended = True
            made.cut()
