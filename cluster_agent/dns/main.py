"""The DNS process: answers from its table, whoever else lives or not."""

import gc
from asyncio import Server
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from ipaddress import ip_network

from cluster_agent.dns.feed import Feed
from cluster_agent.dns.metrics import Metrics
from cluster_agent.dns.protocol import Zones
from cluster_agent.dns.rate_limit import Allowance, Sources
from cluster_agent.dns.server import DnsServer, TcpLimits, cannot_listen
from cluster_agent.dns.settings import DnsSettings
from cluster_agent.dns.table import Table
from federation.model.names import CLUSTERSET_ZONE
from federation.process.settings import Address, ip_address_of
from federation.process.start import run_process, state_folder
from federation.runtime.binding import patiently
from federation.runtime.clock import wall_seconds
from federation.runtime.disk import Disk
from federation.runtime.health import serve_health, serve_metrics
from federation.runtime.loops import run_until_stopped


async def run_dns(settings: DnsSettings) -> None:
    """Answer until told to stop."""
    host = ip_address_of(settings.listen, "listen")
    table = Table(Zones(CLUSTERSET_ZONE, settings.steering_zone))
    allowances = [Allowance(ip_network(s.network), s.per_second) for s in settings.source_limits]
    over_udp, over_tcp = (Sources(settings.queries_per_second, allowances) for _ in range(2))
    tcp = TcpLimits(
        over_tcp,
        settings.tcp_connections,
        settings.tcp_connections_of_one_source,
        settings.tcp_silent_seconds,
    )
    server = DnsServer(table, over_udp, tcp)
    metrics = Metrics(table, server, wall_seconds)
    with state_folder(settings.state) as state:
        disk = Disk()
        feed = Feed(table, state, metrics.note_change, disk)
        feed.load()
        gc.freeze()  # the table is not searched for circles: it has none
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(server.serving(host, settings.listen.port))
            if settings.health is not None:
                probe = partial(serve_health, *_at(settings.health), lambda: table.is_synced)
                stack.callback((await _listening("health", settings.health, probe)).close)
            if settings.metrics is not None:
                page = partial(serve_metrics, *_at(settings.metrics), metrics.text)
                stack.callback((await _listening("metrics", settings.metrics, page)).close)
            files = (settings.trust_file, settings.token_file)
            loops = feed.loops(str(settings.agent), *files)
            await run_until_stopped((*loops, disk.loop))


def _at(address: Address) -> tuple[str, int]:
    return address.host, address.port


async def _listening(
    field: str, address: Address, serve: Callable[[], Awaitable[Server]]
) -> Server:
    try:
        return await patiently(serve, str(address))
    except OSError as error:
        raise cannot_listen(field, str(address)) from error


def main() -> None:
    """Entry point of `fedmesh-dns`."""
    run_process("fedmesh-dns", "The DNS server of one cluster.", DnsSettings, run_dns)


if __name__ == "__main__":
    main()
