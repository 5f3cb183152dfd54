"""Who may use the API in a test: whoever shows one token, and for everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from federation.apiserver.access import Attributes, Decision, sentence
from federation.apiserver.caller import ADMIN, ADMINS, Authenticate, Caller, known
from federation.apiserver.documents import Documents
from federation.apiserver.kubernetes import KubernetesApi, Note
from federation.apiserver.reviews import Reviews
from federation.apiserver.routes import Application
from federation.apiserver.server import Parts


def by_token(token: str) -> Authenticate:
    """The bearer of the token is the admin, everybody else a stranger."""

    def authenticate(header: str, certificate: bytes | None, now: float) -> Caller | None:
        return known(ADMIN, (ADMINS,), "admin token") if header == f"Bearer {token}" else None

    return authenticate


class Everything:
    """An `Access` that allows all."""

    def decide(self, caller: Caller, asked: Attributes) -> Decision:
        return Decision(True, "this is a test")

    def is_admin(self, caller: Caller) -> bool:
        return True

    async def refused(self, caller: Caller, address: str, asked: Attributes, reason: str) -> None:
        raise AssertionError(reason)


def parts(application: Application, token: str, kubernetes: KubernetesApi | None = None) -> Parts:
    """The parts of an API that a token opens."""
    without = KubernetesApi((), Documents({}), Reviews(lambda caller, namespace: {}), NoNotes())
    return Parts(application, kubernetes or without, by_token(token), Everything())


class NoNotes(Everything):
    """A `Gate` that allows all and notes what was written."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str, Note]] = []

    @asynccontextmanager
    async def noting(
        self, caller: Caller, address: str, asked: Attributes, *, is_dry: bool
    ) -> AsyncIterator[Note]:
        note = Note()
        yield note
        self.notes.append((caller.name, sentence(asked), note))
