"""This cluster's certificate authority: joins the clusterset, signs for its own proxies.

The authority's key is made here and never leaves the state folder (0600). The root is trusted
because the join token names its hash.
"""

import asyncio
import contextlib
import http.client
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_never,
    wait_random_exponential,
)

from cluster_agent.authority import key_files
from federation.model.errors import Denied, Failed, InvalidInput, NotReady, of_http_status
from federation.model.names import ClusterId
from federation.model.timestamps import rfc3339
from federation.process.secret_file import read_token_file
from federation.runtime.clock import utc_now
from federation.runtime.disk import Disk, File
from federation.runtime.files import read_if_there, write_atomic, write_private
from federation.runtime.logs import event
from federation.runtime.loops import persist
from federation.runtime.reasons import connection_reason
from federation.trust.issue import issue_leaf, make_csr, make_twin, new_key
from federation.trust.pem import (
    PrivateKey,
    PublicKey,
    csr_key,
    key_pem,
    key_sha256,
    load_certificates,
    load_key,
    pem,
    read_csr,
)
from federation.trust.profile import agent_host, leaf_profile, twin_profile
from federation.trust.rotation import is_due
from federation.trust.spiffe import agent_id, parse, subject_id, trust_domain
from federation.trust.tokens import JoinToken, format_join_token, parse_join_token
from federation.trust.validate import check_intermediate, check_leaf, check_pinned_root, check_twin
from federation.wire import federation_pb2 as pb
from federation.wire.rpc.channel import Identity

log = logging.getLogger(__name__)

_ANSWER_BYTES = 1 << 20
_ASK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Membership:
    """What joining gave; `grpc` is where the controller takes agents. Kept in member.json.

    `token` is the id of the token that was spent.
    """

    cluster: str
    domain: str
    trust_domain: str
    grpc: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How this cluster stands in the clusterset: what changes when it joins again."""

    membership: Membership
    root: x509.Certificate
    intermediate: x509.Certificate


class Authority:
    """Signs leaves of one cluster with its intermediate."""

    def __init__(self, standing: Standing, key: PrivateKey, leaf_life: timedelta) -> None:
        self._key = key
        self._life = leaf_life
        self._own: x509.Certificate | None = None
        self._identity = Identity(b"")
        self.stand(standing)

    def stand(self, standing: Standing) -> None:
        """Take what joining gave; the key is the same as before."""
        self.membership = standing.membership
        self.root = standing.root
        self._intermediate = standing.intermediate
        self._own = None

    @property
    def intermediate(self) -> x509.Certificate:
        """The certificate that signs."""
        return self._intermediate

    def replace_intermediate(self, renewed: x509.Certificate) -> None:
        """Sign with a renewed certificate of the same key."""
        self._intermediate = renewed

    @property
    def key_sha256(self) -> str:
        """Which key signs."""
        return key_sha256(self._key.public_key())

    @property
    def leaf_life(self) -> timedelta:
        """How long what it signs lives."""
        return self._life

    def take_key(self, key: PrivateKey, intermediate: x509.Certificate) -> None:
        """Sign with another key from now on."""
        self._key, self._intermediate, self._own = key, intermediate, None

    def request(self) -> bytes:
        """A request (PEM) to renew the intermediate."""
        return pem(make_csr(self._key, self.membership.trust_domain))

    def identity(self, now: datetime) -> Identity:
        """What the agent shows to the controller and to its proxies, renewed when due."""
        if self._own is None or is_due(self._own, now):
            key = new_key()
            domain = self.membership.trust_domain
            self._own = self._sign(
                key.public_key(), agent_id(domain), now, dns=(agent_host(domain),)
            )
            chain = pem(self._own, self._intermediate)
            self._identity = Identity(pem(self.root), key_pem(key), chain)
        return self._identity

    def certify(self, subject: str, csr: bytes, now: datetime) -> pb.Certificate:
        """A leaf for the holder of a workload token ("NAMESPACE/ACCOUNT" or "gateway").

        Raises InvalidInput for an unusable request. The request's own names do not count.
        """
        spiffe_id = subject_id(self.membership.trust_domain, subject)
        leaf = self._sign(csr_key(read_csr(csr)), spiffe_id, now)
        return pb.Certificate(
            chain=pem(leaf, self._intermediate),
            not_before=int(leaf.not_valid_before_utc.timestamp()),
            not_after=int(leaf.not_valid_after_utc.timestamp()),
            root=pem(self.root),
        )

    def _sign(
        self, key: PublicKey, spiffe_id: str, now: datetime, dns: tuple[str, ...] = ()
    ) -> x509.Certificate:
        profile = leaf_profile(spiffe_id, dns, self._life)
        leaf = issue_leaf(self._intermediate, self._key, key, profile, now)
        check_leaf(leaf, issuer=self._intermediate, spiffe_id=spiffe_id, now=now)
        return leaf


def whole_seconds(life: timedelta) -> int:
    """The life of leaves as the controller is told it."""
    return ceil(life.total_seconds())


async def open_authority(
    folder: Path, cluster: ClusterId, token_file: Path | None, leaf_life: timedelta
) -> Authority:
    """The authority kept in `folder`, or a new one by joining with the token.

    Waits while the controller cannot be reached, and while there is no room on the disk. Raises
    Denied or InvalidInput for a token that is of no use, and Failed when there is neither a
    membership nor a token.
    """

    async def attempt() -> Authority:
        key_files.complete(folder)
        if not (folder / "member.json").exists():
            await join(folder, _read_token(cluster, token_file), leaf_life)
        standing = read_standing(folder, cluster)
        key = _load_key(folder / "ca.key")
        with contextlib.suppress(OSError):  # re-keying looks at it again, every second
            key_files.show_anchors(folder, standing.membership.trust_domain)
        return Authority(standing, key, leaf_life)

    return await persist("authority", attempt)


def read_standing(folder: Path, cluster: ClusterId) -> Standing:
    """What joining left in the folder; raises InvalidInput when it is another cluster's."""
    membership = Membership(**json.loads((folder / "member.json").read_bytes()))
    if membership.cluster != cluster:
        raise InvalidInput(
            f"cluster is {cluster!r}, but the state folder {folder} belongs to "
            f"{membership.cluster!r}: give each cluster a state folder of its own"
        )
    root = load_certificates((folder / "root.pem").read_bytes())[0]
    intermediate = load_certificates((folder / "intermediate.pem").read_bytes())[0]
    return Standing(membership, root, intermediate)


