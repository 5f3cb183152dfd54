"""Why a connection failed is said in words, whichever library noticed it."""

import pytest

from federation.runtime.reasons import connection_reason

_TLS = (
    "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:41049: "
    "Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:1000007d:SSL "
    "routines:OPENSSL_internal:"
)
_TCP = "failed to connect to all addresses; last error: UNAVAILABLE: ipv4:127.0.0.1:1: "


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{_TLS}CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate: OK",
         "signed by an authority that is not trusted here"),
        (f"{_TLS}CERTIFICATE_VERIFY_FAILED: certificate has expired: OK", "has expired"),
        (f"{_TLS}CERTIFICATE_VERIFY_FAILED: certificate is not yet valid: OK", "not valid yet"),
        (f"{_TLS}WRONG_VERSION_NUMBER: Invalid certificate verification context: OK",
         "does not speak TLS"),
        (f"{_TLS}TLSV1_ALERT_UNKNOWN_CA: OK", "refuses the certificate"),
        (f"{_TLS}SOMETHING_NEW: OK", "the TLS handshake failed"),
        (f"{_TCP}Failed to connect to remote host: Connection refused", "nothing listens there"),
        (f"{_TCP}Socket closed", "closed the connection"),
        (f"{_TCP}Handshake read failed (recvmsg:Connection reset by peer (104))",
         "closed the connection during the TLS handshake"),
        ("errors resolving no.example:1: [field:hostname lookup error:address lookup failed]",
         "its name cannot be resolved"),
        ("Deadline Exceeded", "did not answer in time"),
        ("Received RST_STREAM with error code 2", "ended the stream"),
        ("keepalive watchdog timeout", "did not answer a PING"),
        ("Internal error from Core", "closed the connection"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "does not speak TLS"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: IP address mismatch, "
         "certificate is not valid for '127.0.0.9'. (_ssl.c:1006)", "is for another name"),
        ("[Errno -2] Name or service not known", "its name cannot be resolved"),
        ("[Errno 111] Connection refused", "nothing listens there"),
        ("timed out", "did not answer in time"),
    ],
)  # fmt: skip
def test_what_libraries_say_is_said_in_words(text: str, words: str) -> None:
    said = connection_reason(text)
    assert words in said
    for theirs in ("SSL_ERROR", "error:", "ipv4:", "TSI", "OPENSSL", "_ssl.c", "Errno"):
        assert theirs not in said


def test_what_is_not_known_stays_without_the_words_in_front() -> None:
    assert connection_reason(f"{_TCP}Odd thing") == "Odd thing"
    assert connection_reason("[Errno 28] No space left on device") == "No space left on device"


@pytest.mark.parametrize(
    "text",
    [
        "the token has expired: make another one",
        "cluster east is revoked",
        "too many streams of agent/us-west: ask again in 3 s",
        "Connection refused by a policy named so",
    ],
)
def test_what_our_own_servers_say_is_passed_on(text: str) -> None:
    assert connection_reason(text) == text
