"""The pieces every Envoy resource is made of: bytes, addresses, sources, TLS, secrets.

In: plain values. Out: Envoy messages, and `Resource`, a message as deterministic bytes under its
name. Used by `federation.envoy.clusters`, `federation.envoy.http` and the two `compile.py`; the
Envoy protobufs are untyped, so nothing outside these touches them.
"""

from collections.abc import Collection, Iterable
from typing import Any as Message
from typing import NamedTuple

from envoy.config.core.v3 import base_pb2
from envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2
from envoy.extensions.transport_sockets.tls.v3 import (
    common_pb2,
    secret_pb2,
    tls_pb2,
    tls_spiffe_validator_config_pb2,
)
from google.protobuf.any_pb2 import Any
from google.protobuf.struct_pb2 import Struct, Value

from federation.envoy.identity import IDENTITY
from federation.model.facts import Bundle

CLUSTERSET = "clusterset"
"""The secret that believes every cluster; for those that anybody of the clusterset may call."""

MOST_NAMED = 8
"""So many trust domains may have a secret of their own; who needs more believes all."""

# Where every discovered thing comes from: the one stream to the supervisor.
ADS = {"ads": {}, "resource_api_version": "V3"}

# Both ends are ours, so nothing older is needed; the name of the service stays readable to the
# gateway, which passes connections on by it.
# Key exchange is hybrid: who records traffic now cannot read it with a quantum computer later.
_TLS_PARAMS = {
    "tls_minimum_protocol_version": "TLSv1_3",
    "tls_maximum_protocol_version": "TLSv1_3",
    "ecdh_curves": ["X25519MLKEM768", "X25519"],
}

# An empty list of names means anybody to Envoy. This stands in for "nobody".
_NOBODY = "fedmesh:nobody"

_PLAIN_MATCH = Struct(fields={"tls": Value(string_value="off")})


class Resource(NamedTuple):
    """A resource as xDS carries it: type URL, name, and the bytes of a packed `Any`."""

    type_url: str
    name: str
    body: bytes


def any_of(message: Message) -> Any:
    """The message in an `Any`, its bytes the same each time (maps in sorted order)."""
    wrapped = Any()
    wrapped.Pack(message, deterministic=True)
    return wrapped


def packed(message: Message) -> bytes:
    """The bytes of the message in an `Any`: what a version is the hash of."""
    return any_of(message).SerializeToString(deterministic=True)


def resource(name: str, message: Message) -> Resource:
    """The message under its type URL and name."""
    wrapped = any_of(message)
    return Resource(wrapped.type_url, name, wrapped.SerializeToString(deterministic=True))


def extension(name: str, message: Message) -> dict[str, Message]:
    """A named extension: filters, sockets, predicates."""
    return {"name": name, "typed_config": any_of(message)}


def address(host: str, port: int) -> dict[str, Message]:
    """A TCP address; `host` is an IP literal."""
    return {"socket_address": {"address": host, "port_value": port}}


def upstream_tls(
    identities: Iterable[str], alpn: tuple[str, ...] = (), shown: str = IDENTITY
) -> dict[str, Message]:
    """The socket that dials a sidecar: mTLS, the server name taken from the endpoint's hostname.

    `identities` are the exact SPIFFE ids that may answer; nobody may when it is empty. Only their
    trust domains are believed, since each context keeps its anchors parsed: with those of 100
    clusters a service costs 700 KB of memory.
    """
    names = [
        {"san_type": "URI", "matcher": {"exact": identity}}
        for identity in (tuple(identities) or (_NOBODY,))
    ]
    context = tls_pb2.UpstreamTlsContext(
        common_tls_context=_common_tls(names, alpn, trust_name(domains_of(identities)), shown),
        auto_host_sni=True,
    )
    return extension("envoy.transport_sockets.tls", context)


def probe_tls(server_name: str, trust_domain: str, alpn: str) -> dict[str, Message]:
    """The TLS with which a gateway checks a workload; any identity of its cluster will do."""
    trust = trust_name([trust_domain] if trust_domain else [])
    context = tls_pb2.UpstreamTlsContext(
        common_tls_context=_common_tls([], (alpn,), trust), sni=server_name
    )
    return extension("envoy.transport_sockets.tls", context)


