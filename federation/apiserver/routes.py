"""The calls of the API: which path asks what of the controller, and how a body is read.

In: requests that `federation.apiserver.server` has let in. Out: calls of an `Application`, which is
the controller's part, and its answers as JSON.
"""

from typing import Any, Protocol

from aiohttp import web

from federation.apiserver.bodies import object_of, read_json
from federation.apiserver.statuses import StatusError
from federation.model.errors import InvalidInput, shown

_MOST_DIGITS = 15

Json = dict[str, Any]


class Application(Protocol):
    """What the API can ask of the controller; all raise FedmeshError.

    `peer` is the address of who asks.
    """

    def is_ready(self) -> bool: ...

    def root_pem(self) -> bytes: ...

    async def join(self, body: Json, peer: str) -> Json: ...

    async def clusters(self) -> Json: ...

    async def put_cluster(self, cluster: str, body: Json, peer: str) -> Json: ...
    async def patch_cluster(self, cluster: str, body: Json, peer: str) -> Json: ...

    async def delete_cluster(self, cluster: str, peer: str) -> Json: ...

    async def trust(self) -> Json: ...

    async def revoke(self, cluster: str, peer: str) -> Json: ...

    async def rekey(self, cluster: str, peer: str) -> Json: ...

    async def confirm_cluster(self, cluster: str, peer: str) -> Json: ...

    async def mint_join_token(self, body: Json, peer: str) -> Json: ...

    async def join_tokens(self) -> Json: ...

    async def revoke_join_token(self, id: str, peer: str) -> Json: ...

    async def audit(self, after: int, before: int, limit: int) -> Json: ...

    async def note_call(self, peer: str, how: str) -> None: ...

    async def backup(self, body: Json, peer: str) -> bytes: ...

    async def services(self) -> Json: ...

    async def status(self) -> Json: ...


def all_routes(application: Application) -> list[web.RouteDef]:
    """Every path, with what it asks."""
    return [
        *_routes(application),
        *_token_routes(application),
        *_cluster_routes(application),
        *_trust_routes(application),
    ]


def _routes(application: Application) -> list[web.RouteDef]:
    async def healthz(_: web.Request) -> web.Response:
        is_ready = application.is_ready()
        return web.Response(text="ok\n" if is_ready else "no\n", status=200 if is_ready else 503)

    async def root(_: web.Request) -> web.Response:
        return web.Response(body=application.root_pem(), content_type="application/x-pem-file")

    async def join(request: web.Request) -> web.Response:
        return web.json_response(await application.join(await _body(request), peer_of(request)))

    async def audit(request: web.Request) -> web.Response:
        numbers = [_number(request, name) for name in ("after", "before", "limit")]
        return web.json_response(await application.audit(*numbers))

    async def backup(request: web.Request) -> web.Response:
        body = await application.backup(await _body(request), peer_of(request))
        return web.Response(body=body)

    async def services(_: web.Request) -> web.Response:
        return web.json_response(await application.services())

    async def status(_: web.Request) -> web.Response:
        return web.json_response(await application.status())

    return [
        web.get("/healthz", healthz),
        web.get("/v1/trust/root", root),
        web.post("/v1/join", join),
        web.get("/v1/audit", audit),
        web.post("/v1/backup", backup),
        web.get("/v1/services", services),
        web.get("/v1/status", status),
    ]


def _token_routes(application: Application) -> list[web.RouteDef]:
    async def made(_: web.Request) -> web.Response:
        return web.json_response(await application.join_tokens())

    async def make(request: web.Request) -> web.Response:
        answer = await application.mint_join_token(await _body(request), peer_of(request))
        return web.json_response(answer)

    async def revoke(request: web.Request) -> web.Response:
        id = request.match_info["id"]
        return web.json_response(await application.revoke_join_token(id, peer_of(request)))

    return [
        web.get("/v1/join-tokens", made),
        web.post("/v1/join-tokens", make),
        web.delete("/v1/join-tokens/{id}", revoke),
    ]


def _cluster_routes(application: Application) -> list[web.RouteDef]:
    async def clusters(_: web.Request) -> web.Response:
        return web.json_response(await application.clusters())

    async def put_cluster(request: web.Request) -> web.Response:
        cluster, body = _cluster(request), await _body(request)
        return web.json_response(await application.put_cluster(cluster, body, peer_of(request)))

    async def patch_cluster(request: web.Request) -> web.Response:
        cluster, body = _cluster(request), await _body(request)
        return web.json_response(await application.patch_cluster(cluster, body, peer_of(request)))

    async def delete_cluster(request: web.Request) -> web.Response:
        answer = await application.delete_cluster(_cluster(request), peer_of(request))
        return web.json_response(answer)

    async def confirm(request: web.Request) -> web.Response:
        answer = await application.confirm_cluster(_cluster(request), peer_of(request))
        return web.json_response(answer)

    return [
        web.get("/v1/clusters", clusters),
        web.put("/v1/clusters/{cluster}", put_cluster),
        web.patch("/v1/clusters/{cluster}", patch_cluster),
        web.delete("/v1/clusters/{cluster}", delete_cluster),
        web.post("/v1/clusters/{cluster}/confirm", confirm),
    ]


def _trust_routes(application: Application) -> list[web.RouteDef]:
    async def trust(_: web.Request) -> web.Response:
        return web.json_response(await application.trust())

    async def revoke(request: web.Request) -> web.Response:
        return web.json_response(await application.revoke(_cluster(request), peer_of(request)))

    async def rekey(request: web.Request) -> web.Response:
        return web.json_response(await application.rekey(_cluster(request), peer_of(request)))

    return [
        web.get("/v1/trust", trust),
        web.post("/v1/trust/{cluster}/revoke", revoke),
        web.post("/v1/trust/{cluster}/rekey", rekey),
    ]


def _cluster(request: web.Request) -> str:
    return request.match_info["cluster"]


def _number(request: web.Request, name: str) -> int:
    """A whole number of the query, 0 where it is not there."""
    text = request.query.get(name, "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise InvalidInput(f"{name} is {shown(text)}, but must be a whole number")
    return int(text)


def peer_of(request: web.Request) -> str:
    """The address of who asks."""
    return request.remote or ""


async def _body(request: web.Request) -> Json:
    """The body, judged as those of objects are; raises InvalidInput."""
    where = f"body of {request.method} {request.path}"
    try:
        return object_of(read_json(await request.read())[0])
    except StatusError as error:
        raise InvalidInput(f"{where}: {error}") from error
