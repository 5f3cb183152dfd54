"""The settings of the DNS server; what cannot be is named."""

from pathlib import Path

import pytest

from cluster_agent.dns.settings import DnsSettings
from federation.model.errors import InvalidInput
from federation.process.settings import load_settings

REQUIRED = """\
listen: 10.0.0.5:53
agent: 10.0.0.1:15012
trust_file: trust.pem
token_file: token
state: state
"""


def load(folder: Path, more: str = "") -> DnsSettings:
    file = folder / "dns.yaml"
    file.write_text(REQUIRED + more)
    return load_settings(DnsSettings, file)


def test_the_steering_zone_is_mesh_local_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    assert load(tmp_path).steering_zone == "mesh.local"
    assert load(tmp_path, "steering_zone: mesh.example.com\n").steering_zone == "mesh.example.com"


@pytest.mark.parametrize("zone", ["clusterset.local", "svc.clusterset.local", "local"])
def test_a_steering_zone_that_meets_the_other_zone_is_refused(tmp_path: Path, zone: str) -> None:
    with pytest.raises(InvalidInput, match="must neither lie in"):
        load(tmp_path, f"steering_zone: {zone}\n")


def test_a_zone_that_ends_like_the_other_is_another(tmp_path: Path) -> None:
    zone = "myclusterset.local"
    assert load(tmp_path, f"steering_zone: {zone}\n").steering_zone == zone


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("steering_zone: Mesh_Local\n", "field steering_zone is 'Mesh_Local'"),
        ("queries_per_second: 0\n", "field queries_per_second is 0"),
        ("source_limits: [{network: ten, per_second: 5}]\n", "field network is 'ten'"),
        ("source_limits: [{network: 10.0.0.0/8}]\n", "source_limits[0].per_second is missing"),
        ("tcp_silent_seconds: 0\n", "field tcp_silent_seconds is 0"),
        ("bogus: 1\n", "field bogus is not known"),
    ],
)
def test_a_field_that_cannot_be_is_named(tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, more)
    assert says in str(caught.value)
