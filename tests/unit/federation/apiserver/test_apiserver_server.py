"""Every call but three needs the admin's token, and every mistake is answered in one sentence."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from federation.apiserver.connection_guard import ConnectionGuard
from federation.apiserver.patching.values import MAX_DEPTH
from federation.apiserver.server import MAX_BODY_BYTES, make_api
from federation.model.errors import Conflict, Denied, FedmeshError, InvalidInput, NotReady
from tests.unit.fakes.let_in import parts

TOKEN = "the-admin-token"
RIGHT = {"authorization": f"Bearer {TOKEN}"}
Json = dict[str, Any]


class FakeApplication:
    """Answers everything with what it was asked; raises `error` when there is one."""

    def __init__(self) -> None:
        self.error: FedmeshError | None = None
        self.called_from: list[str] = []

    def _answer(self, **said: Any) -> Json:
        if self.error is not None:
            raise self.error
        return said

    def is_ready(self) -> bool:
        return True

    def root_pem(self) -> bytes:
        return b"PEM"

    async def join(self, body: Json, peer: str) -> Json:
        return self._answer(body=body, peer=peer)

    async def clusters(self) -> Json:
        return self._answer(items=[])

    async def put_cluster(self, cluster: str, body: Json, peer: str) -> Json:
        return self._answer(cluster=cluster, body=body, peer=peer)

    async def patch_cluster(self, cluster: str, body: Json, peer: str) -> Json:
        return self._answer(patched=cluster, body=body, peer=peer)

    async def delete_cluster(self, cluster: str, peer: str) -> Json:
        return self._answer(deleted=cluster, peer=peer)

    async def trust(self) -> Json:
        return self._answer(root={})

    async def revoke(self, cluster: str, peer: str) -> Json:
        return self._answer(revoked=cluster, peer=peer)

    async def rekey(self, cluster: str, peer: str) -> Json:
        return self._answer(rekeyed=cluster, peer=peer)

    async def confirm_cluster(self, cluster: str, peer: str) -> Json:
        return self._answer(confirmed=cluster, peer=peer)

    async def mint_join_token(self, body: Json, peer: str) -> Json:
        return self._answer(body=body, peer=peer)

    async def join_tokens(self) -> Json:
        return self._answer(items=["token"])

    async def revoke_join_token(self, id: str, peer: str) -> Json:
        return self._answer(void=id, peer=peer)

    async def audit(self, after: int, before: int, limit: int) -> Json:
        return self._answer(items=["entry", after, before, limit])

    async def note_call(self, peer: str, how: str) -> None:
        self.called_from.append(peer)

    async def backup(self, body: Json, peer: str) -> bytes:
        return repr(self._answer(body=body, peer=peer)).encode()

    async def services(self) -> Json:
        return self._answer(items=[])

    async def status(self) -> Json:
        return self._answer(epoch="e")


class World:
    def __init__(self, client: Any, application: FakeApplication) -> None:
        self.client = client
        self.application = application

    async def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **what: Any
    ) -> tuple[int, str]:
        shown = RIGHT if headers is None else headers
        async with self.client.request(method, path, headers=shown, **what) as answer:
            return answer.status, await answer.text()


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    application = FakeApplication()
    async with TestClient(
        TestServer(make_api(parts(application, TOKEN), ConnectionGuard()))
    ) as client:
        yield World(client, application)


PROTECTED = [
    ("GET", "/v1/clusters"),
    ("PUT", "/v1/clusters/east"),
    ("PATCH", "/v1/clusters/east"),
    ("POST", "/v1/clusters/east/confirm"),
    ("DELETE", "/v1/clusters/east"),
    ("GET", "/v1/trust"),
    ("POST", "/v1/trust/east/revoke"),
    ("POST", "/v1/trust/east/rekey"),
    ("GET", "/v1/join-tokens"),
    ("POST", "/v1/join-tokens"),
    ("DELETE", "/v1/join-tokens/1234"),
    ("GET", "/v1/audit"),
    ("POST", "/v1/backup"),
    ("GET", "/v1/services"),
    ("GET", "/v1/status"),
    ("GET", "/v1/nothing"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer \udcff\udcfe"},
        {"authorization": "Bearer ü"},
    ],
)
async def test_without_the_token_nothing_is_told(
    world: World, method: str, path: str, shown: dict[str, str]
) -> None:
    status, text = await world.ask(method, path, shown, json={})
    assert status == 401
    assert "token" in text
    assert world.application.called_from == []


async def test_a_backup_is_bytes(world: World) -> None:
    status, text = await world.ask("POST", "/v1/backup", json={"passphrase": "words"})
    assert (status, text) == (
        200,
        "{'body': {'passphrase': 'words'}, 'peer': '127.0.0.1'}",
    )


async def test_the_token_opens_what_is_there(world: World) -> None:
    assert await world.ask("GET", "/v1/clusters") == (200, '{"items": []}')
    confirmed = await world.ask("POST", "/v1/clusters/east/confirm")
    assert confirmed == (200, '{"confirmed": "east", "peer": "127.0.0.1"}')
    status, text = await world.ask("PUT", "/v1/clusters/east", json={"kind": "Cluster"})
    assert status == 200
    assert "east" in text


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("PUT", "/v1/clusters/east", '"cluster": "east", "body": {}'),
        ("PATCH", "/v1/clusters/east", '"patched": "east", "body": {}'),
        ("DELETE", "/v1/clusters/east", '"deleted": "east"'),
        ("POST", "/v1/trust/east/revoke", '"revoked": "east"'),
        ("POST", "/v1/trust/east/rekey", '"rekeyed": "east"'),
        ("POST", "/v1/join", '"body": {}'),
        ("POST", "/v1/join-tokens", '"body": {}'),
        ("DELETE", "/v1/join-tokens/1234", '"void": "1234"'),
    ],
)
async def test_whatever_changes_something_is_told_from_where_it_is_asked(
    world: World, method: str, path: str, said: str
) -> None:
    answered = await world.ask(method, path, json={})
    assert answered == (200, f'{{{said}, "peer": "127.0.0.1"}}')


async def test_tokens_and_the_audit_log_can_be_read(world: World) -> None:
    assert await world.ask("GET", "/v1/join-tokens") == (200, '{"items": ["token"]}')
    assert await world.ask("GET", "/v1/audit") == (200, '{"items": ["entry", 0, 0, 0]}')
    asked = await world.ask("GET", "/v1/audit?after=7&before=9&limit=3")
    assert asked == (200, '{"items": ["entry", 7, 9, 3]}')
    for wrong in ("after=-1", "limit=x", "before=1e3", f"limit={'9' * 16}", "after=%D9%A1"):
        status, text = await world.ask("GET", f"/v1/audit?{wrong}")
        assert status == 400, wrong
        assert "must be a whole number" in text
    assert world.application.called_from == ["127.0.0.1"] * 8


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/healthz"), ("GET", "/v1/trust/root"), ("POST", "/v1/join")]
)
async def test_three_calls_need_no_token(world: World, method: str, path: str) -> None:
    status, _ = await world.ask(method, path, {}, **({"json": {}} if method == "POST" else {}))
    assert status == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [(InvalidInput("a"), 400), (Denied("b"), 403), (NotReady("c"), 404), (Conflict("d"), 409)],
)
async def test_an_error_is_a_sentence_with_its_status(
    world: World, error: FedmeshError, status: int
) -> None:
    world.application.error = error
    assert await world.ask("GET", "/v1/services") == (
        status,
        f'{{"error": {{"message": "{error}"}}}}',
    )


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_object_is_refused(world: World, body: bytes) -> None:
    status, text = await world.ask("POST", "/v1/join-tokens", data=body)
    assert status == 400
    assert "/v1/join-tokens" in text


async def test_a_body_that_is_nested_too_deep_is_refused(world: World) -> None:
    for levels, status in ((MAX_DEPTH - 1, 200), (MAX_DEPTH, 400), (900, 400), (100_000, 400)):
        body = b'{"a":' + b"[" * (levels - 1) + b"1" + b"]" * (levels - 1) + b"}"
        found, _ = await world.ask("POST", "/v1/join", {}, data=body)
        assert found == status, levels


async def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    status, _ = await world.ask("POST", "/v1/join", {}, data=b" " * (MAX_BODY_BYTES + 1))
    assert status == 413


async def test_an_unknown_path_is_answered_in_one_sentence(world: World) -> None:
    assert await world.ask("GET", "/v2") == (404, '{"error": {"message": "GET /v2: Not Found"}}')


async def test_trust_is_asked_and_changed_by_cluster(world: World) -> None:
    assert await world.ask("GET", "/v1/trust") == (200, '{"root": {}}')
    for method, path, said in (
        ("POST", "/v1/trust/east/revoke", "revoked"),
        ("POST", "/v1/trust/east/rekey", "rekeyed"),
        ("DELETE", "/v1/clusters/east", "deleted"),
    ):
        answered = await world.ask(method, path)
        assert answered == (200, f'{{"{said}": "east", "peer": "127.0.0.1"}}')
