"""The application's command line."""

import pytest

from federation.demo.app import parse_arguments

USUAL = ["--listen", "127.0.0.1:8080", "--cluster", "c", "--workload", "w", "--version", "v"]


def test_http_alone_is_enough() -> None:
    said = parse_arguments(USUAL)
    assert (said.listen, said.cluster, said.workload, said.version) == (
        "127.0.0.1:8080",
        "c",
        "w",
        "v",
    )
    assert (said.listen_grpc, said.listen_tcp, said.journal) == (None, None, None)


def test_all_protocols_and_a_journal_can_be_asked_for() -> None:
    more = ["--listen-grpc", "127.0.0.1:1", "--listen-tcp", "127.0.0.1:2", "--journal", "j.ids"]
    said = parse_arguments([*USUAL, *more])
    assert (said.listen_grpc, said.listen_tcp) == ("127.0.0.1:1", "127.0.0.1:2")
    assert said.journal.name == "j.ids"


def test_who_it_is_must_be_said() -> None:
    with pytest.raises(SystemExit):
        parse_arguments(USUAL[:-2])
