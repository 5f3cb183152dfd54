"""This cluster's certificate authority: joins the clusterset, signs for its own proxies.

The authority's key is made here and never leaves the state folder (0600). The root is trusted
because the join token names its hash.
"""

import asyncio
import http.client
import json
import logging
import ssl
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from federation.model.errors import Conflict, Denied, Failed, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.runtime.files import read_if_there, write_atomic, write_private
from federation.runtime.logs import event
from federation.supervisor.keys import Trust, format_trust
from federation.trust.issue import issue_leaf, make_csr, make_twin, new_key
from federation.trust.pem import (
    PrivateKey,
    PublicKey,
    csr_key,
    key_pem,
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
from federation.wire import methods
from federation.wire.channel import Connection, Identity

log = logging.getLogger(__name__)

_ANSWER_BYTES = 1 << 20
_ASK_SECONDS = 10.0
_KINDS = {400: InvalidInput, 403: Denied, 404: NotReady, 409: Conflict}


@dataclass(frozen=True, slots=True)
class Membership:
    """What joining gave; `grpc` is where the controller takes agents. Kept in member.json."""

    cluster: str
    domain: str
    trust_domain: str
    grpc: str


class Authority:
    """Signs leaves of one cluster with its intermediate."""

    def __init__(
        self,
        membership: Membership,
        root: x509.Certificate,
        key: PrivateKey,
        intermediate: x509.Certificate,
        leaf_life: timedelta,
    ) -> None:
        self.membership = membership
        self.root = root
        self._key = key
        self._intermediate = intermediate
        self._life = leaf_life
        self._own: x509.Certificate | None = None
        self._identity = Identity(b"")

    @property
    def intermediate(self) -> x509.Certificate:
        """The certificate that signs."""
        return self._intermediate

    def replace_intermediate(self, renewed: x509.Certificate) -> None:
        """Sign with a renewed certificate of the same key."""
        self._intermediate = renewed

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


async def open_authority(
    folder: Path, cluster: ClusterId, token_file: Path | None, leaf_life: timedelta
) -> Authority:
    """The authority kept in `folder`, or a new one by joining with the token.

    Waits while the controller cannot be reached. Raises Denied or InvalidInput for a token that is
    of no use, and Failed when there is neither a membership nor a token.
    """
    if not (folder / "member.json").exists():
        await _join(folder, cluster, _read_token(folder, cluster, token_file))
    membership = Membership(**json.loads((folder / "member.json").read_bytes()))
    if membership.cluster != cluster:
        raise InvalidInput(
            f"cluster is {cluster!r}, but the state folder {folder} belongs to "
            f"{membership.cluster!r}: give each cluster a state folder of its own"
        )
    root = load_certificates((folder / "root.pem").read_bytes())[0]
    intermediate = load_certificates((folder / "intermediate.pem").read_bytes())[0]
    key = load_key((folder / "ca.key").read_bytes())
    twin = (folder / "twin.pem").read_bytes()
    write_atomic(folder / "trust.pem", format_trust(Trust(twin, membership.trust_domain)))
    return Authority(membership, root, key, intermediate, leaf_life)


def _read_token(folder: Path, cluster: ClusterId, file: Path | None) -> JoinToken:
    data = read_if_there(file) if file is not None else None
    if data is None:
        raise Failed(
            f"cluster {cluster} has not joined yet and join_token_file is "
            f"{'not set' if file is None else f'{file}, which is not there'}: "
            f"make a token with `fedctl token create {cluster}`"
        )
    token = parse_join_token(data.decode(errors="replace"))
    if token.cluster != cluster:
        raise Denied(f"the join token is for cluster {token.cluster}, but this is {cluster}")
    return token


async def _join(folder: Path, cluster: ClusterId, token: JoinToken) -> None:
    patient = AsyncRetrying(
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
    twin = make_twin(key, twin_profile(domain), now)
    check_twin(twin, public_key=key.public_key(), trust_domain=domain, now=now)
    body = {
        "token": format_join_token(token),
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
    membership = Membership(cluster, answer["domain"], domain, answer["grpc"])
    write_private(folder / "member.json", json.dumps(asdict(membership)).encode())
    log.info(event("joined", cluster=cluster, trust_domain=domain))


def _authority_key(file: Path) -> PrivateKey:
    """The key, written down before it is used: a lost answer is repeated with the same key."""
    found = read_if_there(file)
    if found is not None:
        return load_key(found)
    key = new_key()
    write_private(file, key_pem(key))
    return key


def _domain_of(root: x509.Certificate) -> str:
    names = root.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return parse(names.get_values_for_type(x509.UniformResourceIdentifier)[0]).trust_domain


def _ask(
    url: str, path: str, body: dict[str, str] | None = None, root_pem: bytes | None = None
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
        raise Denied(f"the controller at {url} is not trusted: {error.verify_message}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"{url} cannot be reached: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise _refusal(url, answer.status, text)
    return text


def _refusal(url: str, status: int, text: bytes) -> Exception:
    try:
        message = str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"{url} answers {status}"
    return _KINDS.get(status, Failed)(message)


async def renew_intermediate(
    authority: Authority, folder: Path, controller: Connection, now: datetime
) -> None:
    """Have the intermediate renewed (same key) when half of its life is over."""
    if not is_due(authority.intermediate, now):
        return
    request = pb.CertifyRequest(csr=authority.request())
    answer: pb.Certificate = await controller.call(methods.RENEW, request)
    renewed = load_certificates(answer.chain)[0]
    domain = authority.membership.trust_domain
    check_intermediate(renewed, root=authority.root, trust_domain=domain, now=now)
    write_atomic(folder / "intermediate.pem", pem(renewed), durable=True)
    authority.replace_intermediate(renewed)
    log.info(event("intermediate renewed", not_after=renewed.not_valid_after_utc.isoformat()))
