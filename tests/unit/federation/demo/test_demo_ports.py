"""Addresses that are taken are found before anything starts."""

import socket

import pytest

from federation.demo.layout import Member, Role
from federation.demo.ports import check_free
from federation.model.errors import Failed


def member(address: str) -> Member:
    return Member("us-east-gateway", Role.GATEWAY, "us-east", (("mtls", address),))


def test_a_taken_address_is_named_with_its_holder_and_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(Failed) as refused:
            check_free([member(address)])
    said = str(refused.value)
    assert address in said
    assert "us-east-gateway" in said
    assert "python" in said or "pytest" in said
    assert "--network" in said


def test_free_addresses_pass() -> None:
    """Nothing is raised."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    check_free([member(f"127.0.0.1:{port}")])


def test_an_address_this_machine_does_not_have_is_named() -> None:
    with pytest.raises(Failed, match=r"192\.0\.2\.1:9 for us-east-gateway cannot be used"):
        check_free([member("192.0.2.1:9")])
