"""The HTTPS API for people and pipelines: JSON in, JSON out, a bearer token on every call.

Three paths need no token: the health probe, the root certificate (pinned by its hash in join
tokens) and joining (which brings a token of its own). What the calls do is the controller's part,
given as an `Application`.
"""

import asyncio
import hmac
import logging
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import web

from federation.apiserver.connection_guard import SETTINGS, Door, source_of
from federation.apiserver.listening import listen
from federation.apiserver.rate_limit import MOST_SECONDS, Strangers
from federation.apiserver.unparsed import http_logger
from federation.model.errors import Busy, Denied, FedmeshError, InvalidInput
from federation.runtime.limited_log import RefusalLog
from federation.wire.rpc.channel import Identity

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 64
_OPEN_PATHS = frozenset({"/healthz", "/v1/trust/root", "/v1/join"})

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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

    async def audit(self) -> Json: ...

    async def note_call(self, peer: str) -> None: ...

    async def backup(self, body: Json, peer: str) -> bytes: ...

    async def services(self) -> Json: ...

    async def status(self) -> Json: ...


def make_api(application: Application, admin_token: str, door: Door) -> web.Application:
    """The API as an aiohttp application; `serve_api` has it listen behind the same door."""
    if not admin_token:
        raise InvalidInput("the API's token is empty: nobody could be told from a stranger")
    refused, strangers = RefusalLog(log), Strangers()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            is_known = _has_token(request, admin_token)
            if not is_known:
                await _wait_for_turn(request, strangers)
            if request.path not in _OPEN_PATHS:
                if not is_known:
                    raise Denied("the bearer token is missing or wrong: check token_file of fedctl")
                await application.note_call(_peer(request))
            await request.read()
            door.answer(request.protocol)
            return await handler(request)
        except FedmeshError as error:
            if isinstance(error, Denied):
                refused.say("call refused", path=request.path, peer=request.remote, reason=error)
            said = {"error": {"message": str(error)}}
            return web.json_response(said, status=error.http_status)
        except ConnectionError:
            return web.Response(status=400)  # nobody is there any more to read it
        except web.HTTPException as error:
            message = f"{request.method} {request.path}: {error.reason}"
            return web.json_response({"error": {"message": message}}, status=error.status)
        finally:
            door.wait(request.protocol)

    api = web.Application(middlewares=[guard], client_max_size=MAX_BODY_BYTES)
    api.add_routes(_routes(application))
    api.add_routes(_token_routes(application))
    api.add_routes(_cluster_routes(application))
    api.add_routes(_trust_routes(application))
    return api


def _has_token(request: web.Request, admin_token: str) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    shown = token.encode(errors="surrogateescape")  # a header may hold any bytes
    is_right = hmac.compare_digest(shown, admin_token.encode())
    return is_right and bool(shown) and scheme.lower() == "bearer"


async def _wait_for_turn(request: web.Request, strangers: Strangers) -> None:
    """Raises Busy when the turn does not come in time, ConnectionError when nobody waits for it."""
    now = asyncio.get_running_loop().time()
    seconds = strangers.turn(source_of(request.remote or ""), now)
    await asyncio.sleep(MOST_SECONDS if seconds is None else seconds)
    if request.transport is None:
        raise ConnectionError
    if seconds is None:
        raise Busy("too many requests without a token come from this address: try again later")


def _routes(application: Application) -> list[web.RouteDef]:
    async def healthz(_: web.Request) -> web.Response:
        is_ready = application.is_ready()
        return web.Response(text="ok\n" if is_ready else "no\n", status=200 if is_ready else 503)

    async def root(_: web.Request) -> web.Response:
        return web.Response(body=application.root_pem(), content_type="application/x-pem-file")

    async def join(request: web.Request) -> web.Response:
        return web.json_response(await application.join(await _body(request), _peer(request)))

    async def audit(_: web.Request) -> web.Response:
        return web.json_response(await application.audit())

    async def backup(request: web.Request) -> web.Response:
        body = await application.backup(await _body(request), _peer(request))
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
        answer = await application.mint_join_token(await _body(request), _peer(request))
        return web.json_response(answer)

    async def revoke(request: web.Request) -> web.Response:
        id = request.match_info["id"]
        return web.json_response(await application.revoke_join_token(id, _peer(request)))

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
        return web.json_response(await application.put_cluster(cluster, body, _peer(request)))

    async def patch_cluster(request: web.Request) -> web.Response:
        cluster, body = _cluster(request), await _body(request)
        return web.json_response(await application.patch_cluster(cluster, body, _peer(request)))

    async def delete_cluster(request: web.Request) -> web.Response:
        answer = await application.delete_cluster(_cluster(request), _peer(request))
        return web.json_response(answer)

    async def confirm(request: web.Request) -> web.Response:
        answer = await application.confirm_cluster(_cluster(request), _peer(request))
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
        return web.json_response(await application.revoke(_cluster(request), _peer(request)))

    async def rekey(request: web.Request) -> web.Response:
        return web.json_response(await application.rekey(_cluster(request), _peer(request)))

    return [
        web.get("/v1/trust", trust),
        web.post("/v1/trust/{cluster}/revoke", revoke),
        web.post("/v1/trust/{cluster}/rekey", rekey),
    ]


def _cluster(request: web.Request) -> str:
    return request.match_info["cluster"]


def _peer(request: web.Request) -> str:
    return request.remote or ""


async def _body(request: web.Request) -> Json:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"body of {request.method} {request.path} is not JSON") from error
    if not isinstance(body, dict):
        raise InvalidInput(f"body of {request.method} {request.path} must be a JSON object")
    if _is_deep(body):  # before anybody walks it who calls himself for each level
        raise InvalidInput(
            f"body of {request.method} {request.path} is nested deeper than {MAX_DEPTH} levels"
        )
    return body


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for found in level
            if isinstance(found, dict | list)
            for child in (found.values() if isinstance(found, dict) else found)
        ]
    return bool(level)


@asynccontextmanager
async def serve_api(
    api: web.Application, door: Door, host: str, port: int, context: ssl.SSLContext
) -> AsyncIterator[None]:
    """Serve the API behind its door while the context lasts; raises Failed."""
    runner = web.AppRunner(api, access_log=None, logger=http_logger(log), **SETTINGS)
    await runner.setup()
    try:
        assert runner.server is not None  # noqa: S101 - after setup there is one
        async with listen(host, port, door, runner.server, context):
            yield
    finally:
        await runner.cleanup()


def tls_context(identity: Identity) -> ssl.SSLContext:
    """TLS 1.3 (and 1.2) of a server that shows this key and chain."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    show(context, identity)
    return context


def show(context: ssl.SSLContext, identity: Identity) -> None:
    """Show another key and chain from the next connection on.

    The library reads them from files only: this one lies in memory, and nowhere on a disk.
    """
    handle = os.memfd_create("api", os.MFD_CLOEXEC)
    try:
        os.write(handle, identity.key + identity.chain)
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
