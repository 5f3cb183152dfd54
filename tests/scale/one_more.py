"""What a start, and one more service in the mesh, costs an agent: bytes to many sidecars, and CPU.

In: sizes. Out: figures as JSON values. The sidecars are the agent's own senders in this process,
each with receipts of its own; what they send is encoded and counted. Nothing is sent.
"""

import time
from typing import Any

from federation.xds.resources import Resource, resource
from tests.eager import eager_routes
from tests.scale.demand_agent import Agent, Attached
from tests.scale.demand_world import host_of, hosts_of
from tests.scale.trust import Authority

_OUTBOUND = "127.74.0.13"
_TIMES = 20


def on_demand(services: int, sidecars: int, called: int, authority: Authority) -> dict[str, Any]:
    """Each sidecar has called other services."""
    agent = Agent(services, authority, _OUTBOUND)
    empty = agent.attach(sidecars, ()).take()
    attached = [
        agent.attach(one, tuple(host_of((one * called + n) % services) for n in range(called)))
        for one in range(sidecars)
    ]
    return {"services": services, "bytes_at_start_nothing_called": empty} | _costs(
        agent, attached, services
    )


def eager(services: int, sidecars: int, authority: Authority) -> dict[str, Any]:
    """Each sidecar is sent everything, with one table of all routes."""
    agent = Agent(services, authority, _OUTBOUND)
    hosts = hosts_of(range(services + _TIMES))
    before, *tables = (_table(hosts[:many]) for many in range(services, len(hosts) + 1))
    agent.show_routes(before)
    attached = [agent.attach_eager(one) for one in range(sidecars)]
    return {"services": services} | _costs(agent, attached, services, tables)


def _table(hosts: list[bytes]) -> Resource:
    found = eager_routes(hosts)
    return resource(found.name, found.body)


def _costs(
    agent: Agent, attached: list[Attached], services: int, tables: list[Resource] | None = None
) -> dict[str, Any]:
    began = time.process_time()
    sent = [one.take() for one in attached]
    starts = time.process_time() - began
    making = sending = 0.0
    size = 0
    for number in range(_TIMES):
        began = time.process_time()
        agent.add(services + number)
        making += time.process_time() - began
        if tables is not None:
            agent.show_routes(tables[number])
        began = time.process_time()
        size += sum(one.take() for one in attached)
        sending += time.process_time() - began
    count = len(attached)
    return {
        "sidecars": count,
        "cpu_seconds_of_tables": round(agent.cpu_seconds_of_tables, 2),
        "bytes_at_start_each": round(sum(sent) / count),
        "cpu_ms_at_start_each": round(1000 * starts / count, 2),
        "one_more_service": {
            "bytes_to_all": round(size / _TIMES),
            "bytes_to_each": round(size / _TIMES / count),
            "cpu_ms_to_plan_and_compile_and_wake": round(1000 * making / _TIMES, 2),
            "cpu_ms_to_send": round(1000 * sending / _TIMES, 2),
        },
    }
