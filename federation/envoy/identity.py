"""The proxy's own certificates as secrets: `identity`, and `entry` of gateways that offer entry.

Alone in its module: a supervisor imports it, and the other builders would cost it memory.
"""

from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from google.protobuf.any_pb2 import Any

IDENTITY = "identity"
ENTRY_IDENTITY = "entry"
"""What a gateway shows where it calls for clients without a sidecar."""


def identity_secret(chain: str, key: str, name: str = IDENTITY) -> bytes:
    """The secret with a certificate chain and its key (both PEM), packed."""
    secret = secret_pb2.Secret(
        name=name,
        tls_certificate={
            "certificate_chain": {"inline_string": chain},
            "private_key": {"inline_string": key},
        },
    )
    wrapped = Any()
    wrapped.Pack(secret)
    data: bytes = wrapped.SerializeToString(deterministic=True)
    return data
