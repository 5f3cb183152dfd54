"""The root key and what it signs: the controller's own leaf and the clusters' intermediates.

The key lies in the controller's state folder with mode 0600 and is used nowhere else.
"""

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509

from federation.model.errors import InvalidInput
from federation.runtime.files import read_if_there, write_atomic, write_private
from federation.trust.issue import issue_controller, issue_intermediate, make_root, new_key
from federation.trust.pem import (
    PrivateKey,
    PublicKey,
    certificate_sha256,
    key_pem,
    load_certificates,
    load_key,
    pem,
)
from federation.trust.profile import controller_profile, intermediate_profile, root_profile
from federation.trust.rotation import is_due
from federation.trust.validate import check_intermediate, check_root
from federation.wire.channel import Identity


class Authority:
    """Signs with the root key. `hosts` are names and addresses the controller is reached at."""

    def __init__(
        self, root: x509.Certificate, key: PrivateKey, domain: str, hosts: Iterable[str]
    ) -> None:
        self.root = root
        self._key = key
        addresses, names = _sorted(hosts)
        self._profile = controller_profile(domain, names, addresses)
        self._leaf: x509.Certificate | None = None
        self._identity = Identity(b"")

    @property
    def root_pem(self) -> bytes:
        """The root certificate."""
        return pem(self.root)

    @property
    def root_sha256(self) -> str:
        """What a join token pins."""
        return certificate_sha256(self.root)

    def identity(self, now: datetime) -> Identity:
        """What the controller shows, renewed when due."""
        if self._leaf is None or is_due(self._leaf, now):
            key = new_key()
            self._leaf = issue_controller(
                self.root, self._key, key.public_key(), self._profile, now
            )
            self._identity = Identity(self.root_pem, key_pem(key), pem(self._leaf))
        return self._identity

    def certify_cluster(self, trust_domain: str, key: PublicKey, now: datetime) -> x509.Certificate:
        """The intermediate of a cluster for the key it made."""
        profile = intermediate_profile(trust_domain)
        made = issue_intermediate(self.root, self._key, key, profile, now)
        check_intermediate(made, root=self.root, trust_domain=trust_domain, now=now)
        return made


def open_authority(folder: Path, domain: str, hosts: Iterable[str], now: datetime) -> Authority:
    """The authority in `folder`, made on the first start; raises InvalidInput when it is damaged.

    The key is written before the certificate: a crash in between starts over with nothing signed.
    """
    certificate, key_file = folder / "root.pem", folder / "root.key"
    found, found_key = read_if_there(certificate), read_if_there(key_file)
    if found is None:
        key = new_key()
        root = make_root(key, root_profile(domain), now)
        check_root(root, now)
        write_private(key_file, key_pem(key))
        write_atomic(certificate, pem(root), durable=True)
        return Authority(root, key, domain, hosts)
    if found_key is None:
        raise InvalidInput(f"root key {key_file} is missing though {certificate} exists")
    root, key = load_certificates(found)[0], load_key(found_key)
    check_root(root, now)
    if root.public_key() != key.public_key():
        raise InvalidInput(f"root key {key_file} does not belong to {certificate}")
    return Authority(root, key, domain, hosts)


def _sorted(hosts: Iterable[str]) -> tuple[list[str], list[str]]:
    addresses: list[str] = []
    names: list[str] = []
    for host in hosts:
        try:
            addresses.append(str(ip_address(host)))
        except ValueError:
            names.append(host)
    return addresses, names
