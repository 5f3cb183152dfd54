"""Identities: trust domains and SPIFFE ids.

In: cluster ids, namespaces, accounts, and ids as text. Out: ids as text (Envoy and certificates
hold text) or, parsed, as `SpiffeId`. `federation.trust.profile` puts them into certificates,
`federation.trust.validate` reads them out again.
"""

import re
from typing import NamedTuple

from federation.model.errors import InvalidInput
from federation.model.names import (
    ClusterId,
    gateway_identity,
    parse_label,
    parse_object_name,
    parse_subdomain,
)

GATEWAY_SUBJECT = "gateway"
ENTRY_SUBJECT = "entry"
DNS_SUBJECT = "dns"
"""A DNS server reads names from its agent; it has no SPIFFE id, since nobody else hears of it."""

_SCHEME = "spiffe://"
_LONGEST_ID = 2048
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_SEGMENT = re.compile(r"[a-zA-Z0-9._-]+")

# A trust domain is the common name of its cluster's CA, and X.509 allows 64 characters there.
_LONGEST_TRUST_DOMAIN = 64


class SpiffeId(NamedTuple):
    """An id in its two parts; `path` is empty or begins with '/'."""

    trust_domain: str
    path: str

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain}{self.path}"


def trust_domain(cluster: ClusterId, domain: str) -> str:
    """The trust domain of a cluster in the clusterset `domain`, at most 64 characters.

    Raises InvalidInput for a domain that is no DNS name, and when the result is too long.
    """
    name = parse_subdomain(f"{cluster}.{domain}", f"trust domain of cluster {cluster}")
    if len(name) > _LONGEST_TRUST_DOMAIN:
        raise InvalidInput(
            f"trust domain {name} of cluster {cluster} has {len(name)} characters, but at most "
            f"{_LONGEST_TRUST_DOMAIN} fit into a certificate: choose a shorter cluster id or domain"
        )
    return name


def workload_id(trust_domain: str, namespace: str, account: str) -> str:
    """The id of a service account's workloads (the SPIFFE convention for Kubernetes).

    Raises InvalidInput for names that are none: a '/' in one would make it another's id.
    """
    parse_label(namespace, "namespace of a workload id")
    parse_object_name(account, "account of a workload id")
    return f"{_SCHEME}{trust_domain}/ns/{namespace}/sa/{account}"


def gateway_id(trust_domain: str) -> str:
    """The id of a cluster's gateways where they end a connection."""
    return gateway_identity(trust_domain)


def entry_id(trust_domain: str) -> str:
    """The id under which a gateway calls for clients without a sidecar."""
    return f"{_SCHEME}{trust_domain}/entry"


def agent_id(trust_domain: str) -> str:
    """The id of a cluster's agent."""
    return f"{_SCHEME}{trust_domain}/agent"


def controller_id(domain: str) -> str:
    """The id of the clusterset's controller, in the clusterset's own domain."""
    return f"{_SCHEME}{domain}/controller"


def user_id(domain: str, name: str) -> str:
    """The id of a user of the controller's API, in the clusterset's own domain.

    Raises InvalidInput for a name that is none: a '/' in one would make it another's id.
    """
    parse_object_name(name, "name of the user")
    return f"{_SCHEME}{domain}/user/{name}"


def gateway_subject(name: str) -> str:
    """The subject of a token with which the gateway of this name proves itself."""
    return f"{GATEWAY_SUBJECT}:{name}"


def subject_id(trust_domain: str, subject: str) -> str:
    """The id for the subject of a workload token.

    That is `NAMESPACE/ACCOUNT`, or `gateway:NAME` or `entry:NAME` of a gateway, whose ids all
    gateways of a cluster share. Raises InvalidInput for any other text.
    """
    kind, colon, name = subject.partition(":")
    make = _OF_GATEWAYS.get(kind)
    if colon and make is not None:
        parse_subdomain(name, f"name of the gateway in subject {subject[:80]!r}")
        return make(trust_domain)
    namespace, slash, account = subject.partition("/")
    if not slash:
        raise InvalidInput(
            f"subject is {subject[:80]!r}, but must be NAMESPACE/ACCOUNT, gateway:NAME or "
            "entry:NAME (of a gateway)"
        )
    return workload_id(trust_domain, namespace, account)


_OF_GATEWAYS = {GATEWAY_SUBJECT: gateway_id, ENTRY_SUBJECT: entry_id}


def parse(text: str) -> SpiffeId:
    """Parse a SPIFFE id by the rules of the SPIFFE-ID standard; raises InvalidInput.

    The character sets leave no room for a query, fragment, userinfo, port or percent-encoding.
    """
    if len(text) > _LONGEST_ID:
        raise InvalidInput(
            f"spiffe id has {len(text)} characters, but must have at most {_LONGEST_ID}"
        )
    if not text.startswith(_SCHEME):
        raise _wrong(text, f"begin with {_SCHEME}")
    domain, slash, path = text.removeprefix(_SCHEME).partition("/")
    if not _TRUST_DOMAIN.fullmatch(domain):
        raise _wrong(text, "have a trust domain of 1 to 255 characters from a-z 0-9 . - _")
    if slash and not all(_is_segment(segment) for segment in path.split("/")):
        raise _wrong(
            text, "have path segments of a-z A-Z 0-9 . - _, none of them empty, '.' or '..'"
        )
    return SpiffeId(domain, slash + path)


def _is_segment(text: str) -> bool:
    return _SEGMENT.fullmatch(text) is not None and text not in {".", ".."}


def _wrong(text: str, rule: str) -> InvalidInput:
    return InvalidInput(f"spiffe id is {text[:120]!r}, but must {rule}")