def _read_token(cluster: ClusterId, file: Path | None) -> JoinToken:
    text = read_token_file(file, f"join_token_file {file}") if file is not None else None
    if text is None:
        raise Failed(
            f"cluster {cluster} has not joined yet and join_token_file is "
            f"{'not set' if file is None else f'{file}, which is not there'}: "
            f"make a token with `fedctl token create {cluster}`"
        )
    return read_join_token(text.encode(), cluster)


def read_join_token(data: bytes, cluster: ClusterId) -> JoinToken:
    """The token in a file; raises InvalidInput, and Denied for another cluster's."""
    token = parse_join_token(data.decode(errors="replace"))
    if token.cluster != cluster:
        raise Denied(f"the join token is for cluster {token.cluster}, but this is {cluster}")
    return token


async def join(
    folder: Path, token: JoinToken, leaf_life: timedelta, *, is_patient: bool = True
) -> None:
    """Redeem a token and keep what it gives in `folder`, where key and twin stay if they are there.

    The controller is told how long leaves live here: for so long it keeps the anchor of a key that
    this one replaces. Patient: waits while the controller cannot be reached. Raises Denied and
    InvalidInput for a token that is of no use here, and NotReady when not patient.
    """
    cluster = token.cluster
    patient = AsyncRetrying(
        stop=stop_never if is_patient else stop_after_attempt(1),
        retry=retry_if_exception_type(NotReady),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        before_sleep=lambda state: log.warning(
            event(
                "controller cannot be reached", reason=state.outcome and state.outcome.exception()
            )
        ),
        reraise=True,
    )
    root_pem: bytes = await patient(asyncio.to_thread, _ask, token.url, "/v1/trust/root")
    root = load_certificates(root_pem)[0]
    now = utc_now()
    try:
        check_pinned_root(root, sha256=token.root_sha256, now=now)
    except InvalidInput as error:
        raise Denied(
            f"the controller at {token.url} is not the one of the token: {error}"
        ) from error
    key = _authority_key(folder / "ca.key")
    domain = trust_domain(cluster, _domain_of(root))
    _check_same_domain(folder / "member.json", domain)
    twin = _twin(folder / "twin.pem", key, domain, now)
    body: dict[str, str | int] = {
        "token": format_join_token(token),
        "leaf_seconds": whole_seconds(leaf_life),
        "csr": pem(make_csr(key, domain)).decode(),
        "twin": pem(twin).decode(),
    }
    answer = json.loads(
        await patient(asyncio.to_thread, _ask, token.url, "/v1/join", body, root_pem)
    )
    intermediate = load_certificates(answer["chain"].encode())[0]
    check_intermediate(intermediate, root=root, trust_domain=domain, now=now)
    write_atomic(folder / "root.pem", root_pem, durable=True)
    write_atomic(folder / "twin.pem", pem(twin), durable=True)
    write_atomic(folder / "intermediate.pem", pem(intermediate), durable=True)
    membership = Membership(cluster, answer["domain"], domain, answer["grpc"], token.id)
    write_private(folder / "member.json", json.dumps(asdict(membership)).encode())
    log.info(event("joined", cluster=cluster, trust_domain=domain))


