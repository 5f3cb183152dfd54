"""What a user is given: files for him alone, none replaced, that fedctl and kubectl can read."""

import base64
from pathlib import Path

import pytest
import yaml

from federation.cli.config import load_config
from federation.cli.contexts import Config
from federation.cli.user_files import UserFiles
from federation.model.errors import Conflict, InvalidInput
from federation.trust.pem import csr_key, key_pem, load_key, read_csr


def files(folder: Path) -> UserFiles:
    (folder / "root.pem").write_text("ROOT")
    config = Config("https://c:8443", folder / "root.pem", folder / "admin.token")
    return UserFiles(config, "ann", folder / "out")


def test_a_certificate_is_written_with_its_key_and_two_configurations(tmp_path: Path) -> None:
    made = files(tmp_path)
    made.check_free(is_token=False)
    key, request = made.new_key()
    assert csr_key(read_csr(request.encode())) == load_key(key).public_key()
    written = made.write_certificate(key, "CERTIFICATE")
    assert [f.name for f in written] == ["ann.key", "ann.crt", "ann.fedctl.yaml", "ann.kubeconfig"]
    assert {f.stat().st_mode & 0o777 for f in written} == {0o600}
    config = load_config(written[2])
    assert (config.certificate_file, config.key_file) == (written[1], written[0])
    assert (config.controller, config.ca_file) == ("https://c:8443", tmp_path / "root.pem")
    kubeconfig = yaml.safe_load(written[3].read_text())
    (user,) = kubeconfig["users"]
    assert base64.b64decode(user["user"]["client-key-data"]) == key == key_pem(load_key(key))
    cluster = kubeconfig["clusters"][0]["cluster"]
    assert cluster["server"] == "https://c:8443"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"ROOT"


def test_a_token_is_written_with_two_configurations(tmp_path: Path) -> None:
    written = files(tmp_path).write_token("fmu1.x")
    assert [f.name for f in written] == ["ann.token", "ann.fedctl.yaml", "ann.kubeconfig"]
    assert load_config(written[1]).token_file == written[0]
    assert yaml.safe_load(written[2].read_text())["users"][0]["user"] == {"token": "fmu1.x"}


@pytest.mark.parametrize("is_token", [True, False])
def test_no_file_is_replaced(tmp_path: Path, is_token: bool) -> None:
    made = files(tmp_path)
    made.check_free(is_token=is_token)
    if is_token:
        made.write_token("one")
    else:
        made.write_certificate(*made.new_key())
    with pytest.raises(Conflict, match="exists already"):
        made.check_free(is_token=is_token)
    with pytest.raises(InvalidInput, match="name of the user"):
        UserFiles(Config("https://c", tmp_path, None), "../x", tmp_path)
