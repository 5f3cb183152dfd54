"""The Kubernetes-style API: from a request that was let in to a resource and back.

In: a request and who asks. Out: an answer as a Kubernetes API server gives it. What may be asked of
whom is decided by an `Access`; every write is noted by a `Notes`. It knows no kind: resources are
given, and all else is derived from their kinds.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from federation.api.kind import ApiKind
from federation.apiserver import reading, writing
from federation.apiserver.access import Attributes, Decision
from federation.apiserver.answers import (
    answer_of,
    deleted,
    forbidden,
    listed,
    refusal,
    written_as,
)
from federation.apiserver.bodies import object_of
from federation.apiserver.caller import Caller, IsStill
from federation.apiserver.documents import Documents
from federation.apiserver.judging import only_read
from federation.apiserver.requests import Asked, read_path, truth, verb_of
from federation.apiserver.resource import Resource, Wish
from federation.apiserver.reviews import Reviews
from federation.apiserver.selectors import name_wanted
from federation.apiserver.statuses import StatusError
from federation.apiserver.streams import Streams, Watched
from federation.model.errors import FedmeshError

Json = dict[str, Any]

_FORBIDDEN, _GONE = 403, 404
_NOT_FOUND = "the server could not find the requested resource"
_READS = ("get", "list", "watch")
_SELECTORS = ("labelSelector", "fieldSelector")


@dataclass(slots=True)
class Note:
    """What a write that is under way did: the objects before and after, or a few words."""

    before: Json | None = None
    after: Json | None = None
    detail: str = ""


class Gate(Protocol):
    """Who may do what, and the note of what was done."""

    def decide(self, caller: Caller, asked: Attributes) -> Decision:
        """Whether a caller may do it."""

    async def refused(self, caller: Caller, address: str, asked: Attributes, reason: str) -> None:
        """Note that somebody may not do what he asked."""

    def noting(
        self, caller: Caller, address: str, asked: Attributes, *, is_dry: bool
    ) -> AbstractAsyncContextManager[Note]:
        """Note what is done in this context, and how it ended."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is about a resource."""

    request: web.Request
    caller: Caller
    is_still: IsStill
    asked: Asked
    verb: str
    attributes: Attributes

    @property
    def form(self) -> str:
        """How the answer is wanted; raises StatusError (406)."""
        return reading.form_of(self.request.headers.get("Accept", ""))

    async def sent(self) -> writing.Sent:
        """The parts of a request that writes."""
        request = self.request
        return writing.Sent(
            await request.read(),
            request.headers.get("Content-Type", ""),
            request.query,
            tuple(request.query.getall("dryRun", [])),
            request.headers.get("User-Agent", ""),
        )


