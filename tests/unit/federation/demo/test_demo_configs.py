"""Every process is told what it needs, in the words of its own settings."""

from pathlib import Path

import pytest
import yaml

from cluster_agent.dns.settings import DnsSettings
from federation.controller.settings import ControllerSettings
from federation.demo.app import parse_arguments
from federation.demo.configs import (
    Paths,
    check_depth,
    command_of,
    has_envoy,
    settings_of,
    tokens_of,
)
from federation.demo.layout import LOCAL_TCP_SERVICES, Member, Role, members, plan_layout
from federation.model.errors import Failed
from federation.model.names import ServiceName
from federation.model.proxies import Upstream
from federation.process.settings import load_settings
from sidecar.settings import SidecarSettings, parse_upstreams

LAYOUT = plan_layout()
PATHS = Paths(Path("/tmp/demo"))


def member(name: str) -> Member:
    return next(m for m in members(LAYOUT) if m.name == name)


def test_the_controllers_settings_are_valid(tmp_path: Path) -> None:
    file = tmp_path / "controller.yaml"
    file.write_text(yaml.safe_dump(settings_of(member("controller"), LAYOUT, PATHS)))
    settings = load_settings(ControllerSettings, file)
    assert str(settings.api_listen) == "127.10.0.1:8443"
    assert settings.advertise == ("127.10.0.1",)
    assert settings.backup_passphrase_file == Path("/tmp/demo/tokens/backup.passphrase")


def test_an_agent_watches_its_folder_and_joins_with_its_token() -> None:
    settings = settings_of(member("us-west-agent"), LAYOUT, PATHS)
    assert settings["source"] == "/tmp/demo/clusters/us-west"
    assert settings["listen"] == "127.12.0.2:15012"
    assert settings["join_token_file"] == "/tmp/demo/tokens/us-west-agent.token"


def test_proxies_trust_and_ask_the_agent_of_their_own_cluster() -> None:
    for found in filter(has_envoy, members(LAYOUT)):
        settings = settings_of(found, LAYOUT, PATHS)
        agent = member(f"{found.cluster}-agent")
        assert settings["agent"] == agent.address("xds")
        assert settings["trust_file"] == f"/tmp/demo/state/{agent.name}/trust.pem"
        assert settings["state"] == f"/tmp/demo/state/{found.name}"


def test_a_sidecar_stands_before_its_application() -> None:
    settings = settings_of(member("us-east-api-2-sidecar"), LAYOUT, PATHS)
    assert settings["workload"] == "demo/api-2"
    app = member("us-east-api-2-app").address("http")
    assert app == f"{settings['app_address']}:8080"


def test_only_the_client_dials_tcp_ports_of_services(tmp_path: Path) -> None:
    for found in (m for m in members(LAYOUT) if m.role is Role.SIDECAR):
        file = tmp_path / f"{found.name}.yaml"
        file.write_text(yaml.safe_dump(settings_of(found, LAYOUT, PATHS)))
        upstreams = parse_upstreams(load_settings(SidecarSettings, file))
        if found.workload == "web-1":
            address = found.address("outbound").partition(":")[0]
            assert upstreams[0] == Upstream(address, 17000, ServiceName("demo", "api"), 7000)
            assert len(upstreams) == len(LOCAL_TCP_SERVICES)
        else:
            assert upstreams == ()


def test_an_application_is_told_all_its_addresses_and_where_its_journal_is() -> None:
    command = command_of(member("us-east-api-2-app"), LAYOUT, PATHS)
    said = parse_arguments(list(command[4:]))
    assert (said.cluster, said.workload) == ("us-east", "api-2")
    assert (said.listen, said.listen_grpc, said.listen_tcp) == (
        "127.11.0.13:8080",
        "127.11.0.13:9090",
        "127.11.0.13:7000",
    )
    assert str(said.journal) == "/tmp/demo/journals/us-east-api-2-app.ids"


def tokens(name: str) -> dict[str, str]:
    found = tokens_of(member(name), LAYOUT, PATHS)
    return {file.stem: subject for file, subject in found}


def test_a_token_names_the_account_of_its_workload() -> None:
    assert tokens("us-east-api-1-sidecar") == {"us-east-api-1-sidecar": "demo/api"}
    assert tokens("us-east-web-1-sidecar") == {"us-east-web-1-sidecar": "demo/web"}
    assert tokens("us-east-dns") == {"us-east-dns": "dns"}
    assert tokens("us-east-agent") == {}


def test_a_gateway_has_a_token_of_its_own_for_clients_without_a_sidecar() -> None:
    assert tokens("us-east-gateway") == {
        "us-east-gateway": "gateway:gateway-1",
        "us-east-gateway-entry": "entry:gateway-1",
    }
    entry = settings_of(member("us-east-gateway"), LAYOUT, PATHS)["entry"]
    assert entry["addresses"] == "127.11.16.0/20"
    assert entry["token_file"] == "/tmp/demo/tokens/us-east-gateway-entry.token"


def test_a_dns_server_knows_its_agent(tmp_path: Path) -> None:
    file = tmp_path / "dns.yaml"
    file.write_text(yaml.safe_dump(settings_of(member("us-west-dns"), LAYOUT, PATHS)))
    settings = load_settings(DnsSettings, file)
    assert (str(settings.listen), str(settings.agent)) == ("127.12.0.5:15053", "127.12.0.2:15012")


def test_no_folder_of_the_caller_can_shadow_our_modules() -> None:
    for found in members(LAYOUT):
        command = command_of(found, LAYOUT, PATHS)
        assert command[1:3] == ("-P", "-m")
        assert ("--config" in command) == (found.role is not Role.APP)


def test_a_folder_too_deep_for_sockets_is_refused_before_anything_starts() -> None:
    check_depth(LAYOUT, PATHS)
    with pytest.raises(Failed, match="shorter --state"):
        check_depth(LAYOUT, Paths(Path("/tmp") / ("x" * 90)))
