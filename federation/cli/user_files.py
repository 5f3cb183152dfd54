"""The files by which a user is known: key, certificate or token, and what fedctl and kubectl read.

In: fedctl's configuration, the user's name and a folder. Out: files that only their owner may read;
none is ever replaced.
"""

import base64
from pathlib import Path

import yaml

from federation.cli.contexts import Config
from federation.model.errors import Conflict
from federation.model.names import parse_object_name
from federation.runtime.files import write_private
from federation.trust.issue import make_csr, new_key
from federation.trust.pem import key_pem, pem


class UserFiles:
    """The files of one user in a folder."""

    def __init__(self, config: Config, user: str, folder: Path) -> None:
        """Raises InvalidInput for what cannot be the name of a user."""
        self._user = parse_object_name(user, "name of the user")
        self._config = config
        self._folder = folder.absolute()

    def _file(self, ending: str) -> Path:
        return self._folder / f"{self._user}.{ending}"

    def check_free(self, *, is_token: bool) -> None:
        """Raise Conflict where one of the files is there already."""
        for ending in ("token",) if is_token else ("key", "crt"):
            self._check(self._file(ending))
        for ending in ("fedctl.yaml", "kubeconfig"):
            self._check(self._file(ending))

    def _check(self, path: Path) -> None:
        if path.exists():
            raise Conflict(f"{path} exists already: move it away, or name another folder by --out")

    def new_key(self) -> tuple[bytes, str]:
        """A new private key, and the request for it (both PEM)."""
        key = new_key()
        return key_pem(key), pem(make_csr(key, self._user)).decode()

    def write_token(self, token: str) -> tuple[Path, ...]:
        """Write a token and the configurations that use it."""
        file = self._file("token")
        self._folder.mkdir(parents=True, exist_ok=True)
        write_private(file, token.encode())
        return file, *self._configurations({"token_file": file.name}, {"token": token})

    def write_certificate(self, key: bytes, certificate: str) -> tuple[Path, ...]:
        """Write a certificate with its key and the configurations that use them."""
        key_file, file = self._file("key"), self._file("crt")
        self._folder.mkdir(parents=True, exist_ok=True)
        write_private(key_file, key)
        write_private(file, certificate.encode())
        own = {"certificate_file": file.name, "key_file": key_file.name}
        theirs = {
            "client-certificate-data": _base64(certificate.encode()),
            "client-key-data": _base64(key),
        }
        return key_file, file, *self._configurations(own, theirs)

    def _configurations(self, own: dict[str, str], theirs: dict[str, str]) -> tuple[Path, Path]:
        ours, kubeconfig = self._file("fedctl.yaml"), self._file("kubeconfig")
        url, ca_file = self._config.controller, self._config.ca_file
        said = {"controller": url, "ca_file": str(ca_file), **own}
        write_private(ours, yaml.safe_dump(said, sort_keys=False).encode())
        authority = {"server": url, "certificate-authority-data": _base64(ca_file.read_bytes())}
        context = {"cluster": "fedmesh", "user": self._user}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fedmesh", "cluster": authority}],
            "users": [{"name": self._user, "user": theirs}],
            "contexts": [{"name": "fedmesh", "context": context}],
            "current-context": "fedmesh",
        }
        write_private(kubeconfig, yaml.safe_dump(document, sort_keys=False).encode())
        return ours, kubeconfig


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
