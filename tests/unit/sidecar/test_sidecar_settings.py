"""Upstreams in a settings file: right as a whole, or refused in one sentence."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from federation.model.errors import InvalidInput
from federation.model.names import ServiceName
from federation.model.proxies import Upstream
from federation.process.settings import load_settings
from sidecar.settings import SidecarSettings, parse_upstreams

REQUIRED = {
    "workload": "shop/web-1",
    "agent": "10.0.0.1:15012",
    "trust_file": "trust.pem",
    "token_file": "token",
    "state": "state",
    "address": "10.0.0.9",
    "outbound": "127.0.0.1:15001",
    "readiness": "127.0.0.1:15021",
}
DB = {"service": "shop/db", "port": 5432, "listen": "127.0.0.1:15432"}
WEB = {"service": "shop/web", "port": 80, "listen": "127.0.0.1:8080"}


def load(tmp_path: Path, *upstreams: Any) -> SidecarSettings:
    file = tmp_path / "sidecar.yaml"
    file.write_text(yaml.safe_dump(REQUIRED | {"upstreams": list(upstreams)}))
    return load_settings(SidecarSettings, file)


def test_upstreams_are_told_in_a_fixed_order(tmp_path: Path) -> None:
    expected = (
        Upstream("127.0.0.1", 8080, ServiceName("shop", "web"), 80),
        Upstream("127.0.0.1", 15432, ServiceName("shop", "db"), 5432),
    )
    assert parse_upstreams(load(tmp_path, DB, WEB)) == expected
    assert parse_upstreams(load(tmp_path, WEB, DB)) == expected
    assert parse_upstreams(load(tmp_path)) == ()


@pytest.mark.parametrize(
    ("upstream", "says"),
    [
        (DB | {"service": "db"}, "field upstreams[1]: service is 'db', but must be NAMESPACE/NAME"),
        (DB | {"service": "Shop/db"}, "'Shop', but must be a DNS label"),
        (DB | {"port": 0}, "field upstreams[1].port is 0, but must be a whole number >= 1"),
        (DB | {"port": 65536}, "field upstreams[1].port is 65536, but must be"),
        (DB | {"port": "http"}, "field upstreams[1].port is 'http', but must be a whole number"),
        (DB | {"listen": "15432"}, "field upstreams[1].listen is '15432', but must be HOST:PORT"),
        (
            DB | {"listen": "localhost:1"},
            "field upstreams[1].listen is 'localhost:1', but must be IP:PORT",
        ),
        (DB | {"listen": WEB["listen"]}, "'127.0.0.1:8080', but upstreams[0] listens there"),
        (DB | {"listen": "127.0.0.1:15001"}, "'127.0.0.1:15001', but outbound listens there"),
        (DB | {"listen": "127.0.0.1:15021"}, "'127.0.0.1:15021', but readiness listens there"),
        (DB | {"listen": "10.0.0.9:15006"}, "'10.0.0.9:15006', but others dial the sidecar there"),
        (DB | {"colour": "blue"}, "field upstreams[1].colour is not known"),
        ({"service": "shop/db", "port": 1}, "field upstreams[1].listen is missing"),
        ("shop/db:5432", "field upstreams[1] is 'shop/db:5432', but must be a mapping"),
    ],
)
def test_an_upstream_that_cannot_be_is_named(tmp_path: Path, upstream: Any, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, WEB, upstream)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"settings file {tmp_path / 'sidecar.yaml'}: field ")
    assert "\n" not in str(caught.value)


def test_more_than_a_hundred_upstreams_are_refused(tmp_path: Path) -> None:
    many = [DB | {"listen": f"127.0.0.2:{port}"} for port in range(1, 102)]
    assert len(load(tmp_path, *many[1:]).upstreams) == 100
    with pytest.raises(
        InvalidInput, match=r"field upstreams is .* must be a list of length <= 100"
    ):
        load(tmp_path, *many)
