"""From what the controller holds to what `fedctl status` says: values for `problems`, and JSON."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from cryptography import x509

from federation.controller.admission.refused_reports import RefusedReports
from federation.controller.facts.hub import Hub
from federation.controller.facts.liveness import life_of
from federation.controller.member import Member
from federation.controller.views.cluster_problems import ClusterState
from federation.controller.views.controller_problems import Own
from federation.controller.views.problem import Problem, Said, Term
from federation.controller.views.problems import MOST_OF_A_KIND, dated, problems
from federation.controller.views.service_problems import ServiceState
from federation.model.checks import CHECKS
from federation.model.names import ClusterId

Json = dict[str, Any]

MOST_SHOWN = 20


def all_problems(hub: Hub, own: Own, now: float) -> list[Problem]:
    """Every problem of the sessions, dated; `now` in seconds since 1970.

    To be asked often: a problem that nobody can date is as old as it was found here first.
    """
    members = sorted(hub.registry.members.values(), key=lambda m: m.id)
    clusters = (state_of(hub, member, now) for member in members)
    services = (ServiceState(*unwell) for unwell in hub.registry.unwell())
    found = problems(clusters, services, own, now)
    since = hub.found.see([(p.check, p.where, p.subject) for p in found], now)
    known = dated(found, lambda p: since[p.check, p.where, p.subject])
    return sorted(known, key=lambda p: list(CHECKS).index(p.check))


def problem_view(problem: Problem) -> Json:
    """A problem as the API shows it."""
    return {
        "id": problem.check,
        "severity": str(problem.kind.severity),
        "group": str(problem.kind.group),
        "where": problem.where,
        "subject": problem.subject,
        "what": problem.what,
        "since": None if problem.since is None else round(problem.since, 1),
        "remedy": problem.remedy,
    }


def checks_view(found: Iterable[Problem]) -> list[Json]:
    """All checks, and how many problems each has found."""
    counts = Counter(problem.check for problem in found)
    return [
        {
            "id": check.id,
            "severity": str(check.severity),
            "group": str(check.group),
            "problems": counts[check.id],
        }
        for check in CHECKS.values()
    ]


def term(certificate: x509.Certificate | None) -> Term | None:
    """The two ends of a certificate's life."""
    if certificate is None:
        return None
    return Term(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def state_of(hub: Hub, member: Member, now: float) -> ClusterState:
    """What is known of one cluster; `now` in seconds since 1970."""
    presence = hub.presence(member.id)
    refused = presence.refused_reports.first(MOST_OF_A_KIND)
    reached, unreached = _seen_gateways(hub, member.id, now)
    return ClusterState(
        member.id,
        joined=bool(member.anchors),
        life=life_of(hub, member.id, now),
        last_seen=presence.last_seen,
        clock=presence.clock,
        exports=hub.registry.count_exports(member.id),
        gateways=tuple(gateway.name for gateway in hub.registry.gateways(member.id)),
        unreached=unreached,
        reached=reached,
        refused=tuple(Said(str(refusal), refusal.since) for refusal in refused),
        beyond=len(presence.refused_reports) - len(refused),
        remarks=hub.registry.remarks(member.id),
        rejected=hub.registry.observations.rejected(member.id),
        findings=hub.registry.observations.findings(member.id),
        turns=presence.flapping(now),
        held=hub.held_back(member.id),
        awaited=hub.waited_for(member.id),
        authority=Term(*presence.intermediate) if presence.intermediate else None,
        revoked=member.revoked,
    )


def sentences(hub: Hub, cluster: ClusterId, now: float) -> list[str]:
    """All that a person should know of a cluster, one sentence each."""
    wrong = _wrong(hub.presence(cluster).refused_reports, hub.registry.remarks(cluster))
    return [*told(hub, cluster, now), *wrong]


def _wrong(refusals: RefusedReports, remarks: tuple[str, ...]) -> list[str]:
    """What is wrong with a cluster's reports, at most so much that a person reads it."""
    found = [*(str(refusal) for refusal in refusals.first(MOST_SHOWN)), *remarks[:MOST_SHOWN]]
    beyond = len(refusals) + len(remarks) - len(found)
    return [*found, f"and {beyond} more"] if beyond else found


def told(hub: Hub, cluster: ClusterId, now: float) -> list[str]:
    """What others have to say of a cluster, one sentence each, with what to do."""
    found = [
        hub.held_back(cluster),
        hub.waited_for(cluster),
        hub.presence(cluster).flapping(now),
        *(finding.what for finding in hub.registry.observations.findings(cluster)[:MOST_OF_A_KIND]),
    ]
    return [text for text in found if text]


def _seen_gateways(
    hub: Hub, cluster: ClusterId, now: float
) -> tuple[frozenset[str], tuple[tuple[str, tuple[ClusterId, ...]], ...]]:
    """The gateways that a connected cluster reaches, and those one does not, with who."""
    known = {gateway.name for gateway in hub.registry.gateways(cluster)}
    reached: set[str] = set()
    unreached: dict[str, list[ClusterId]] = {}
    for other, remote in hub.registry.observations.seen_from(cluster):
        if remote.gateway not in known or not hub.presence(other).is_connected(now):
            continue
        if remote.answers:
            reached.add(remote.gateway)
        else:
            unreached.setdefault(remote.gateway, []).append(other)
    others = tuple((gateway, tuple(found)) for gateway, found in sorted(unreached.items()))
    return frozenset(reached), others
