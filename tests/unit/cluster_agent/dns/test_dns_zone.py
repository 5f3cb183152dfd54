"""What is said of one service: what fits, and in which turns."""

from cluster_agent.dns.reply import Body
from cluster_agent.dns.reply import body as body_of
from cluster_agent.dns.zone import say_service, smooth
from federation.model.exports import ServiceType
from federation.model.names import ServiceName
from federation.model.zones import ServiceNames
from tests.unit.cluster_agent.dns.test_dns_answer import ZONES


def bodies(order: list[Body]) -> str:
    return "".join(body.records.decode() for body in order)


def body(text: str) -> Body:
    return body_of(text.encode())


def test_turns_are_smooth_and_as_many_as_the_shares() -> None:
    assert bodies(smooth([(5, body("a")), (1, body("b")), (1, body("c"))])) == "aabacaa"
    assert bodies(smooth([(1, body("a")), (1, body("b"))])) == "ab"


def test_large_shares_make_a_round_of_about_a_hundred() -> None:
    order = bodies(smooth([(9_000, body("a")), (1_000, body("b"))]))
    assert len(order) == 100
    assert order.count("b") == 10


def test_a_service_without_addresses_exists_without_data() -> None:
    names = ServiceNames(ServiceName("shop", "api"), ServiceType.CLUSTERSET_IP, ())
    said = say_service(names, ZONES)
    assert said.answers == {}
    assert any(name.startswith(b"\x03api\x04shop\x03svc\x0aclusterset") for name in said.names)