def _authority_key(file: Path) -> PrivateKey:
    """The key, written down before it is used: a lost answer is repeated with the same key."""
    if file.exists():
        return _load_key(file)
    key = new_key()
    write_private(file, key_pem(key))
    return key


def _load_key(file: Path) -> PrivateKey:
    try:
        return load_key(file.read_bytes())
    except InvalidInput as error:
        raise InvalidInput(f"the cluster's key {file} is damaged: {error}") from error


def _check_same_domain(file: Path, domain: str) -> None:
    """A cluster that joins again keeps its name; raises InvalidInput."""
    found = read_if_there(file)
    before = Membership(**json.loads(found)).trust_domain if found is not None else domain
    if before != domain:
        raise InvalidInput(
            f"the join token leads to trust domain {domain}, but this cluster is {before}: the "
            "controller's domain must be what it was, or the agent's state folder a new one"
        )


def _twin(file: Path, key: PrivateKey, domain: str, now: datetime) -> x509.Certificate:
    """The anchor by which others know this key; the same again when it joins again."""
    found = read_if_there(file)
    if found is not None:
        try:
            kept = load_certificates(found)[0]
            check_twin(kept, public_key=key.public_key(), trust_domain=domain, now=now)
        except InvalidInput as error:
            log.warning(event("twin is made anew", reason=error))
        else:
            return kept
    made = make_twin(key, twin_profile(domain), now)
    check_twin(made, public_key=key.public_key(), trust_domain=domain, now=now)
    return made


def _domain_of(root: x509.Certificate) -> str:
    names = root.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return parse(names.get_values_for_type(x509.UniformResourceIdentifier)[0]).trust_domain


def _ask(
    url: str, path: str, body: dict[str, str | int] | None = None, root_pem: bytes | None = None
) -> bytes:
    """One HTTPS request. Without `root_pem` the server is not verified: only for the root itself,
    which is checked by its hash.
    """
    context = ssl.create_default_context(cadata=root_pem.decode() if root_pem else None)
    if root_pem is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    at = urlsplit(url)
    connection = http.client.HTTPSConnection(
        at.hostname or "", at.port or 443, timeout=_ASK_SECONDS, context=context
    )
    try:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"content-type": "application/json"}
        connection.request("GET" if body is None else "POST", path, data, headers)
        answer = connection.getresponse()
        text = answer.read(_ANSWER_BYTES)
    except ssl.SSLCertVerificationError as error:
        raise Denied(
            f"the controller at {url} is not trusted: {connection_reason(str(error))}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"{url} cannot be reached: {connection_reason(str(error))}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise _refusal(url, answer.status, text)
    return text


def _refusal(url: str, status: int, text: bytes) -> Exception:
    try:
        message = str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        message = f"{url} answers {status}"
    return of_http_status(status)(message)


async def renew_intermediate(
    authority: Authority,
    folder: Path,
    ask: Callable[[pb.CertifyRequest], Awaitable[pb.Certificate]],
    now: datetime,
    disk: Disk,
) -> None:
    """Have the intermediate renewed (same key); `ask` puts the request to the controller."""
    key = authority.key_sha256
    answer = await ask(pb.CertifyRequest(csr=authority.request()))
    renewed = load_certificates(answer.chain)[0]
    domain = authority.membership.trust_domain
    check_intermediate(renewed, root=authority.root, trust_domain=domain, now=now)
    if authority.key_sha256 != key:
        return  # the key was replaced meanwhile
    authority.replace_intermediate(renewed)
    file = folder / "intermediate.pem"

    def made() -> tuple[File, ...]:  # the one that signs by then: the key may be another one
        return (File(file, pem(authority.intermediate), mode=0o644, durable=True),)

    disk.keep_made(file, made)
    log.info(event("intermediate renewed", ends=rfc3339(renewed.not_valid_after_utc)))
