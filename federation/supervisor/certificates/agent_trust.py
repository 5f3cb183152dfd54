"""The proxy's certificate: made here, certified by the agent, kept for the next start.

The key never leaves this machine; the file that holds it has mode 0600.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from federation.model.errors import Failed, NotReady
from federation.process.secret_file import read_token_file
from federation.runtime.disk import File
from federation.runtime.files import read_if_there
from federation.trust.lives import renew_at
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Connection, Identity

_END_OF_KEY = b"-----END PRIVATE KEY-----\n"
_DOMAIN_LINE = "# fedmesh trust domain: "
_KEY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Certified:
    """A key, its chain, and the clusterset's root (PEM); times in seconds since 1970."""

    key: str
    chain: str
    not_before: int
    not_after: int
    root: str = ""

    def due_at(self) -> datetime:
        """When half of its life is over."""
        ends = (datetime.fromtimestamp(t, UTC) for t in (self.not_before, self.not_after))
        return renew_at(*ends)

    def ends_at(self) -> datetime:
        """When its life is over."""
        return datetime.fromtimestamp(self.not_after, UTC)

    def is_due(self, now: datetime) -> bool:
        """Whether half of its life is over."""
        return now >= self.due_at()

    def is_valid(self, now: float) -> bool:
        """Whether it is still of use."""
        return now < self.not_after


@dataclass(frozen=True, slots=True)
class Trust:
    """The anchor (PEM) by which the agent is known, and its trust domain."""

    anchor: bytes
    trust_domain: str

    @property
    def identity(self) -> Identity:
        """For dialling the agent: a supervisor shows its token, not a certificate."""
        return Identity(self.anchor)

    @property
    def agent_host(self) -> str:
        """The DNS name in the agent's certificate."""
        return f"agent.{self.trust_domain}"


def format_trust(trust: Trust) -> bytes:
    """The text of trust.pem: the trust domain in a comment line, then the anchor."""
    return f"{_DOMAIN_LINE}{trust.trust_domain}\n".encode() + trust.anchor


def read_trust(file: Path) -> Trust:
    """What an agent wrote into trust.pem; raises NotReady while it is not there."""
    data = read_if_there(file)
    if data is None:
        raise NotReady(
            f"trust_file {file} is not there yet: the agent writes it once it has joined"
        )
    first, _, rest = data.decode(errors="replace").partition("\n")
    if not first.startswith(_DOMAIN_LINE):
        raise Failed(f"trust_file {file} was not written by a fedmesh agent")
    return Trust(rest.encode(), first.removeprefix(_DOMAIN_LINE).strip())


def read_token(file: Path) -> str:
    """The workload token; read at every use, since whoever provides it may renew it.

    Raises NotReady when it is not there, InvalidInput for something else than a token.
    """
    found = read_token_file(file, f"token_file {file}")
    if found is None:
        raise NotReady(f"token_file {file} is not there")
    return found


def load_certified(file: Path) -> Certified | None:
    """The certificate of an earlier start, None when there is none or it is damaged."""
    data = read_if_there(file)
    try:
        return Certified(**json.loads(data)) if data else None
    except (ValueError, TypeError):
        return None


def file_of(file: Path, certified: Certified) -> File:
    """A certificate as it is kept for the next start."""
    return File(file, json.dumps(asdict(certified)).encode(), durable=True)


async def certify(connection: Connection) -> Certified:
    """Make a new key and have the agent certify it; raises what the agent answers."""
    key, csr = await _make_key()
    answer: pb.Certificate = await connection.call(methods.CERTIFY, pb.CertifyRequest(csr=csr))
    lives = answer.not_before, answer.not_after
    return Certified(key.decode(), answer.chain.decode(), *lives, answer.root.decode())


async def _make_key() -> tuple[bytes, bytes]:
    command = [sys.executable, "-m", "federation.supervisor.certificates.keygen"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(_KEY_SECONDS):
            made, _ = await process.communicate()
    except TimeoutError as error:
        raise NotReady(f"the proxy's key was not made within {_KEY_SECONDS:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
    key, end, csr = made.partition(_END_OF_KEY)
    if process.returncode != 0 or not end:
        raise Failed("the proxy's key could not be made")
    return key + end, csr
