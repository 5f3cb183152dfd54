"""What leads to several clusters, for requests and for connections."""

import re
from collections import Counter

import pytest

from federation.envoy.split import NOWHERE, Share, of_connections, of_requests

PARTS = (Share("a", 9), Share("off", 0), Share("b", 1))


def test_one_cluster_is_named_as_it_always_was() -> None:
    assert of_requests([Share("a", 7)]) == {"cluster": "a"}
    assert of_requests([Share("a", 7), Share("off", 0)]) == {"cluster": "a"}
    assert of_connections([Share("a", 7), Share("off", 0)]) == "a"


def test_several_have_their_weights_and_none_without_one_is_named() -> None:
    assert of_requests(PARTS)["weighted_clusters"]["clusters"] == [
        {"name": "a", "weight": {"value": 9}},
        {"name": "b", "weight": {"value": 1}},
    ]
    assert "off" not in of_connections(PARTS)


def test_without_a_weight_there_is_nowhere_to_go() -> None:
    assert of_requests([Share("off", 0)]) == {}
    assert of_connections([]) == NOWHERE


def drawn(shares: list[Share], ids: range) -> Counter[str]:
    """What Envoy makes of the expression for connections with these numbers."""
    text = of_connections(shares).removeprefix("%CEL(").removesuffix(")%")
    bounds = [(int(n), name) for n, name in re.findall(r" < (\d+)u \? '([^']+)'", text)]
    (last,) = re.findall(r" : '([^']+)'$", text)
    assert text.count("connection.id") == len(bounds)

    def one(id: int) -> str:
        number = (id % 2**32) * 2_654_435_769 % 2**32
        return str(next((name for bound, name in bounds if number < bound), last))

    return Counter(map(one, ids))


@pytest.mark.parametrize("step", [1, 2, 3, 4, 7, 10, 100])
def test_connections_are_divided_evenly_whatever_else_is_counted_between_them(step: int) -> None:
    """Envoy numbers all its connections, so those of one listener may be every second or third."""
    shares = [Share("a", 70), Share("b", 20), Share("c", 10)]
    found = drawn(shares, range(12_345, 12_345 + 1000 * step, step))
    assert found.total() == 1000
    for share in shares:
        assert abs(found[share.cluster] - share.weight * 10) <= 10


def test_a_tiny_share_is_not_lost() -> None:
    found = drawn([Share("a", 9999), Share("b", 1)], range(100_000))
    assert 8 <= found["b"] <= 12


def test_numbers_do_not_run_over() -> None:
    """CEL counts in 64 bits and gives up beyond, which would close connections."""
    assert (2**32 - 1) * 2_654_435_769 < 2**64
