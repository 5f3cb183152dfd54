"""Agents as an attacker runs them: real certificates of a cluster, and whatever bytes one likes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cryptography import x509

from federation.client.client import Client
from federation.runtime.clock import utc_now
from federation.trust import issue, profile, spiffe
from federation.trust.pem import PrivateKey, key_pem, load_certificates, pem
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Connection, Identity, connect
from federation.wire.rpc.methods import Method
from federation.wire.rpc.streams import Link
from federation.xds.messages import Request, Response

DOMAIN = "mesh.test"


def _raw(data: bytes) -> bytes:
    return data


RAW_REPORTS = Method(
    methods.REPORTS.service,
    methods.REPORTS.name,
    True,
    _raw,
    _raw,
    methods.REPORTS.encode_answer,
    methods.REPORTS.decode_answer,
)
"""The stream of reports, with any bytes for messages."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Who has joined as a cluster, and says what it likes."""

    cluster: str
    address: str
    identity: Identity

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """A connection to the controller."""
        async with connect(self.address, self.identity, DOMAIN) as connection:
            yield connection

    async def report(self, *responses: Response) -> list[Request]:
        """Say all of it; returns the answers."""
        async with self.connected() as connection, connection.stream(methods.REPORTS) as link:
            return await exchange(link, *responses)


async def exchange(link: Link[Request, Response], *responses: Response) -> list[Request]:
    """Say responses over an open stream, one after the other; returns their answers."""
    answers = []
    for response in responses:
        await link.write(response)
        while (answer := await link.read()) is not None:
            if answer.nonce == response.nonce:
                answers.append(answer)
                break
    return answers


def join(client: Client, cluster: str, address: str) -> Agent:
    """Join a cluster that was stated before, by a token."""
    key = issue.new_key()
    trust_domain = f"{cluster}.{DOMAIN}"
    twin = issue.make_twin(key, profile.twin_profile(trust_domain), utc_now())
    body = {
        "token": client.create_join_token(cluster, 60)["token"],
        "csr": pem(issue.make_csr(key)).decode(),
        "twin": pem(twin).decode(),
    }
    answer = client._call("POST", "/v1/join", body)
    (intermediate,) = load_certificates(answer["chain"].encode())
    identity = _identity(trust_domain, key, intermediate, answer["root"].encode())
    return Agent(cluster, address, identity)


def _identity(
    trust_domain: str, key: PrivateKey, intermediate: x509.Certificate, root: bytes
) -> Identity:
    leaf_key = issue.new_key()
    wanted = profile.leaf_profile(spiffe.agent_id(trust_domain))
    leaf = issue.issue_leaf(intermediate, key, leaf_key.public_key(), wanted, utc_now())
    return Identity(root, key_pem(leaf_key), pem(leaf, intermediate))
