"""All that `fedctl status` looks at: each check with its id, how bad it is, and what to do.

A table, not code: agents name a check by its id when they tell the controller what they found, the
controller names it in its answer, and docs/reference/checks.md is made of this. Ids never change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Severity(StrEnum):
    """How bad it is, the worst first."""

    ERROR = "error"
    """Requests fail, or what was asked for is not in force."""
    WARNING = "warning"
    """All works, but not for long, or with less in reserve than is meant."""
    INFO = "info"
    """Good to know; nothing is wrong."""


class Group(StrEnum):
    """What a check is about; `fedctl status` says of each group that it is well."""

    CONTROLLER = "controller"
    CLUSTERS = "clusters"
    GATEWAYS = "gateways"
    PROXIES = "proxies"
    SERVICES = "services"
    SOURCES = "sources"
    CERTIFICATES = "certificates"


WELL: Mapping[Group, str] = MappingProxyType(
    {
        Group.CONTROLLER: "its store takes what changes, and all its tasks run",
        Group.CLUSTERS: "all agents are heard, keep time, and report what they may",
        Group.GATEWAYS: "all gateways serve, and all clusters reach them",
        Group.PROXIES: "all proxies listen, and take what they are sent",
        Group.SERVICES: "all exports are valid, and have ready endpoints in every cluster",
        Group.SOURCES: "all files of the clusters' folders are read",
        Group.CERTIFICATES: "no certificate and no workload token ends soon",
    }
)
"""What is true when no check of a group found anything."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `{cluster}` in the remedy stands for the cluster that it is about."""

    id: str
    severity: Severity
    group: Group
    meaning: str
    remedy: str


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO
_ALL = (
    Check(
        "store-not-writable", _E, Group.CONTROLLER,
        "the controller cannot write its store, or its audit log",
        "make room or repair the disk: until then a restart would lose what changed",
    ),
    Check(
        "controller-trouble", _E, Group.CONTROLLER,
        "a task of the controller fails",
        "look at the controller's log; it tries again by itself",
    ),
    Check(
        "cluster-not-joined", _I, Group.CLUSTERS,
        "the cluster was added, and no agent has joined for it",
        "make a token: fedctl token create {cluster}",
    ),
    Check(
        "agent-silent", _E, Group.CLUSTERS,
        "the controller has heard nothing of the cluster's agent for 10 s",
        "look at its agent and at the link to it; its traffic goes on meanwhile",
    ),
    Check(
        "cluster-lost", _E, Group.CLUSTERS,
        "the agent is silent, and most other clusters do not reach the cluster's gateways",
        "look at the cluster and its network; others use the next tier meanwhile",
    ),
    Check(
        "agents-take-turns", _E, Group.CLUSTERS,
        "two agents run with copies of one state folder",
        "stop one, and give it a state folder and a cluster of its own",
    ),
    Check(
        "clock-differs", _W, Group.CLUSTERS,
        "the clock of an agent differs from the controller's by more than 30 s",
        "set the clock (NTP): beyond 5 minutes certificates are refused",
    ),
    Check(
        "withdrawal-held-back", _W, Group.CLUSTERS,
        "much of a cluster vanished at once, and nobody saw it go: others keep what they knew",
        "look at what its agent reads; if it is meant so: fedctl cluster confirm {cluster}",
    ),
    Check(
        "cluster-not-reported", _W, Group.CLUSTERS,
        "the cluster has not reported since the store began anew: others keep what they knew",
        "start its agent; if it will not come back: fedctl cluster confirm {cluster}",
    ),
    Check(
        "report-refused", _E, Group.CLUSTERS,
        "the cluster reports what it may not, or what cannot be",
        "change what it exports, or what it may: fedctl cluster add",
    ),
    Check(
        "zone-not-configured", _W, Group.CLUSTERS,
        "a gateway says that it is in a zone which the cluster does not have",
        "add the zone: fedctl cluster add --zone",
    ),
    Check(
        "agent-trouble", _E, Group.CLUSTERS,
        "a task of an agent fails",
        "look at the agent's log; it tries again by itself",
    ),
    Check(
        "no-gateway", _E, Group.GATEWAYS,
        "the cluster exports services, and has no gateway by which others reach them",
        "start a gateway, or look why its report is refused",
    ),
    Check(
        "no-gateway-serves", _E, Group.GATEWAYS,
        "none of the cluster's gateways serves, so other clusters do not reach its services",
        "start a gateway; look at its log, and at envoy.log in its state folder",
    ),
    Check(
        "gateway-away", _W, Group.GATEWAYS,
        "one of several gateways does not serve; the others do",
        "start it again; when it is gone for good it is forgotten after an hour",
    ),
    Check(
        "gateway-without-supervisor", _W, Group.GATEWAYS,
        "the gateway's Envoy answers, but its supervisor is not connected to the agent",
        "start the supervisor: the gateway gets no changes, and its certificate will end",
    ),
    Check(
        "gateway-unreached", _W, Group.GATEWAYS,
        "some clusters do not reach a gateway",
        "look whether it runs, and at the network between them",
    ),
    Check(
        "entry-addresses", _E, Group.GATEWAYS,
        "the addresses for clients without a sidecar are used up, overlap or differ",
        "give the gateways of the cluster ranges (entry) of the same, sufficient size",
    ),
    Check(
        "entry-not-offered", _E, Group.GATEWAYS,
        "a gateway is to offer services to clients without a sidecar, and cannot",
        "give its machine the range; clients are led to other gateways meanwhile",
    ),
    Check(
        "proxy-silent", _W, Group.PROXIES,
        "nothing is heard of a proxy's supervisor; its Envoy may go on",
        "look at its supervisor and the way to it",
    ),
    Check(
        "proxy-listener-missing", _E, Group.PROXIES,
        "a proxy does not listen at one of its addresses",
        "look which program has the port (ss -ltnp); the proxy tries again every few seconds",
    ),
    Check(
        "proxy-resource-refused", _E, Group.PROXIES,
        "an Envoy does not take a part of its configuration; the last good one stays in force",
        "look at what was changed, and which Envoy runs there",
    ),
    Check(
        "proxy-trouble", _E, Group.PROXIES,
        "a supervisor cannot do something, such as renewing its certificate",
        "look at its log; it tries again by itself",
    ),
    Check(
        "sidecar-without-pod", _W, Group.PROXIES,
        "a sidecar says that it is of a Pod which the cluster's source does not have",
        "correct `workload` of the sidecar, or add the Pod: nobody is led to it",
    ),
    Check(
        "proxy-turned-away", _W, Group.PROXIES,
        "an agent refused a proxy within the last minute: it gets no certificate, or no changes",
        "make a new token: fedctl workload token; the proxy reads the file by itself",
    ),
    Check(
        "proxies-not-listed", _I, Group.PROXIES,
        "a cluster has more proxies than the controller is told of, 10,000",
        "nothing: they work, but kubectl get proxies does not show them",
    ),
    Check(
        "service-unavailable", _E, Group.SERVICES,
        "an exported service has no ready endpoint in any cluster: all calls fail",
        "look at its workloads, their readiness and the selector of the Service",
    ),
    Check(
        "backend-not-ready", _W, Group.SERVICES,
        "none of a service's endpoints in a cluster is ready; other clusters serve it",
        "look at its workloads there, and their readiness",
    ),
    Check(
        "export-without-endpoints", _W, Group.SERVICES,
        "a cluster exports a service with no endpoint; other clusters serve it",
        "start its workloads, or look at the selector of the Service",
    ),
    Check(
        "export-without-service", _E, Group.SERVICES,
        "there is a ServiceExport without a Service of its name",
        "add the Service, or remove the ServiceExport",
    ),
    Check(
        "export-not-valid", _E, Group.SERVICES,
        "a ServiceExport cannot be honoured, or nobody can call what it exports",
        "change it as the sentence says",
    ),
    Check(
        "export-limited", _W, Group.SERVICES,
        "a service is exported, but not all of it, or not as its documents say",
        "change it as the sentence says, or leave it if it is meant so",
    ),
    Check(
        "export-conflict", _W, Group.SERVICES,
        "clusters export a service differently; the oldest export counts",
        "make the exports equal",
    ),
    Check(
        "source-unreadable", _E, Group.SOURCES,
        "an agent cannot read its folder as a whole, or does not trust what it reads",
        "look at the folder; nothing is withdrawn until it is read",
    ),
    Check(
        "file-unreadable", _E, Group.SOURCES,
        "a file, or a document in it, cannot be used; what it said before stays in force",
        "correct the file",
    ),
    Check(
        "document-remark", _W, Group.SOURCES,
        "a field or an annotation of a document is not known and has no effect",
        "correct its name, or take it out",
    ),
    Check(
        "root-ends", _W, Group.CERTIFICATES,
        "the certificate of the root ends within 90 days",
        "plan a new clusterset root: all clusters join anew",
    ),
    Check(
        "controller-certificate-ends", _W, Group.CERTIFICATES,
        "the controller's certificate is in the last quarter of its life and was not renewed",
        "look at the controller's log; it tries again by itself",
    ),
    Check(
        "cluster-authority-ends", _W, Group.CERTIFICATES,
        "a cluster's authority is in the last quarter of its life and was not renewed",
        "look at the agent's log and its link to the controller, which renews it",
    ),
    Check(
        "cluster-authority-ended", _E, Group.CERTIFICATES,
        "a cluster's authority has ended: nobody accepts its workloads",
        "start its agent; if that is refused: fedctl token create {cluster}",
    ),
    Check(
        "workload-token-ends", _W, Group.CERTIFICATES,
        "a workload token ends within 7 days, or is in the second half of a shorter life",
        "make a new one: fedctl workload token; the proxy reads the file by itself",
    ),
)  # fmt: skip

CHECKS: Mapping[str, Check] = MappingProxyType({check.id: check for check in _ALL})

OF_AGENTS = frozenset(
    {
        "agent-trouble", "gateway-away", "entry-addresses", "proxy-silent", "sidecar-without-pod",
        "export-without-service", "export-not-valid", "export-limited", "source-unreadable",
        "file-unreadable", "document-remark", "workload-token-ends", "proxy-turned-away",
        "proxies-not-listed",
    }
)  # fmt: skip
"""What an agent may tell of its own cluster; the controller finds the rest itself."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What an agent has found: by which check, of what in its cluster, in a sentence.

    `since` in seconds since 1970, 0 when that is not known.
    """

    check: str
    subject: str
    what: str
    since: int = 0
