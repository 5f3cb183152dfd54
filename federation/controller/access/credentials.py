"""What a user can show, as one document a user in the store: hashes and digests, never a secret."""

import json
from dataclasses import asdict, dataclass, replace

from federation.controller.intent.documents import Kind
from federation.controller.store.store import Entry


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is kept of a token; times in seconds since 1970."""

    id: str
    secret_sha256: str
    created: int
    expires: int


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """What is kept of a certificate: the SHA-256 of its DER, of which `id` is the beginning."""

    id: str
    sha256: str
    serial: str
    created: int
    expires: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that a user can show.

    `uid` is that of the User for whom they were made: another one of the same name, made later,
    has none of them.
    """

    user: str
    uid: str = ""
    tokens: tuple[TokenRecord, ...] = ()
    certificates: tuple[CertificateRecord, ...] = ()

    def living(self, now: float) -> "Credentials":
        """The same without what has expired."""
        return replace(
            self,
            tokens=tuple(t for t in self.tokens if now < t.expires),
            certificates=tuple(c for c in self.certificates if now < c.expires),
        )

    def without(self, id: str) -> "Credentials":
        """The same without the token or certificate of this id."""
        return replace(
            self,
            tokens=tuple(t for t in self.tokens if t.id != id),
            certificates=tuple(c for c in self.certificates if c.id != id),
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """Of all tokens and certificates."""
        return (*(t.id for t in self.tokens), *(c.id for c in self.certificates))


def _read(entry: Entry) -> Credentials:
    values = json.loads(entry.value)
    return Credentials(
        values["user"],
        values["uid"],
        tuple(TokenRecord(**token) for token in values["tokens"]),
        tuple(CertificateRecord(**certificate) for certificate in values["certificates"]),
    )


def _bytes(credentials: Credentials) -> bytes:
    return json.dumps(asdict(credentials)).encode()


CREDENTIALS: Kind[Credentials] = Kind(
    "Credentials", "credentials/", lambda c: c.user, _bytes, _read
)
