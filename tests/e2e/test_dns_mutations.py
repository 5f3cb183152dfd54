"""Whatever the bytes, the DNS server neither fails nor grows: mutations of real packets."""

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_agent.dns.answer import TCP_SIZE, Counts, answer, truncated
from cluster_agent.dns.message import UDP_SIZE
from cluster_agent.dns.table import Table
from tests.unit.cluster_agent.dns.test_dns_answer import HEADLESS, NAME, query, table

SEEDS = (
    query(NAME),
    query(NAME, edns=0),
    query(f"_http._tcp.{NAME}", "SRV", edns=4096),
    query(HEADLESS, "AAAA"),
    query("cart.shop.svc.mesh.local"),
    query("nobody.shop.svc.clusterset.local", "TXT"),
    query(".", "NS"),
)


def mutated(rng: random.Random) -> bytes:
    """A real packet with a few bytes changed, cut, doubled, or from another packet."""
    found = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(found) + 1)
        match rng.randrange(4):
            case 0 if found:
                found[at % len(found)] = rng.randrange(256)
            case 1:
                del found[at : at + rng.randrange(1, 9)]
            case 2:
                found[at:at] = found[at : at + rng.randrange(1, 9)]
            case _:
                found[at:] = rng.choice(SEEDS)[at:]
    return bytes(found)


def check(reply: bytes | None, asked: bytes, most: int) -> None:
    """Whoever reads it finds a response to what it asked, of a size it takes."""
    if reply is not None:
        assert reply[:2] == asked[:2]
        assert reply[2] & 0x80
        assert 12 <= len(reply) <= most


def mutate(count: int, seed: int) -> None:
    names, counts, rng = table(), Counts(), random.Random(seed)
    for _ in range(count):
        asked = mutated(rng)
        check(answer(names, asked, counts), asked, UDP_SIZE)
        reply = truncated(asked)
        assert reply is None or len(reply) <= len(asked)


def test_a_hundred_thousand_mutations_are_answered_or_dropped() -> None:
    mutate(100_000, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_million_mutations_leave_nothing_behind() -> None:
    mutate(1_000, seed=2)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for seed in range(3, 13):
        mutate(100_000, seed)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 1 << 20


@given(st.binary(max_size=600))
@settings(max_examples=2_000, deadline=None)
def test_bytes_of_any_kind_are_answered_or_dropped(asked: bytes) -> None:
    check(answer(table_once(), asked, Counts(), TCP_SIZE), asked, TCP_SIZE)


LABELS = st.lists(st.binary(min_size=1, max_size=70), max_size=8)


@given(
    LABELS,
    st.integers(0, 65_535),
    st.integers(0, 65_535),
    st.binary(max_size=40),
    st.integers(0, 65_535),
)
@settings(max_examples=2_000, deadline=None)
def test_questions_of_any_structure_are_answered_or_dropped(
    labels: list[bytes], type_: int, class_: int, rest: bytes, flags: int
) -> None:
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    head = b"\0\7" + flags.to_bytes(2, "big") + b"\0\1\0\0\0\0" + (b"\0\1" if rest else b"\0\0")
    asked = head + name + type_.to_bytes(2, "big") + class_.to_bytes(2, "big") + rest
    check(answer(table_once(), asked, Counts()), asked, UDP_SIZE)


_TABLE = table()


def table_once() -> Table:
    return _TABLE
