"""PEM files and the bootstrap file of gRPC, for programs that do TLS themselves."""

from pathlib import Path

from federation.process.settings import Address
from federation.runtime.disk import write_together
from federation.supervisor.certificates.agent_trust import Certified
from federation.supervisor.certificates.workload_certificate import bootstrap, pem_files
from federation.supervisor.settings import IdentitySettings


def settings(folder: Path) -> IdentitySettings:
    return IdentitySettings(
        agent=Address("127.0.0.1", 15012),
        trust_file=folder / "trust.pem",
        token_file=folder / "token",
        state=folder,
        grpc_socket=folder / "grpc.sock",
    )


def test_the_files_are_whole_and_the_key_is_private(tmp_path: Path) -> None:
    write_together(pem_files(tmp_path, Certified("KEY", "CHAIN", 0, 9, "ROOT")))
    found = {file.name: file.read_text() for file in tmp_path.glob("*.pem")}
    assert found == {"key.pem": "KEY", "certificate.pem": "CHAIN", "root.pem": "ROOT"}
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_the_bootstrap_leads_to_the_agent_and_to_the_files(tmp_path: Path) -> None:
    document = bootstrap(settings(tmp_path), tmp_path / "grpc.sock")
    assert document["xds_servers"][0]["server_uri"] == f"unix:{tmp_path}/grpc.sock"
    config = document["certificate_providers"]["fedmesh"]["config"]
    assert config["private_key_file"] == f"{tmp_path}/key.pem"
    assert config["ca_certificate_file"] == f"{tmp_path}/grpc.sock.anchors.pem"
