"""The controller process: builds every object in order, then runs its loops."""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from federation.api.server import make_api, tls_context
from federation.controller.application import Controller
from federation.controller.authority import Authority, open_authority
from federation.controller.loop import Federation
from federation.controller.members import Members
from federation.controller.registry import Registry
from federation.controller.server import AgentServer
from federation.controller.settings import ControllerSettings
from federation.controller.store.sqlite import open_store
from federation.model.errors import Failed
from federation.model.names import parse_subdomain
from federation.resources.entry import run_process, state_folder
from federation.resources.settings import Address
from federation.runtime.clock import utc_now
from federation.runtime.files import read_if_there, write_private
from federation.runtime.tasks import run_until_stopped
from federation.wire.channel import serve

RENEW_CHECK_SECONDS = 60.0


async def run_controller(settings: ControllerSettings) -> None:
    """Run the controller until it is told to stop."""
    parse_subdomain(settings.domain, "domain")
    with state_folder(settings.state) as folder:
        await _run_in(folder, settings)


async def _run_in(folder: Path, settings: ControllerSettings) -> None:
    hosts = settings.advertise or (settings.api_listen.host,)
    authority = open_authority(folder, settings.domain, hosts, utc_now())
    url = f"https://{Address(hosts[0], settings.api_listen.port)}"
    grpc_address = str(Address(hosts[0], settings.grpc_listen.port))
    async with open_store(folder / "store.sqlite", secrets.token_hex(8)) as store:
        members = Members(store, authority, settings.domain, url)
        federation = Federation(Registry(), store)
        await federation.load(await members.load())
        application = Controller(federation, members, authority, settings.domain, grpc_address)
        api = make_api(application, _admin_token(folder))
        agents = AgentServer(federation, members, authority).handlers()
        async with (
            serve(str(settings.grpc_listen), agents, lambda: authority.identity(utc_now())),
            _serve_api(api, settings.api_listen, authority, folder / "api.pem") as context,
        ):
            await run_until_stopped(
                {
                    "completion": federation.run_completion(),
                    "writing": federation.run_writing(),
                    "renewal": _renew(context, authority, folder / "api.pem"),
                }
            )


def _admin_token(folder: Path) -> str:
    file = folder / "admin.token"
    found = read_if_there(file)
    if found is None:
        found = secrets.token_urlsafe(32).encode()
        write_private(file, found)
    return found.decode().strip()


def _show(authority: Authority, file: Path) -> bool:
    """Write key and leaf for the API's TLS; returns whether they changed."""
    identity = authority.identity(utc_now())
    wanted = identity.key + identity.chain
    if read_if_there(file) == wanted:
        return False
    write_private(file, wanted)
    return True


@asynccontextmanager
async def _serve_api(
    api: web.Application, address: Address, authority: Authority, file: Path
) -> AsyncIterator[ssl.SSLContext]:
    _show(authority, file)
    context = tls_context(str(file))
    runner = web.AppRunner(api, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address.host, address.port, ssl_context=context).start()
        except OSError as error:
            raise Failed(
                f"api_listen: cannot listen at {address}: is it taken by another program?"
            ) from error
        yield context
    finally:
        await runner.cleanup()


async def _renew(context: ssl.SSLContext, authority: Authority, file: Path) -> None:
    while True:
        await asyncio.sleep(RENEW_CHECK_SECONDS)
        if _show(authority, file):
            context.load_cert_chain(file)


def main() -> None:
    """Entry point of `fedmesh-controller`."""
    run_process(
        "fedmesh-controller",
        "The federation controller: membership, trust, and the facts of the clusterset.",
        ControllerSettings,
        run_controller,
    )


if __name__ == "__main__":
    main()