def gateway_tls(identity: str, server_name: str) -> dict[str, Message]:
    """The TLS with which a gateway asks another one: exactly that identity must answer."""
    names = [{"san_type": "URI", "matcher": {"exact": identity}}]
    trust = trust_name(domains_of([identity]))
    context = tls_pb2.UpstreamTlsContext(
        common_tls_context=_common_tls(names, ("h2",), trust), sni=server_name
    )
    return extension("envoy.transport_sockets.tls", context)


def raw_socket() -> dict[str, Message]:
    """No TLS of our own."""
    return extension("envoy.transport_sockets.raw_buffer", raw_buffer_pb2.RawBuffer())


def downstream_tls(alpn: tuple[str, ...] = ()) -> dict[str, Message]:
    """The socket that receives from sidecars: a valid identity of the clusterset is required."""
    context = tls_pb2.DownstreamTlsContext(
        common_tls_context=_common_tls([], alpn), require_client_certificate={"value": True}
    )
    return extension("envoy.transport_sockets.tls", context)


def checked_tls(identity: str, alpn: str) -> dict[str, Message]:
    """The socket on which a sidecar is checked: exactly that identity gets in, nobody by `""`."""
    names = [{"san_type": "URI", "matcher": {"exact": identity or _NOBODY}}]
    context = tls_pb2.DownstreamTlsContext(
        common_tls_context=_common_tls(names, (alpn,)),
        require_client_certificate={"value": True},
    )
    return extension("envoy.transport_sockets.tls", context)


def plain_match() -> list[dict[str, Message]]:
    """The socket for endpoints without a sidecar, chosen by their metadata (`plain_metadata`)."""
    return [{"name": "plain", "match": _PLAIN_MATCH, "transport_socket": raw_socket()}]


def plain_metadata() -> base_pb2.Metadata:
    """Marks an endpoint that is dialled without TLS."""
    return base_pb2.Metadata(filter_metadata={"envoy.transport_socket_match": _PLAIN_MATCH})


def domains_of(identities: Iterable[str]) -> tuple[str, ...]:
    """The trust domains of SPIFFE ids, sorted."""
    return tuple(sorted({i.removeprefix("spiffe://").partition("/")[0] for i in identities}))


def trust_name(domains: Collection[str]) -> str:
    """The secret that believes these trust domains only; `clusterset` for none or very many."""
    if not 0 < len(domains) <= MOST_NAMED:
        return CLUSTERSET
    return f"{CLUSTERSET}:{','.join(sorted(domains))}"


def spiffe_validation(bundles: Iterable[Bundle], name: str = CLUSTERSET) -> bytes:
    """A secret that says whom to believe. One trust domain per bundle, sorted by name.

    Each trust domain has anchors of its own, so that no cluster can sign for another; a domain
    that is not listed (or was revoked: no anchors) is refused, and so is everybody when there is
    none.
    """
    config = tls_spiffe_validator_config_pb2.SPIFFECertValidatorConfig(
        trust_domains=[
            {
                "name": bundle.trust_domain,
                "trust_bundle": {"inline_string": _joined(bundle.anchors)},
            }
            for bundle in sorted(bundles, key=lambda bundle: bundle.trust_domain)
            if bundle.anchors
        ]
    )
    validator = extension("envoy.tls.cert_validator.spiffe", config)
    context = common_pb2.CertificateValidationContext(custom_validator_config=validator)
    return packed(secret_pb2.Secret(name=name, validation_context=context))


def _common_tls(
    names: list[dict[str, Message]],
    alpn: tuple[str, ...],
    trust: str = CLUSTERSET,
    shown: str = IDENTITY,
) -> tls_pb2.CommonTlsContext:
    return tls_pb2.CommonTlsContext(
        tls_params=_TLS_PARAMS,
        alpn_protocols=alpn,
        tls_certificate_sds_secret_configs=[{"name": shown, "sds_config": ADS}],
        combined_validation_context={
            "default_validation_context": {"match_typed_subject_alt_names": names},
            "validation_context_sds_secret_config": {"name": trust, "sds_config": ADS},
        },
    )


def _joined(anchors: Iterable[str]) -> str:
    return "".join(anchor if anchor.endswith("\n") else anchor + "\n" for anchor in anchors)
