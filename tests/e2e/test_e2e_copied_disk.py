"""What a copy of the controller's disk is worth, and what a damaged file on it opens: nothing."""

import contextlib
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from federation.client.client import Client
from federation.controller.backup import open_backup
from federation.model.errors import Denied, FedmeshError
from tests.e2e.lone_controller import lone_controller

pytestmark = pytest.mark.timeout(60)

DOMAIN = "mesh.test"


def names_shown(address: tuple[str, int], root: Path, server_name: str) -> Any:
    """The names in the certificate of a server, which must be good for `server_name`."""
    context = ssl.create_default_context(cafile=str(root))
    with (
        socket.create_connection(address) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as wrapped,
    ):
        shown: Any = wrapped.getpeercert()
        return shown["subjectAltName"]


def keys_in(folder: Path) -> list[str]:
    """The files in which a private key stands in clear."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return [file.name for file in files if b"PRIVATE KEY" in file.read_bytes()]


def test_a_copy_of_the_disk_has_no_key_of_the_controller(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("correct horse battery\n")
    with lone_controller(tmp_path, root_key_passphrase_file=str(words)) as controller:
        controller.state.mkdir(mode=0o700)
        (controller.state / "api.pem").write_text("-----BEGIN PRIVATE KEY-----\nof before\n")
        controller.start()
        assert keys_in(controller.state) == []
        assert not (controller.state / "api.pem").exists()
        root = controller.state / "root.pem"
        names = names_shown((controller.host, 8443), root, controller.host)
        assert names == (("IP Address", controller.host),)
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            names_shown((controller.host, 8443), root, DOMAIN)


@pytest.mark.parametrize("held", ["", "\n", "short"])
def test_an_empty_token_opens_nothing(tmp_path: Path, held: str) -> None:
    with lone_controller(tmp_path) as controller:
        controller.start()
        stranger = Client(f"https://{controller.host}:8443", controller.state / "root.pem", "", 5)
        with pytest.raises(Denied, match="missing or wrong"):
            stranger.status()
        controller.end(signal.SIGTERM)
        (controller.state / "admin.token").write_text(held)
        assert controller.spawn().wait(20) == 2
        *_, last = controller.log.splitlines()
        assert last.startswith("fedmesh-controller: the API's token ")
        assert last.endswith("or remove the file, and the next start makes one")
        assert "Traceback" not in controller.log


def test_only_the_controllers_own_passphrase_opens_a_backup(tmp_path: Path) -> None:
    words, file = tmp_path / "words", tmp_path / "b"
    words.write_text("correct horse battery\n")
    with lone_controller(tmp_path) as controller:
        thief = controller.start()
        for body in ({}, {"passphrase": "words of the thief's own"}):
            with pytest.raises(FedmeshError, match="backup_passphrase_file"):
                thief._call("POST", "/v1/backup", body)
        controller.end(signal.SIGTERM)
        controller.more = {"backup_passphrase_file": str(words)}
        file.write_bytes(controller.start().backup())
        for guess, opens in (("words of the thief's own", False), (words.read_text()[:-1], True)):
            with contextlib.nullcontext() if opens else pytest.raises(Denied):
                assert open_backup(file.read_bytes(), guess, "it").root_key
