"""Sources that ask too much are sent to TCP, then ignored; others do not notice."""

from ipaddress import ip_address, ip_network

from cluster_agent.dns.rate_limit import Allowance, Sources

ANSWER, TELL, DROP = "answer", "tell", "drop"


def verdicts(sources: Sources, source: str, number: int) -> list[str]:
    packed = ip_address(source).packed
    return [
        ANSWER if sources.take(packed) else TELL if sources.is_told else DROP for _ in range(number)
    ]


def test_a_source_is_answered_up_to_its_limit_in_each_second() -> None:
    sources = Sources(3)
    for _ in range(2):
        assert verdicts(sources, "10.0.0.1", 7) == [ANSWER] * 3 + [DROP, TELL, DROP, TELL]
        assert verdicts(sources, "10.0.0.2", 1) == [ANSWER]
        sources.tick()
    assert sources.limited == 8


def test_the_first_network_that_fits_says_how_much() -> None:
    allowances = [
        Allowance(ip_network("10.0.0.9/32"), 0),
        Allowance(ip_network("10.0.0.0/8"), 5),
        Allowance(ip_network("fd00::/8"), 2),
    ]
    sources = Sources(1, allowances)
    for source, number in (("10.0.0.9", 0), ("10.1.1.1", 5), ("fd00::1", 2), ("192.0.2.1", 1)):
        assert verdicts(sources, source, 9).count(ANSWER) == number


def test_all_addresses_of_one_network_of_ipv6_are_one_source() -> None:
    sources = Sources(3)
    asked = [verdicts(sources, f"2001:db8:0:1::{i:x}", 1)[0] for i in range(1, 100)]
    assert asked.count(ANSWER) == 3
    assert verdicts(sources, "2001:db8:0:2::1", 1) == [ANSWER]
    assert len(sources._left) == 2, "what one network costs does not grow with its addresses"


def test_one_address_of_ipv6_may_have_an_allowance_of_its_own() -> None:
    allowances = [
        Allowance(ip_network("2001:db8:0:1::53/128"), 5),
        Allowance(ip_network("2001:db8:0:1::/64"), 2),
    ]
    sources = Sources(1, allowances)
    assert verdicts(sources, "2001:db8:0:1::53", 9).count(ANSWER) == 5
    others = [verdicts(sources, f"2001:db8:0:1::{i}", 1)[0] for i in range(1, 9)]
    assert others.count(ANSWER) == 2
