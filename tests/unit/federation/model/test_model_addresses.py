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
        ("64:ff9b::10.0.0.1", ""),
        ("64:ff9b::127.0.0.1", "loopback"),
        ("64:ff9b::169.254.169.254", "link-local"),
        ("::127.0.0.1", "loopback"),
        ("fd00:ec2::1", ""),
        ("fd00:ec2::254", "of the cloud"),
        ("fd20:ce::254", "of the cloud"),
        ("168.63.129.16", "of the cloud"),
        ("::ffff:100.100.100.200", "of the cloud"),
        ("192.0.0.192", "of the cloud"),
    ],
)
def test_an_address_says_whether_others_can_dial_it(address: str, kind: str) -> None:
    assert special_kind(ip_address(address)) == kind
