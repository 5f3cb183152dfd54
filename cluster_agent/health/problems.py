"""What is wrong in this cluster, as its agent sees it: findings for the controller's status.

In: what the parts of the agent say. Out: findings by the checks of `federation.model.checks`, each
with the time since when it is so; so many of each check, and how many more there are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cluster_agent.source.objects import Condition, Problem
from federation.model.checks import Finding
from federation.model.names import ServiceName
from federation.model.since import FirstSeen

MOST_OF_A_KIND = 17
"""So that all of every kind fit into one report."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What they report, each as it is now.

    `trouble` is of the source as a whole, `incomplete_because` why it does not count as complete,
    `files` what of it cannot be used. `exports` are those that are not simply valid. `entry` are
    troubles with addresses, `tasks` what fails in the agent itself. `silent` are proxies, `away`
    gateways with the reason, `strangers` sidecars of Pods that are not there, `tokens` those that
    end soon, `refused_proxies` proxies that the agent refused. `untold_proxies` is how many are
    connected and in no report.
    """

    trouble: str = ""
    incomplete_because: str = ""
    files: tuple[Problem, ...] = ()
    exports: Mapping[ServiceName, tuple[Condition, ...]] = field(default_factory=dict)
    entry: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    silent: Collection[str] = ()
    away: Mapping[str, str] = field(default_factory=dict)
    strangers: Collection[str] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)
    refused_proxies: Mapping[str, str] = field(default_factory=dict)
    untold_proxies: int = 0


class Problems:
    """What was found, with the time when it was found first."""

    def __init__(self) -> None:
        self._seen = FirstSeen()

    def find(self, parts: Parts, now: float) -> tuple[Finding, ...]:
        """All of it, sorted; `now` in seconds since 1970."""
        found = tuple(_bounded((*_of_the_source(parts), *_of_the_agent(parts))))
        since = self._seen.see([(f.check, f.subject) for f in found], now)
        return tuple(
            sorted(
                Finding(f.check, f.subject, f.what, int(since[f.check, f.subject])) for f in found
            )
        )


def _of_the_source(parts: Parts) -> Iterator[Finding]:
    for text in filter(None, (parts.trouble, parts.incomplete_because)):
        yield Finding("source-unreadable", "", text)
    for problem in parts.files:
        what = f"{problem.where}: {problem.message}"
        if problem.is_remark:
            yield Finding("document-remark", what, what)
        elif problem.message != parts.trouble:
            yield Finding("file-unreadable", problem.where, what)
    for name, conditions in sorted(parts.exports.items()):
        for condition in conditions:
            what = f"ServiceExport {name}: {condition.message}"
            yield Finding(_check_of(condition), str(name), what)


def _of_the_agent(parts: Parts) -> Iterator[Finding]:
    for text in parts.entry:
        yield Finding("entry-addresses", text, text)
    for text in parts.tasks:
        yield Finding("agent-trouble", text.partition(":")[0], text)
    for proxy in parts.silent:
        what = f"{proxy} is silent: look at its supervisor and the way to it; its Envoy goes on"
        yield Finding("proxy-silent", proxy, what)
    for gateway, why in sorted(parts.away.items()):
        yield Finding("gateway-away", f"gateway {gateway}", f"gateway {gateway} {why}")
    for workload in sorted(parts.strangers):
        what = f"a sidecar says that it is of Pod {workload}, which is not there"
        yield Finding("sidecar-without-pod", f"sidecar {workload}", what)
    for holder, what in sorted(parts.tokens.items()):
        yield Finding("workload-token-ends", holder, what)
    for who, what in sorted(parts.refused_proxies.items()):
        yield Finding("proxy-turned-away", who, what)
    if parts.untold_proxies:
        what = f"{parts.untold_proxies} proxies are not listed: a cluster's list has no more room"
        yield Finding("proxies-not-listed", "", what)


def _check_of(condition: Condition) -> str:
    if condition.status == "True":
        return "export-limited"
    return "export-without-service" if condition.reason == "NoService" else "export-not-valid"


def _bounded(found: Iterable[Finding]) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for finding in found:
        counts[finding.check] = counts.get(finding.check, 0) + 1
        if counts[finding.check] <= MOST_OF_A_KIND:
            yield finding
    for check, count in counts.items():
        if count > MOST_OF_A_KIND:
            yield Finding(check, "more", f"{count - MOST_OF_A_KIND} more of these")
