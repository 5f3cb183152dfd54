"""The HTTPS API for people and programs: who asks, whether he may, and which part answers.

What is under /api, /apis, /openapi and /version is Kubernetes-style
(`federation.apiserver.kubernetes`); /v1 has calls that are no objects. Three paths need nobody
known: the health probes, the root certificate (pinned by its hash in join tokens) and joining
(which brings a token of its own).
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from federation.apiserver.access import Attributes, Decision
from federation.apiserver.answers import forbidden, refusal
from federation.apiserver.caller import ASKING, Authenticate, Caller, IsStill
from federation.apiserver.connection_guard import SETTINGS, ConnectionGuard, source_of
from federation.apiserver.impersonation import impersonated
from federation.apiserver.kubernetes import KubernetesApi
from federation.apiserver.listening import listen
from federation.apiserver.rate_limit import MOST_SECONDS, Strangers
from federation.apiserver.routes import Application, all_routes, peer_of
from federation.apiserver.statuses import StatusError
from federation.apiserver.unparsed import http_logger
from federation.apiserver.v1_access import attributes_of
from federation.model.errors import Busy, Denied, Failed, FedmeshError
from federation.runtime.clock import wall_seconds
from federation.runtime.limited_log import LimitedLog
from federation.runtime.logs import event

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 256 * 1024
_OPEN_PATHS = frozenset({"/healthz", "/v1/trust/root", "/v1/join"})
_KUBERNETES = ("/api", "/apis", "/openapi", "/version")
_UNAUTHORIZED = 401
_DAMAGED = StatusError(
    400, "the body of the request is not what its Content-Encoding says, or it ended too early"
)
_OUR_MISTAKE = Failed("the controller made a mistake with this request: its log says which")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access(Protocol):
    """Who may do what."""

    def decide(self, caller: Caller, asked: Attributes) -> Decision: ...

    def is_admin(self, caller: Caller) -> bool: ...

    async def refused(
        self, caller: Caller, address: str, asked: Attributes, reason: str
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers, who is known, and who may do what."""

    application: Application
    kubernetes: KubernetesApi
    authenticate: Authenticate
    access: Access


class _Front:
    """Lets requests in, and leads them to who answers."""

    def __init__(self, parts: Parts, guard: ConnectionGuard) -> None:
        self._parts = parts
        self._guard = guard
        self._refused = LimitedLog(log)
        self._strangers = Strangers()

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The middleware: every request passes it."""
        try:
            caller, is_still = await self._let_in(request)
            ASKING.set(caller)
            await request.read()
            self._guard.answer(request.protocol)
            return await self._lead(request, caller, is_still, handler)
        except FedmeshError as error:
            if isinstance(error, Denied) or getattr(error, "code", 0) == _UNAUTHORIZED:
                what = {"path": request.path, "peer": request.remote}
                self._refused.say("call refused", **what, reason=error)
            return _refusal(request, error)
        except ConnectionError:
            return web.Response(status=400)  # nobody is there any more to read it
        except web.HTTPException as error:
            message = f"{request.method} {request.path}: {error.reason}"
            return _refusal(request, StatusError(error.status, message))
        except web.RequestPayloadError:
            return _refusal(request, _DAMAGED)
        except Exception:
            if request.writer.output_size:
                raise  # an answer is under way: the connection ends
            log.exception(event("call failed", path=request.path, peer=request.remote))
            return _refusal(request, _OUR_MISTAKE)
        finally:
            self._guard.wait(request.protocol)

    async def _let_in(self, request: web.Request) -> tuple[Caller | None, IsStill]:
        """Who asks, None at the paths that are open; and whether what he has shown still counts.

        Raises StatusError, Busy, ConnectionError.
        """
        header, certificate = request.headers.get("Authorization", ""), certificate_of(request)
        parts = self._parts
        caller = parts.authenticate(header, certificate, wall_seconds())
        if caller is None:
            await _wait_for_turn(request, self._strangers)
        if request.path in _OPEN_PATHS:
            return None, lambda: True
        if caller is None:
            raise StatusError(
                _UNAUTHORIZED,
                "the bearer token is missing or wrong, and there is no client certificate of a "
                "user: check token_file of fedctl, or the user of the kubeconfig",
            )
        await parts.application.note_call(peer_of(request), caller.how)
        is_admin = parts.access.is_admin(caller)
        asks = impersonated(request.headers.items(), caller, is_admin=is_admin)

        def is_still() -> bool:
            now = parts.authenticate(header, certificate, wall_seconds())
            return now == caller and (asks is caller or parts.access.is_admin(caller))

        return asks, is_still

    async def _lead(
        self, request: web.Request, caller: Caller | None, is_still: IsStill, handler: Handler
    ) -> web.StreamResponse:
        if caller is None:
            return await handler(request)
        if is_kubernetes(request.path):
            return await self._parts.kubernetes.handle(request, caller, is_still)
        asked = attributes_of(request.method, request.path)
        decision = self._parts.access.decide(caller, asked)
        if not decision.allowed:
            if request.method not in ("GET", "HEAD"):
                await self._parts.access.refused(caller, peer_of(request), asked, decision.reason)
            raise Denied(forbidden(caller, asked, decision.reason))
        return await handler(request)


def make_api(parts: Parts, guard: ConnectionGuard) -> web.Application:
    """The API as an aiohttp application; `serve_api` has it listen behind the same guard."""
    front = _Front(parts, guard)

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await front.answer(request, handler)

    api = web.Application(middlewares=[answer], client_max_size=MAX_BODY_BYTES)
    api.add_routes(all_routes(parts.application))
    return api


def is_kubernetes(path: str) -> bool:
    """Whether a path is answered as by a Kubernetes API server."""
    return any(path == root or path.startswith(f"{root}/") for root in _KUBERNETES)


def certificate_of(request: web.Request) -> bytes | None:
    """The certificate of who asks (DER), None when he has shown none."""
    transport = request.transport
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    return tls.getpeercert(binary_form=True) if tls is not None else None


def _refusal(request: web.Request, error: FedmeshError) -> web.Response:
    if is_kubernetes(request.path):
        return refusal(error)
    status = error.code if isinstance(error, StatusError) else error.http_status
    return web.json_response({"error": {"message": str(error)}}, status=status)


async def _wait_for_turn(request: web.Request, strangers: Strangers) -> None:
    """Raises Busy when the turn does not come in time, ConnectionError when nobody waits for it."""
    now = asyncio.get_running_loop().time()
    seconds = strangers.turn(source_of(request.remote or ""), now)
    await asyncio.sleep(MOST_SECONDS if seconds is None else seconds)
    if request.transport is None:
        raise ConnectionError
    if seconds is None:
        raise Busy("too many requests without a token come from this address: try again later")


@asynccontextmanager
async def serve_api(
    api: web.Application, guard: ConnectionGuard, host: str, port: int, context: ssl.SSLContext
) -> AsyncIterator[None]:
    """Serve the API behind its guard while the context lasts; raises Failed."""
    runner = web.AppRunner(api, access_log=None, logger=http_logger(log), **SETTINGS)
    await runner.setup()
    try:
        assert runner.server is not None  # noqa: S101 - after setup there is one
        async with listen(host, port, guard, runner.server, context):
            yield
    finally:
        await runner.cleanup()
