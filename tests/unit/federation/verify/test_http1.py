"""HTTP/1.1 messages come out whole and in order, however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.model.errors import PeerBroke
from federation.verify.http1 import MAX_HEAD_BYTES, Message, MessageReader

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
)
ANSWERS = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    + CHUNKED
    + b"HTTP/1.1 204 No Content\r\n\r\n"
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nConnection: close\r\n\r\n"
)
REQUESTS = (
    b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody"
    b"GET /b HTTP/1.1\r\nhost: x\r\n\r\n"
)


def read_all(data: bytes, *, answers: bool, cuts: list[int] | None = None) -> list[Message]:
    reader = MessageReader(answers=answers)
    found = []
    edges = [0, *sorted(cuts or []), len(data)]
    for start, end in pairwise(edges):
        reader.feed(data[start:end])
        while (message := reader.take()) is not None:
            found.append(message)
    assert reader.idle
    return found


def told(messages: list[Message]) -> list[tuple[str, bytes]]:
    return [(m.words[1], bytes(m.body)) for m in messages]


def test_answers_with_every_framing_are_read_and_interim_ones_passed_over() -> None:
    found = read_all(ANSWERS, answers=True)
    assert told(found) == [("200", b"abc"), ("200", b"hello world"), ("204", b""), ("503", b"")]
    assert [m.closes for m in found] == [False, False, False, True]


@given(st.lists(st.integers(0, len(ANSWERS)), max_size=20))
def test_where_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    found = read_all(ANSWERS, answers=True, cuts=cuts)
    assert found == read_all(ANSWERS, answers=True)


def test_pipelined_requests_come_one_by_one() -> None:
    assert told(read_all(REQUESTS, answers=False)) == [("/a", b"body"), ("/b", b"")]


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    reader = MessageReader(answers=True)
    reader.feed(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    assert reader.take() is None
    message = reader.end()
    assert message is not None
    assert bytes(message.body) == b"all of it"


def test_a_connection_that_ends_within_a_counted_body_gives_no_answer() -> None:
    reader = MessageReader(answers=True)
    reader.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
    assert reader.take() is None
    assert reader.end() is None


def test_only_the_first_bytes_of_a_body_are_kept_and_all_are_counted() -> None:
    reader = MessageReader(answers=False, keep=4)
    reader.feed(b"PUT / HTTP/1.1\r\ncontent-length: 1000\r\n\r\n" + b"x" * 1000)
    message = reader.take()
    assert message is not None
    assert (bytes(message.body), message.body_bytes) == (b"xxxx", 1000)


def test_a_sender_that_waits_for_continue_is_told_once() -> None:
    reader = MessageReader(answers=False)
    reader.feed(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
    assert reader.take() is None
    assert reader.expects_continue()
    assert not reader.expects_continue()


@pytest.mark.parametrize(
    "data",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nspace : x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + b"1" * 9000,
        b"x" * (MAX_HEAD_BYTES + 1),
    ],
)
def test_bytes_that_are_not_http_are_refused(data: bytes) -> None:
    reader = MessageReader(answers=False)
    reader.feed(data)
    with pytest.raises(PeerBroke):
        reader.take()


def test_an_answer_with_a_broken_status_is_refused() -> None:
    reader = MessageReader(answers=True)
    reader.feed(b"HTTP/1.1 2OO OK\r\n\r\n")
    with pytest.raises(PeerBroke, match="three digits"):
        reader.take()


def test_an_old_client_is_not_kept_alive_unless_it_asks() -> None:
    plain, kept = read_all(
        b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", answers=False
    )
    assert plain.closes
    assert not kept.closes


def test_what_follows_an_upgrade_is_left_to_the_next_protocol() -> None:
    reader = MessageReader(answers=False)
    reader.feed(b"GET /ws HTTP/1.1\r\nupgrade: websocket\r\n\r\n\x89\x00")
    assert reader.take() is not None
    assert reader.rest() == b"\x89\x00"
    assert reader.idle
