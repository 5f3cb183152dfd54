"""The first stage of a plan: which ports a service has, and by which names they are called.

In: the merged service, and how the importer's cluster serves it. Out: every TCP port, with one part
that has no tiers yet. Next: `federation.planning.tiers`.
"""

from dataclasses import replace

from federation.model.exports import Transport
from federation.model.names import sni
from federation.model.plans import WHOLE, Part, Plan, PortPlan, Reason, Subject
from federation.planning.protocols import served_ports
from federation.planning.stage import Known, Staged

_NAME = "ports"
_WHOLE = (Part(WHOLE, 1, ()),)


def stage(known: Known, plan: Plan) -> Staged:
    """The ports that proxies carry."""
    service, local = known.facts.service, known.local
    own = {p.number: p for p in served_ports(local.ports, service.ports)} if local else {}
    ports = tuple(
        PortPlan(port, sni(service.name, port.number), _WHOLE, own=own.get(port.number))
        for port in service.ports
        if port.transport is Transport.TCP
    )
    reasons = tuple(
        Reason(_NAME, Subject(port.number), "left out", f"proxies do not carry {port.transport}")
        for port in service.ports
        if port.transport is not Transport.TCP
    )
    return replace(plan, ports=ports, default_port=service.default_port), reasons