class KubernetesApi:
    """Answers requests about resources."""

    def __init__(
        self, resources: Iterable[Resource], documents: Documents, reviews: Reviews, gate: Gate
    ) -> None:
        self._resources: Mapping[tuple[str, str, str], Resource] = {
            (r.kind.group, r.kind.version, r.kind.plural): r for r in resources
        }
        self._documents = documents
        self._reviews = reviews
        self._gate = gate
        self._reading = reading.Reading()
        self._streams = Streams()

    async def handle(
        self, request: web.Request, caller: Caller, is_still: IsStill
    ) -> web.StreamResponse:
        """The answer; errors are answered as Status objects."""
        try:
            return await self._answer(request, caller, is_still)
        except FedmeshError as error:
            return refusal(error)

    async def _answer(
        self, request: web.Request, caller: Caller, is_still: IsStill
    ) -> web.StreamResponse:
        path = request.path.rstrip("/") or "/"
        document = self._documents.find(path, request.headers.get("Accept", ""))
        asked = None if document is not None else read_path(path)
        if asked is not None:
            return await self._about_resource(request, caller, is_still, asked)
        await self._check(request, caller, Attributes(request.method.lower(), path=path))
        if document is None:
            raise StatusError(404, _NOT_FOUND)
        if request.method != "GET":
            raise StatusError(405, "this document can be read only")
        return document.answer(request)

    async def _about_resource(
        self, request: web.Request, caller: Caller, is_still: IsStill, asked: Asked
    ) -> web.StreamResponse:
        verb = verb_of(request.method, asked, truth(request.query, "watch"))
        name = asked.name or name_wanted(request.query.get("fieldSelector", ""))
        attributes = Attributes(
            verb,
            asked.group,
            asked.plural,
            asked.subresource,
            asked.namespace,
            asked.name if verb == "create" else name,
        )
        await self._check(request, caller, attributes)
        call = Call(request, caller, is_still, asked, verb, attributes)
        if self._reviews.answers(asked.group, asked.version, asked.plural):
            return await self._review(call)
        resource = self._resources.get((asked.group, asked.version, asked.plural))
        if resource is None:
            raise StatusError(404, _NOT_FOUND)
        _check_scope(resource.kind, asked, verb)
        if asked.subresource:
            return await self._below(resource, call)
        _check_verb(resource.kind, resource.kind.verbs, verb)
        if verb in _READS:
            return await self._read(resource, call)
        return await self._write(resource, call)

    async def _check(self, request: web.Request, caller: Caller, asked: Attributes) -> None:
        decision = self._gate.decide(caller, asked)
        if not decision.allowed:
            if request.method not in ("GET", "HEAD"):
                await self._gate.refused(caller, request.remote or "", asked, decision.reason)
            raise StatusError(_FORBIDDEN, forbidden(caller, asked, decision.reason))

    async def _review(self, call: Call) -> web.Response:
        if call.verb != "create":
            raise StatusError(405, "a review can be created only")
        body, _ = (await call.sent()).body()
        asked = call.asked
        found = self._reviews.review(
            asked.plural, asked.version, body, call.caller, self._gate.decide
        )
        return answer_of(found, 201, call.request)

    async def _read(self, resource: Resource, call: Call) -> web.StreamResponse:
        query, form = call.request.query, call.form
        if call.verb == "get":
            return answer_of(
                self._reading.get(resource, call.asked, query, form), 200, call.request
            )
        if call.verb == "list":
            found = await self._reading.list(resource, call.asked, query, call.caller.name, form)
            return await listed(found, call.request)
        watch = self._reading.watch(resource, call.asked, query)

        def may_still() -> bool:
            return call.is_still() and self._gate.decide(call.caller, call.attributes).allowed

        watched = Watched(resource, watch, form, may_still)
        return await self._streams.serve(call.request, call.caller.name, watched)

    async def _write(self, resource: Resource, call: Call) -> web.StreamResponse:
        sent, form, asked = await call.sent(), call.form, call.asked
        deletes = call.verb in ("delete", "deletecollection")
        wish = writing.delete_wish(sent) if deletes else sent.wish()
        async with self._noting(call, is_dry=wish.is_dry) as act:
            if call.verb == "deletecollection":
                found = await self._delete_all(resource, call, wish)
                return answer_of(found, 200, call.request)
            if call.verb == "delete":
                written = await resource.delete(asked.namespace, asked.name, wish)
                act.before, act.after = written.before, written.after
                return deleted(resource.kind, written, call.request)
            code, written = await _WRITES[call.verb](resource, asked, sent)
            act.before, act.after = written.before, written.after
        return written_as(resource, written, code, form, call.request)

    def _noting(self, call: Call, *, is_dry: bool) -> AbstractAsyncContextManager[Note]:
        address = call.request.remote or ""
        return self._gate.noting(call.caller, address, call.attributes, is_dry=is_dry)

    async def _delete_all(self, resource: Resource, call: Call, wish: Wish) -> Json:
        said = call.request.query
        query = {name: said[name] for name in _SELECTORS if name in said}
        found = await self._reading.list(
            resource, call.asked, query, call.caller.name, reading.PLAIN
        )
        for one in found["items"]:
            metadata = one["metadata"]
            try:
                await resource.delete(metadata.get("namespace", ""), metadata["name"], wish)
            except StatusError as error:
                if error.code != _GONE:  # by somebody else, in between
                    raise
        return found

    async def _below(self, resource: Resource, call: Call) -> web.StreamResponse:
        """What lies below an object: its status, and what can be created for it."""
        below = resource.kind.subresource(call.asked.subresource)
        if below is None:
            raise StatusError(404, _NOT_FOUND)
        _check_verb(resource.kind, below.verbs, call.verb)
        if call.verb == "get":
            return await self._read(resource, call)
        if call.verb != "create":
            return await self._write(resource, call)
        held = resource.get(call.asked.namespace, call.asked.name)
        sent = await call.sent()
        body = sent.body()[0] if sent.data.strip() else {}
        is_dry = sent.wish().is_dry
        async with self._noting(call, is_dry=is_dry) as act:
            answer = await resource.acts[below.name](held, object_of(body), act, is_dry)
        return answer_of(answer, 201, call.request)


_WRITES: dict[str, Callable[..., Any]] = {
    "create": writing.create,
    "update": writing.update,
    "patch": writing.patch,
}


def _check_scope(kind: ApiKind, asked: Asked, verb: str) -> None:
    """Raises StatusError for a namespace where there is none, and the other way round."""
    if asked.namespace and not kind.namespaced:
        raise StatusError(404, _NOT_FOUND)
    needs_one = asked.name or verb in ("create", "deletecollection")
    if kind.namespaced and not asked.namespace and needs_one:
        if asked.name:
            raise StatusError(404, _NOT_FOUND)
        raise StatusError(405, f"{kind.resource} are in namespaces: name one")


def _check_verb(kind: ApiKind, verbs: Iterable[str], verb: str) -> None:
    if verb in verbs:
        return
    if verb not in _READS and "create" not in kind.verbs:
        raise only_read(kind)
    raise StatusError(
        405, "the server does not allow this method on the requested resource", kind=kind
    )
