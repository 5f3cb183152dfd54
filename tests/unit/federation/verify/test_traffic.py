"""The load generator's command line."""

import pytest

from federation.verify import traffic

USUAL = ["--target", "127.0.0.1:80", "--out", "f"]


def test_the_command_line_becomes_a_load() -> None:
    load, out = traffic.parse_arguments([*USUAL, "--host", "h", "--rate", "50", "--seconds", "2"])
    assert (load.host, load.port, load.seconds, load.about.rate) == ("127.0.0.1", 80, 2.0, 50.0)
    assert (load.about.protocol, load.about.path, load.about.method) == ("http", "/", "GET")
    assert out.name == "f"


def test_each_protocol_has_its_usual_calls() -> None:
    load, _ = traffic.parse_arguments([*USUAL, "--protocol", "grpc", "--host", "h"])
    assert (load.about.path, load.about.method) == ("/fedmesh.demo.Echo/Who", "POST")
    load, _ = traffic.parse_arguments([*USUAL, "--protocol", "grpc", "--host", "h", "--path", "/x"])
    assert load.about.path == "/x"
    load, _ = traffic.parse_arguments([*USUAL, "--protocol", "tcp"])
    assert (load.about.protocol, load.about.host) == ("tcp", "")


@pytest.mark.parametrize(
    "wrong",
    [
        "--host h --target nowhere",
        "--host h --rate 0",
        "--host h --protocol udp",
        "--protocol grpc",
        "",
    ],
)
def test_a_wrong_command_line_is_a_usage_error(wrong: str) -> None:
    with pytest.raises(SystemExit) as ended:
        traffic.parse_arguments([*USUAL, *wrong.split()])
    assert ended.value.code == 2
