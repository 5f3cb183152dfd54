"""The Kubernetes-style API over objects in memory, asked over HTTP in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import TCPConnector
from aiohttp.test_utils import TestClient, TestServer

from federation.api.kind import ApiKind
from federation.api.kinds import APPLY_SET, EVENT, GATEWAY, KINDS, NAMESPACE, TRAFFIC_POLICY
from federation.apiserver.collection import Collection, Held, Revisions, key_of
from federation.apiserver.connection_guard import ConnectionGuard
from federation.apiserver.described import described
from federation.apiserver.kubernetes import KubernetesApi
from federation.apiserver.resource import Resource
from federation.apiserver.reviews import Reviews
from federation.apiserver.server import make_api
from federation.model.errors import Conflict
from tests.unit.fakes.let_in import NoNotes, parts
from tests.unit.federation.apiserver.test_apiserver_server import FakeApplication

Json = dict[str, Any]
TOKEN = "t" * 40


class MemoryStorage:
    """A `Storage` whose writes are seen at once; `between` runs before a write is judged."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._revision = 0
        self.between: list[Json] = []

    async def write(self, found: Json, before: Held | None) -> None:
        if self.between:
            self._put(self.between.pop())
        now = self._collection.get(*key_of(found))
        if (now.stored if now else 0) != (before.stored if before else 0):
            raise Conflict("somebody else wrote in between")
        self._put(found)

    def _put(self, found: Json) -> None:
        self._revision += 1
        self._collection.put(found, self._revision)

    async def delete(self, held: Held) -> None:
        self._collection.remove(*key_of(held.object))


class ApiWorld:
    """A client, and what it reaches."""

    kubernetes: KubernetesApi

    def __init__(self, client: TestClient[Any, Any], of: dict[ApiKind, Collection]) -> None:
        self.client = client
        self.of = of
        self.storages: dict[ApiKind, MemoryStorage] = {}
        self.gate = NoNotes()

    def kind(self, name: str) -> ApiKind:
        """One of the kinds that there are."""
        return next(kind for kind in self.of if kind.kind == name)

    async def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """The status and the JSON of an answer; names of headers have `_` for `-`."""
        shown = {"Authorization": f"Bearer {TOKEN}"}
        shown |= {name.replace("_", "-"): value for name, value in headers.items()}
        what = {"data": body} if isinstance(body, bytes) else {"json": body}
        if body is None:
            what = {}
        async with self.client.request(method, path, headers=shown, **what) as answer:
            self.headers = answer.headers
            return answer.status, await answer.json(content_type=None)


@asynccontextmanager
async def api_world() -> AsyncIterator[ApiWorld]:
    """Policies, applysets, namespaces that can be written; gateways and events that cannot."""
    revisions = Revisions(1_000)
    kinds = (TRAFFIC_POLICY, APPLY_SET, NAMESPACE, GATEWAY, EVENT)
    of = {kind: Collection(kind, revisions) for kind in kinds}
    storages = {kind: MemoryStorage(of[kind]) for kind in kinds if "create" in kind.verbs}
    resources = [Resource(of[kind], storages.get(kind)) for kind in kinds]
    gate = NoNotes()
    kubernetes = KubernetesApi(
        resources, described(KINDS), Reviews(lambda caller, namespace: {"incomplete": False}), gate
    )
    api = make_api(parts(FakeApplication(), TOKEN, kubernetes), ConnectionGuard())
    connector = TCPConnector(force_close=True)  # so that a test can cut all that are open
    async with TestClient(TestServer(api), connector=connector) as client:
        world = ApiWorld(client, of)
        world.storages, world.gate, world.kubernetes = storages, gate, kubernetes
        yield world
