"""Which addresses stand for one machine."""

from ipaddress import ip_address

import pytest

from federation.model.addresses import special_kind


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("10.0.0.1", ""),
        ("203.0.113.9", ""),
        ("fd00::1", ""),
        ("2001:db8::1", ""),
        ("::ffff:10.0.0.1", ""),
        ("127.0.0.1", "loopback"),
        ("127.61.0.11", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("255.255.255.255", "broadcast"),
    ],
)
def test_an_address_says_whether_others_can_dial_it(address: str, kind: str) -> None:
    assert special_kind(ip_address(address)) == kind
