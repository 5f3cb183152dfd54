"""Names of clusters, namespaces and services, parsed once at the border.

In: text from documents and messages. Out: values that every other module trusts.
Rules: RFC 1123 labels; a cluster id is one label (63 characters), since it serves as a label value,
a DNS label and the first label of a SPIFFE trust domain.
"""

import re
from typing import NamedTuple, NewType

from federation.model.errors import InvalidInput

ClusterId = NewType("ClusterId", str)

CLUSTERSET_ZONE = "clusterset.local"
HEALTH_NAME = f"health.gateways.{CLUSTERSET_ZONE}"
"""The server name under which gateways ask each other how they are."""
REMOTE = "remote"
"""How the names of Envoy clusters begin that stand for other gateways."""
MAX_PORT = 65535

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OBJECT_NAME_PART = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN_LENGTH = 253


class ServiceName(NamedTuple):
    """`namespace/name`; means the same in every cluster (namespace sameness, KEP-1645)."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def parse_label(text: str, what: str) -> str:
    """Return `text` when it is an RFC 1123 label, else raise InvalidInput that names `what`."""
    if not _LABEL.fullmatch(text):
        raise InvalidInput(
            f"{what} is {text[:80]!r}, but must be a DNS label: lower-case letters, digits and "
            "'-', at most 63, beginning and ending with a letter or digit"
        )
    return text


def parse_subdomain(text: str, what: str) -> str:
    """Return `text` when it is an RFC 1123 subdomain (labels joined by dots, at most 253)."""
    if len(text) > _SUBDOMAIN_LENGTH or not all(_LABEL.fullmatch(p) for p in text.split(".")):
        raise InvalidInput(
            f"{what} is {text[:80]!r}, but must be DNS labels joined by dots (253 characters)"
        )
    return text


def parse_object_name(text: str, what: str) -> str:
    """Return `text` when Kubernetes takes it as the name of a Pod, Node, account or slice.

    That is a subdomain of which only the whole is bounded: it need not be a name in DNS.
    """
    is_short = len(text) <= _SUBDOMAIN_LENGTH
    if not is_short or not all(_OBJECT_NAME_PART.fullmatch(p) for p in text.split(".")):
        raise InvalidInput(
            f"{what} is {text[:80]!r}, but must be lower-case letters, digits and '-', in parts "
            "joined by dots (253 characters)"
        )
    return text


def parse_cluster_id(text: str) -> ClusterId:
    """Return the cluster id in `text`; raises InvalidInput."""
    return ClusterId(parse_label(text, "cluster id"))


def parse_service_name(text: str) -> ServiceName:
    """Return the service in `namespace/name`; raises InvalidInput."""
    namespace, slash, name = text.partition("/")
    if not slash:
        raise InvalidInput(f"service is {text[:80]!r}, but must be NAMESPACE/NAME")
    return ServiceName(
        parse_label(namespace, f"namespace of service {text[:80]!r}"),
        parse_label(name, f"name of service {text[:80]!r}"),
    )


def parse_port(number: int, what: str) -> int:
    """Return `number` when it is a port (1..65535); raises InvalidInput that names `what`."""
    if not 1 <= number <= MAX_PORT:
        raise InvalidInput(f"{what} is {number}, but must be between 1 and {MAX_PORT}")
    return number


def host_name(service: ServiceName) -> str:
    """The clusterset name of a service (KEP-1645, DNS specification)."""
    return f"{service.name}.{service.namespace}.svc.{CLUSTERSET_ZONE}"


def sni(service: ServiceName, port: int) -> str:
    """The server name by which a service's port is called across clusters.

    The cluster is never in it, so that a gateway can reach only its own workloads.
    """
    return f"{port}.{host_name(service)}"


def terminated_sni(service: ServiceName, port: int, *, raw: bool = False) -> str:
    """The server name by which a port is called where the gateway ends the mTLS (no sidecar).

    `raw`: the bytes are passed on as they are (TCP), for which the gateway has another chain.
    """
    kind = "svc-r" if raw else "svc-t"
    return f"{port}.{service.name}.{service.namespace}.{kind}.{CLUSTERSET_ZONE}"


def inner_name(kind: str, what: str) -> str:
    """The name of an Envoy cluster that no connection can choose by its server name.

    A gateway passes a connection on to the cluster that is named like its server name, if that ends
    as `sni` and `terminated_sni` do. These names end in `~`, whatever others chose for `what`.
    """
    return f"{kind}~{what}~"


def remote_name(cluster: ClusterId, gateway: str) -> str:
    """The name of the Envoy cluster by which a gateway checks another one."""
    return inner_name(REMOTE, f"{cluster}~{gateway}")


def read_remote_name(name: str) -> tuple[ClusterId, str]:
    """The cluster and the gateway in a `remote_name`."""
    _, cluster, gateway = name.removesuffix("~").split("~", 2)
    return ClusterId(cluster), gateway


def gateway_identity(trust_domain: str) -> str:
    """The SPIFFE id of a cluster's gateways where they end a connection."""
    return f"spiffe://{trust_domain}/gateway"


def workload_identity(trust_domain: str, namespace: str, account: str) -> str:
    """The SPIFFE id of a workload, by the convention of Kubernetes."""
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{account}"
