"""Which addresses stand for one machine."""

from ipaddress import ip_address

import pytest

from federation.model.addresses import peer_source, special_kind


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


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("ipv4:10.0.0.1:443", bytes([10, 0, 0, 1])),
        ("ipv6:%5B2001:db8:0:1::7%5D:50000", bytes.fromhex("20010db800000001")),
        ("ipv6:[2001:db8:0:1:ffff::9]:1", bytes.fromhex("20010db800000001")),
        ("ipv6:%5Bfe80::1%25eth0%5D:1", bytes.fromhex("fe80000000000000")),
        ("ipv6:%5B::ffff:10.0.0.1%5D:1", bytes([10, 0, 0, 1])),
        ("unix:", b""),
        ("", b""),
    ],
)
def test_a_caller_counts_by_its_address_and_of_ipv6_by_its_network(
    peer: str, source: bytes
) -> None:
    assert peer_source(peer) == source
