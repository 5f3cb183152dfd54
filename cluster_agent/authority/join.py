"""Joining the clusterset: a join token becomes this cluster's certificate authority.

In: the token file, or what an earlier join left in the state folder. Out: an `Authority`. The root
is trusted because the token names its hash; the authority's key is made here.
"""

import asyncio
import contextlib
import json
import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_never,
    wait_random_exponential,
)

from cluster_agent.authority import key_files
from cluster_agent.authority.authority import Authority, Credentials, Membership, whole_seconds
from federation.model.errors import Denied, Failed, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.process.secret_file import read_token_file
from federation.runtime.clock import utc_now
from federation.runtime.files import read_if_there, write_atomic, write_private
from federation.runtime.logs import event
from federation.runtime.loops import persist
from federation.trust.issue import make_csr, make_twin, new_key
from federation.trust.join_tokens import JoinToken, format_join_token, parse_join_token
from federation.trust.pem import (
    PrivateKey,
    key_pem,
    load_certificates,
    load_key,
    pem,
)
from federation.trust.profile import twin_profile
from federation.trust.spiffe import parse, trust_domain
from federation.trust.validate import check_intermediate, check_twin
from federation.wire.ask_controller import ask_controller, ask_pinned_root

log = logging.getLogger(__name__)


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
        credentials = read_credentials(folder, cluster)
        key = _load_key(folder / "ca.key")
        with contextlib.suppress(OSError):  # re-keying looks at it again, every second
            key_files.show_anchors(folder, credentials.membership.trust_domain)
        return Authority(credentials, key, leaf_life)

    return await persist("authority", attempt)


def read_credentials(folder: Path, cluster: ClusterId) -> Credentials:
    """What joining left in the folder; raises InvalidInput when it is another cluster's."""
    membership = Membership(**json.loads((folder / "member.json").read_bytes()))
    if membership.cluster != cluster:
        raise InvalidInput(
            f"cluster is {cluster!r}, but the state folder {folder} belongs to "
            f"{membership.cluster!r}: give each cluster a state folder of its own"
        )
    root = load_certificates((folder / "root.pem").read_bytes())[0]
    intermediate = load_certificates((folder / "intermediate.pem").read_bytes())[0]
    return Credentials(membership, root, intermediate)


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
    root_pem: bytes = await patient(
        asyncio.to_thread, lambda: ask_pinned_root(token.url, token.root_sha256, utc_now())
    )
    root = load_certificates(root_pem)[0]
    now = utc_now()
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
        await patient(asyncio.to_thread, ask_controller, token.url, "/v1/join", body, root_pem)
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
