"""The gateway process: a supervisor that describes itself as a gateway."""

from federation.envoy.identity import ENTRY_IDENTITY
from federation.model.names import parse_label
from federation.model.proxies import Kind, Proxy, State
from federation.process.start import run_process
from federation.supervisor.certificates.renewal import Wanted
from federation.supervisor.main import supervise
from gateway.settings import GatewaySettings


async def run_gateway(settings: GatewaySettings) -> None:
    """Run an east-west gateway until it is told to stop."""
    listen = settings.listen
    proxy = Proxy(
        parse_label(settings.name, "name"),
        Kind.GATEWAY,
        State.STARTING,
        settings.address,
        settings.port,
        settings.zone,
        listen_address=listen.host if listen else "",
        listen_port=listen.port if listen else 0,
        entry=settings.entry.addresses if settings.entry else "",
    )
    more = (Wanted(ENTRY_IDENTITY, settings.entry.token_file),) if settings.entry else ()
    await supervise(settings, proxy, more)


def main() -> None:
    """Entry point of `fedmesh-gateway`."""
    run_process("fedmesh-gateway", "An east-west gateway.", GatewaySettings, run_gateway)


if __name__ == "__main__":
    main()
