"""The HTTPS API for people and pipelines: JSON in, JSON out, a bearer token on every call.

Three paths need no token: the health probe, the root certificate (pinned by its hash in join
tokens) and joining (which brings a token of its own). What the calls do is the controller's part,
given as an `Application` (`federation.apiserver.routes`).
"""

import asyncio
import hmac
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from federation.apiserver.connection_guard import SETTINGS, ConnectionGuard, source_of
from federation.apiserver.listening import listen
from federation.apiserver.rate_limit import MOST_SECONDS, Strangers
from federation.apiserver.routes import Application, all_routes, peer_of
from federation.apiserver.unparsed import http_logger
from federation.model.errors import Busy, Denied, FedmeshError, InvalidInput
from federation.runtime.limited_log import LimitedLog

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 256 * 1024
_OPEN_PATHS = frozenset({"/healthz", "/v1/trust/root", "/v1/join"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_api(application: Application, admin_token: str, guard: ConnectionGuard) -> web.Application:
    """The API as an aiohttp application; `serve_api` has it listen behind the same guard."""
    if not admin_token:
        raise InvalidInput("the API's token is empty: nobody could be told from a stranger")
    refused, strangers = LimitedLog(log), Strangers()

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            is_known = _has_token(request, admin_token)
            if not is_known:
                await _wait_for_turn(request, strangers)
            if request.path not in _OPEN_PATHS:
                if not is_known:
                    raise Denied("the bearer token is missing or wrong: check token_file of fedctl")
                await application.note_call(peer_of(request))
            await request.read()
            guard.answer(request.protocol)
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
            guard.wait(request.protocol)

    api = web.Application(middlewares=[answer], client_max_size=MAX_BODY_BYTES)
    api.add_routes(all_routes(application))
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
