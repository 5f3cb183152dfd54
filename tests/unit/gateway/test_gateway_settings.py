"""A gateway that listens elsewhere than it is dialled."""

from pathlib import Path

import pytest

from federation.model.errors import InvalidInput
from federation.process.settings import load_settings
from gateway.settings import GatewaySettings

REQUIRED = """\
name: gateway-1
agent: 10.0.0.1:15012
trust_file: trust.pem
token_file: token
state: state
address: 198.51.100.7
"""


def load(tmp_path: Path, more: str = "") -> GatewaySettings:
    file = tmp_path / "gateway.yaml"
    file.write_text(REQUIRED + more)
    return load_settings(GatewaySettings, file)


def test_a_gateway_listens_where_it_is_dialled_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert load(tmp_path).listen is None
    listen = load(tmp_path, "listen: 0.0.0.0:443\n").listen
    assert str(listen) == "0.0.0.0:443"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("example.org:443", "field listen is 'example.org:443', but must be IP:PORT"),
        ("0.0.0.0", "field listen is '0.0.0.0', but must be HOST:PORT"),
    ],
)
def test_a_listen_address_that_cannot_be_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, f"listen: {text}\n")
    assert says in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("network", "says"),
    [
        ("nope", "is 'nope', but must be a network such as 10.96.0.0/16"),
        ("10.96.0.5/16", "but must be a network such as"),
        ("10.96.0.0", "but must have at least 4 addresses"),
        ("10.96.0.0/31", "but must have at least 4 addresses"),
        ("0.0.0.0/0", "unicast addresses of your own, at most a /8"),
        ("8.0.0.0/5", "at most a /8"),
        ("224.0.0.0/16", "but must be unicast addresses"),
        ("169.254.0.0/16", "but must be unicast addresses"),
        ("fd00::/40", "at most a /48"),
    ],
)
def test_a_range_that_cannot_be_is_named(tmp_path: Path, network: str, says: str) -> None:
    more = f"entry:\n  addresses: '{network}'\n  token_file: t\n"
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, more)
    assert says in str(caught.value)
    assert "entry.addresses" in str(caught.value)


@pytest.mark.parametrize("network", ["10.96.0.0/16", "10.96.0.0/30", "127.16.0.0/20", "fd00::/64"])
def test_a_range_of_ones_own_is_taken(tmp_path: Path, network: str) -> None:
    found = load(tmp_path, f"entry:\n  addresses: '{network}'\n  token_file: t\n")
    assert found.entry is not None
    assert found.entry.addresses == network
