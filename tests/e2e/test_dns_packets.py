"""Packets by the batch, over real sockets."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from cluster_agent.dns.udp_batches import BATCH, Packets, is_supported

HOSTS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
PACKED = {socket.AF_INET: b"\x7f\0\0\1", socket.AF_INET6: b"\0" * 15 + b"\1"}


@contextmanager
def bound(family: int) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.setblocking(False)
        udp.bind((HOSTS[socket.AddressFamily(family)], 0))
        yield udp


def test_this_system_is_supported() -> None:
    assert is_supported()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_everybody_gets_the_reply_to_its_own_query(family: int) -> None:
    with ExitStack() as stack:
        udp = stack.enter_context(bound(family))
        clients = [stack.enter_context(bound(family)) for _ in range(5)]
        for number, client in enumerate(clients * 3):
            client.sendto(f"query {number}".encode(), udp.getsockname())
        seen: list[bytes] = []

        def reply(source: bytes, query: bytes) -> bytes | None:
            seen.append(source)
            return None if query == b"query 4" else b"reply to " + query

        packets = Packets(udp)
        assert packets.answer(reply) == 15
        assert packets.answer(reply) == 0
        assert set(seen) == {PACKED[socket.AddressFamily(family)]}
        for number, client in enumerate(clients):
            expected = [f"reply to query {n}".encode() for n in (number, number + 5, number + 10)]
            wanted = [e for e in expected if e != b"reply to query 4"]
            assert [client.recv(100) for _ in wanted] == wanted
            with pytest.raises(BlockingIOError):
                client.recv(100)


def test_more_than_a_batch_takes_several_turns_and_long_packets_are_whole() -> None:
    sizes = [10] * BATCH + [4000] * 3
    with bound(socket.AF_INET) as udp, bound(socket.AF_INET) as client:
        for number, size in enumerate(sizes):
            client.sendto(bytes([number]) * size, udp.getsockname())
        packets = Packets(udp)
        found: list[bytes] = []
        assert packets.answer(lambda _, query: found.append(query)) == BATCH
        assert packets.answer(lambda _, query: found.append(query)) == 3
        assert found == [bytes([number]) * size for number, size in enumerate(sizes)]


def test_who_is_gone_delays_nobody() -> None:
    with bound(socket.AF_INET) as udp, bound(socket.AF_INET) as client:
        with bound(socket.AF_INET) as gone:
            gone.sendto(b"one", udp.getsockname())
        client.sendto(b"two", udp.getsockname())
        packets = Packets(udp)
        packets.answer(lambda _, query: query)
        assert client.recv(100) == b"two"
        packets.answer(lambda _, query: query)  # takes the error of the one that is gone
        client.sendto(b"three", udp.getsockname())
        packets.answer(lambda _, query: query)
        assert client.recv(100) == b"three"
