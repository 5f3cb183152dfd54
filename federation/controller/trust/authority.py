"""The root key and what it signs: the controller's leaves, clusters' intermediates, users' leaves.

The key lies in the controller's state folder with mode 0600 and is used nowhere else. The keys of
the two leaves, for agents and for the API, are never written down: a copy of the folder has no key
but the root's, and that one not in clear where there is a passphrase.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509

from federation.controller.trust.root_key import read_root_key, write_root_key
from federation.model.errors import InvalidInput
from federation.runtime.files import read_if_there, write_atomic
from federation.trust.issue import issue_controller, issue_intermediate, make_root, new_key
from federation.trust.pem import (
    PrivateKey,
    PublicKey,
    certificate_sha256,
    key_pem,
    load_certificates,
    pem,
)
from federation.trust.profile import (
    INTERMEDIATE_LIFE,
    LeafProfile,
    api_profile,
    controller_profile,
    intermediate_profile,
    root_profile,
    user_profile,
)
from federation.trust.rotation import due_at, is_due
from federation.trust.validate import check_api, check_controller, check_intermediate, check_root
from federation.trust.validate_users import check_user
from federation.wire.rpc.channel import Identity


class _Shown:
    """A leaf of the root with its key, renewed when due; both are in memory alone.

    `check` judges what was made.
    """

    def __init__(
        self,
        root: x509.Certificate,
        root_key: PrivateKey,
        profile: LeafProfile,
        check: Callable[[x509.Certificate, datetime], None],
    ) -> None:
        self._root = root
        self._root_key = root_key
        self._profile = profile
        self._check = check
        self._identity = Identity(b"")
        self.leaf: x509.Certificate | None = None

    def at(self, now: datetime) -> Identity:
        """The leaf and its key."""
        if self.leaf is None or is_due(self.leaf, now):
            key = new_key()
            made = issue_controller(
                self._root, self._root_key, key.public_key(), self._profile, now
            )
            self._check(made, now)
            self.leaf, self._identity = made, Identity(pem(self._root), key_pem(key), pem(made))
        return self._identity

    def due_at(self) -> datetime | None:
        """When it is renewed, None before it was shown."""
        return due_at(self.leaf) if self.leaf is not None else None


class Authority:
    """Signs with the root key. `hosts` are names and addresses the API is reached at.

    `intermediate_life` is that of the authorities which it signs for clusters.
    """

    intermediate_life = INTERMEDIATE_LIFE

    def __init__(
        self, root: x509.Certificate, key: PrivateKey, domain: str, hosts: Iterable[str]
    ) -> None:
        self.root = root
        self._key = key
        self._domain = domain
        addresses, names = _sorted(hosts)

        def check_own(cert: x509.Certificate, now: datetime) -> None:
            check_controller(cert, root=root, domain=domain, now=now)

        def check_of_api(cert: x509.Certificate, now: datetime) -> None:
            check_api(cert, root=root, domain=domain, now=now)

        self._own = _Shown(root, key, controller_profile(domain), check_own)
        self._api = _Shown(root, key, api_profile(domain, names, addresses), check_of_api)

    @property
    def root_pem(self) -> bytes:
        """The root certificate."""
        return pem(self.root)

    @property
    def root_key_pem(self) -> bytes:
        """The root key, not encrypted: for `federation.controller.backup`, which seals it."""
        return key_pem(self._key)

    @property
    def root_sha256(self) -> str:
        """What a join token pins."""
        return certificate_sha256(self.root)

    def identity(self, now: datetime) -> Identity:
        """What the controller shows to agents."""
        return self._own.at(now)

    def api_identity(self, now: datetime) -> Identity:
        """What the API shows, which is nobody's identity."""
        return self._api.at(now)

    @property
    def leaf(self) -> x509.Certificate | None:
        """What the controller shows to agents, None before it was shown."""
        return self._own.leaf

    def api_due_at(self) -> datetime | None:
        """When what the API shows is renewed, None before it was shown."""
        return self._api.due_at()

    def certify_cluster(self, trust_domain: str, key: PublicKey, now: datetime) -> x509.Certificate:
        """The intermediate of a cluster for the key it made."""
        profile = intermediate_profile(trust_domain, self.intermediate_life)
        made = issue_intermediate(self.root, self._key, key, profile, now)
        check_intermediate(made, root=self.root, trust_domain=trust_domain, now=now)
        return made

    def certify_user(
        self, name: str, key: PublicKey, life: timedelta, now: datetime
    ) -> x509.Certificate:
        """The certificate of a user of the API for the key he made; raises InvalidInput."""
        profile = user_profile(self._domain, name, life)
        made = issue_controller(self.root, self._key, key, profile, now)
        check_user(made, root=self.root, domain=self._domain, name=name, now=now)
        return made


def open_authority(
    folder: Path, domain: str, hosts: Iterable[str], now: datetime, key_passphrase: str = ""
) -> Authority:
    """The authority in `folder`, made on the first start; raises InvalidInput when it is damaged.

    The key is written before the certificate: a crash in between starts over with nothing signed.
    Where there is a passphrase, the key lies under it.
    """
    certificate, key_file = folder / "root.pem", folder / "root.key"
    found = read_if_there(certificate)
    if found is None:
        key = new_key()
        root = make_root(key, root_profile(domain), now)
        check_root(root, now)
        write_root_key(key_file, key, key_passphrase)
        write_atomic(certificate, pem(root), durable=True)
        return Authority(root, key, domain, hosts)
    root, root_key = load_certificates(found)[0], read_root_key(key_file, key_passphrase)
    if root_key is None:
        raise InvalidInput(f"root key {key_file} is missing though {certificate} exists")
    key = root_key
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
