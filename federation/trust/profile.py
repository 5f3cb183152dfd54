"""What a certificate of the mesh must be, as values: the first of profile, issue, validate.

In: names and lives. Out: `AuthorityProfile` or `LeafProfile`, which `federation.trust.issue`
turns into certificates. `federation.trust.validate` states the same rules again, on its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

from federation.model.errors import InvalidInput
from federation.model.names import parse_object_name, parse_subdomain
from federation.trust.lives import backdate
from federation.trust.spiffe import SpiffeId, controller_id, parse, user_id

# Replacing the root means touching every member, so it outlives most installations.
ROOT_LIFE = timedelta(days=3650)
# Long enough that a cluster survives a long weekend without the controller (it renews at half),
# short enough that a member who is not renewed any more is gone within a week.
INTERMEDIATE_LIFE = timedelta(days=7)
# The twin is an anchor, not a proof of membership: it is removed, it does not run out.
TWIN_LIFE = timedelta(days=3650)
# A stolen leaf is of use for an hour at most; renewal at half tolerates 30 min without an agent.
LEAF_LIFE = timedelta(hours=1)
# The controller renews its own leaf from the root key beside it, so a week costs nothing.
CONTROLLER_LIFE = timedelta(days=7)
# A person makes it anew by one command; the controller refuses it at once when it is revoked.
USER_LIFE = timedelta(days=30)
LONGEST_USER_LIFE = timedelta(days=365)
_LONGEST_USER = 64  # it is the common name, and X.509 allows 64 characters there


@dataclass(frozen=True, slots=True)
class AuthorityProfile:
    """A certificate that signs others.

    `path_length` is the number of authorities that may follow below it. `confined_to` is the only
    trust domain for which it may sign, empty for the root.
    """

    common_name: str
    uri: str
    path_length: int
    confined_to: str
    life: timedelta

    @property
    def backdate(self) -> timedelta:
        """How far not_before lies back."""
        return backdate(self.life)


@dataclass(frozen=True, slots=True)
class LeafProfile:
    """A certificate that proves one identity, as a server (`is_server`) and a client (`is_client`).

    `uri` is its SPIFFE id and its only URI; empty for a server that is nobody of the mesh. With an
    empty `common_name` the subject is empty, and
    the alternative names are critical (RFC 5280, 4.2.1.6).
    """

    uri: str
    life: timedelta
    common_name: str = ""
    dns_names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    is_client: bool = True
    is_server: bool = True

    @property
    def backdate(self) -> timedelta:
        """How far not_before lies back."""
        return backdate(self.life)


def root_profile(domain: str, life: timedelta = ROOT_LIFE) -> AuthorityProfile:
    """The root of the clusterset `domain`: signs clusters' authorities and the controller."""
    parse_subdomain(domain, "clusterset domain")
    return AuthorityProfile("fedmesh root", str(SpiffeId(domain, "")), 1, "", life)


def intermediate_profile(
    trust_domain: str, life: timedelta = INTERMEDIATE_LIFE
) -> AuthorityProfile:
    """The authority of one cluster, signed by the root and confined to its trust domain."""
    return AuthorityProfile(trust_domain, str(SpiffeId(trust_domain, "")), 0, trust_domain, life)


def twin_profile(trust_domain: str, life: timedelta = TWIN_LIFE) -> AuthorityProfile:
    """The anchor of one trust domain: the intermediate's subject and key, signed by itself.

    Envoy's SPIFFE validator accepts only self-signed certificates as anchors.
    """
    return intermediate_profile(trust_domain, life)


def leaf_profile(
    spiffe_id: str, dns_names: Iterable[str] = (), life: timedelta = LEAF_LIFE
) -> LeafProfile:
    """The leaf of a workload, a gateway or an agent; an agent's has the DNS name it serves under.

    Raises InvalidInput for an id without a path and for text that is no DNS name.
    """
    identity = parse(spiffe_id)
    if not identity.path:
        raise InvalidInput(f"spiffe id of a leaf is {spiffe_id}, but must have a path")
    return LeafProfile(spiffe_id, life, dns_names=_hosts(dns_names, f"leaf {spiffe_id}"))


def agent_host(trust_domain: str) -> str:
    """The DNS name under which a cluster's agent serves its proxies."""
    return f"agent.{trust_domain}"


def controller_profile(domain: str, life: timedelta = CONTROLLER_LIFE) -> LeafProfile:
    """The controller's identity, signed by the root itself: what agents talk to.

    It serves under the clusterset's domain, which members ask for wherever it really listens.
    """
    return LeafProfile(
        controller_id(domain),
        life,
        common_name="fedmesh controller",
        dns_names=_hosts((domain,), "controller certificate"),
    )


def api_profile(
    domain: str,
    hosts: Iterable[str],
    addresses: Iterable[str],
    life: timedelta = CONTROLLER_LIFE,
) -> LeafProfile:
    """The certificate of the controller's API, signed by the root itself: a server, and nobody.

    It has no SPIFFE id and not the name by which agents know the controller, so it is of no use
    there. Serves under `hosts` and `addresses` (IP literals). Raises InvalidInput.
    """
    names = _hosts(hosts, "API certificate")
    if domain in names:
        raise InvalidInput(
            f"the API is to be reached as {domain}, but that is the clusterset's domain, by which "
            "agents know the controller: advertise another name, such as controller."
            f"{domain}"
        )
    return LeafProfile(
        "",
        life,
        common_name="fedmesh API",
        dns_names=names,
        addresses=tuple(sorted({_address(text) for text in addresses}, key=str)),
        is_client=False,
    )


def user_profile(domain: str, name: str, life: timedelta = USER_LIFE) -> LeafProfile:
    """The certificate of a user of the API, signed by the root itself: a client, and no server.

    Raises InvalidInput for a name that does not fit, and for a life that is too long.
    """
    parse_object_name(name, "name of the user")
    if len(name) > _LONGEST_USER:
        raise InvalidInput(
            f"name of the user has {len(name)} characters, but at most {_LONGEST_USER} fit into a "
            "certificate"
        )
    if not timedelta(minutes=1) <= life <= LONGEST_USER_LIFE:
        raise InvalidInput(
            f"life of the certificate is {life}, but must be between a minute and "
            f"{LONGEST_USER_LIFE.days} days"
        )
    return LeafProfile(user_id(domain, name), life, common_name=name, is_server=False)


def _hosts(names: Iterable[str], what: str) -> tuple[str, ...]:
    return tuple(sorted({parse_subdomain(name, f"dns name of {what}") for name in names}))


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError as error:
        raise InvalidInput(
            f"address of API certificate is {text[:80]!r}, but must be an IP address"
        ) from error
