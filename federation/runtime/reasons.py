"""Why a connection failed, in words that a person can act on, instead of a library's.

In: what gRPC, OpenSSL or the operating system says. Out: a clause for "ADDRESS: ..."; what is not
known stays as it is, without the phrases that gRPC puts in front of it.
"""

import re
from functools import lru_cache

_REASONS = (
    (r"unable to get (local )?issuer certificate|self.signed certificate|unable to verify",
     "its certificate is signed by an authority that is not trusted here"),
    (r"certificate has expired", "its certificate has expired, unless the clock here is wrong"),
    (r"certificate is not yet valid",
     "its certificate is not valid yet: the clock here or the one there is wrong"),
    (r"(hostname|IP address) mismatch|Hostname Verification Check failed|not in peer certificate",
     "its certificate is for another name"),
    (r"permitted subtree violation", "its certificate has a name that its authority may not sign"),
    (r"CERTIFICATE_VERIFY_FAILED", "its certificate is not valid"),
    (r"WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG",
     "it does not speak TLS"),
    (r"ALERT|PEER_DID_NOT_RETURN_A_CERTIFICATE", "it refuses the certificate that is shown to it"),
    (r"Handshake read failed|UNEXPECTED_EOF|EOF occurred in violation|zero return",
     "it closed the connection during the TLS handshake"),
    (r"SSL_ERROR|\[SSL", "the TLS handshake failed"),
    (r"Connection refused", "nothing listens there (connection refused)"),
    (r"errors resolving|address lookup failed|Name or service not known|name resolution",
     "its name cannot be resolved"),
    (r"No route to host|(Network|Host) is unreachable", "there is no route to it"),
    (r"Deadline Exceeded|timed out|[Tt]imeout occurred|FD Shutdown",
     "it did not answer in time"),
    (r"keepalive watchdog|ping timeout|too_many_pings", "it did not answer a PING in time"),
    (r"Socket closed|Connection reset|Broken pipe|End of TCP stream|recvmsg|sendmsg|GOAWAY|"
     r"Internal error from Core|[Ss]tream removed",
     "it closed the connection, or refuses the certificate that is shown to it"),
    (r"RST_STREAM", "it ended the stream"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), words) for pattern, words in _REASONS)
_FROM_A_LIBRARY = re.compile(
    r"failed to connect to all addresses|^errors resolving|SSL_ERROR|\[SSL|certificate verify|"
    r"^(Socket closed|Deadline Exceeded|Internal error from Core|Stream removed|Broken pipe)|"
    r"RST_STREAM|GOAWAY|keepalive watchdog|ping timeout|recvmsg:|sendmsg:|\[Errno -?\d+\]|"
    r"timed out|_ssl\.c|^(ipv4|ipv6|unix):"
)
_IN_FRONT = re.compile(
    r"^failed to connect to all addresses; last error: [A-Z_]+: (ipv[46]|unix):\S+: "
    r"|^\[Errno -?\d+\] "
)


@lru_cache(maxsize=64)
def connection_reason(text: str) -> str:
    """A library's words in ours; what a peer of ours has said, and the unknown, is left alone."""
    if not _FROM_A_LIBRARY.search(text):
        return text
    for pattern, words in _COMPILED:
        if pattern.search(text):
            return words
    return _IN_FRONT.sub("", text)
