"""The sidecar process: a supervisor that describes itself as the sidecar of one workload."""

from federation.model.names import parse_service_name
from federation.model.proxies import Kind, Proxy, State
from federation.planning.tiers import INBOUND_PORT
from federation.process.start import run_process
from federation.supervisor.main import supervise
from sidecar.settings import SidecarSettings, parse_upstreams


async def run_sidecar(settings: SidecarSettings) -> None:
    """Run a sidecar until it is told to stop."""
    proxy = Proxy(
        str(parse_service_name(settings.workload)),
        Kind.SIDECAR,
        State.STARTING,
        settings.address,
        INBOUND_PORT,
        app_address=settings.app_address,
        outbound_address=settings.outbound.host,
        outbound_port=settings.outbound.port,
        upstreams=parse_upstreams(settings),
    )
    await supervise(settings, proxy, unused_seconds=settings.unused_seconds)


def main() -> None:
    """Entry point of `fedmesh-sidecar`."""
    run_process("fedmesh-sidecar", "The sidecar of one workload.", SidecarSettings, run_sidecar)


if __name__ == "__main__":
    main()
