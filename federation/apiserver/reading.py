"""Lists, single objects and watches as a client asked for them: JSON, YAML or a Table.

In: a resource, the parameters and headers of a request. Out: JSON values, or a stream of lines.
Raises StatusError.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from federation.api.kind import ApiKind
from federation.apiserver import selectors, watching
from federation.apiserver.collection import Held
from federation.apiserver.paging import LARGEST_LIMIT, Page, Pages
from federation.apiserver.requests import Asked, count, revision, truth
from federation.apiserver.resource import Resource
from federation.apiserver.statuses import Cause, StatusError, bad_request, expired
from federation.apiserver.tables import INCLUDED, METADATA, table
from federation.model.errors import shown
from federation.runtime.clock import utc_now

Json = dict[str, Any]
Query = Mapping[str, str]

LONGEST_WATCH_SECONDS = 3_600
SHORTEST_DEFAULT_SECONDS = 1_800
"""A watch without a time of its own ends after this or twice this, so that not all end at once."""
_MANY = 200
"""Objects that are listed beside others, in a thread."""
Result = TypeVar("Result")
_MATCHES = ("", "Exact", "NotOlderThan")


class Reading:
    """Reads the resources; keeps what is being read in pages."""

    def __init__(self) -> None:
        self._pages = Pages()

    async def list(
        self, resource: Resource, asked: Asked, query: Query, owner: str, form: str
    ) -> Json:
        """A list, or a page of it, in the form of the Accept header."""
        limit = count(query, "limit", LARGEST_LIMIT)
        now = asyncio.get_running_loop().time()
        _check_match(query, is_watch=False)
        kind = resource.kind
        of = f"{owner} {kind.resource} {asked.namespace} {query.get('labelSelector', '')} " + (
            query.get("fieldSelector", "")
        )
        if token := query.get("continue", ""):
            page = self._pages.next(token, limit, of, now)
        else:
            judge, revision_ = _judge(resource, asked, query), resource.collection.revision
            held = resource.collection.listed(asked.namespace)
            items = await beside(len(held) if judge else 0, partial(_selected, held, judge))
            page = self._pages.first(items, revision_, limit, of, now)
        included = _included(query)
        return await beside(len(page.items), partial(_listed, kind, page, form, included))

    def get(self, resource: Resource, asked: Asked, query: Query, form: str) -> Json:
        """One object."""
        held = resource.get(asked.namespace, asked.name)
        return shaped(resource, held.object, form, query)

    def watch(self, resource: Resource, asked: Asked, query: Query) -> watching.Watch:
        """What a watch asks for."""
        initial = truth(query, "sendInitialEvents") if "sendInitialEvents" in query else None
        match = _check_match(query, is_watch=True, initial=initial)
        after = revision(query)
        if initial is False and not after:
            after = resource.collection.revision
        if initial or not after:
            after = None
        if after is not None and match and after > resource.collection.revision:
            raise expired(f"resourceVersion {after} is not known")
        return watching.Watch(
            asked.namespace,
            _judge(resource, asked, query),
            after,
            bookmarks=truth(query, "allowWatchBookmarks"),
            initial_end=bool(initial) and truth(query, "allowWatchBookmarks"),
        )


TABLE, PARTIAL, PLAIN = "Table", "PartialObjectMetadata", ""


async def beside(size: int, work: Callable[[], Result]) -> Result:
    """Do it, in a thread when it is much: others are served meanwhile. Objects never change."""
    return await asyncio.to_thread(work) if size > _MANY else work()


def _selected(held: Sequence[Held], judge: selectors.Judge | None) -> tuple[Held, ...]:
    return tuple(one for one in held if judge is None or judge(one.object))


def _listed(kind: ApiKind, page: Page, form: str, included: str) -> Json:
    objects = [held.object for held in page.items]
    if form == TABLE:
        return table(kind, objects, _list_metadata(page), utc_now(), included)
    if form == PARTIAL:
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": _list_metadata(page),
            "items": [partial_of(one) for one in objects],
        }
    return {
        "kind": f"{kind.kind}List",
        "apiVersion": kind.api_version,
        "metadata": _list_metadata(page),
        "items": objects,
    }


def watch_seconds(query: Query, random_part: float | None = None) -> float:
    """How long a watch lasts."""
    asked = count(query, "timeoutSeconds", LONGEST_WATCH_SECONDS)
    part = random.SystemRandom().random() if random_part is None else random_part
    return asked or SHORTEST_DEFAULT_SECONDS * (1 + part)


def shaped(resource: Resource, found: Json, form: str, query: Query) -> Json:
    """An object as the client wants it."""
    if form == TABLE:
        metadata = {"resourceVersion": found["metadata"].get("resourceVersion", "")}
        return table(resource.kind, [found], metadata, utc_now(), _included(query))
    if form == PARTIAL:
        return partial_of(found)
    return found


def partial_of(found: Json) -> Json:
    """An object's metadata alone."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": found["metadata"],
    }


def form_of(accept: str) -> str:
    """How a client wants to have it; raises StatusError (406) when we have no such form."""
    wanted = [_media(part) for part in accept.split(",") if part.strip()] or [("*/*", {})]
    for media, parameters in wanted:
        form = parameters.get("as", "").removesuffix("List")
        if media in ("application/json", "*/*", "application/*", "application/yaml"):
            if form in (TABLE, PARTIAL) and parameters.get("v") in ("v1", "v1beta1"):
                return form
            if not form:
                return PLAIN
    raise StatusError(
        406,
        "only the following media types are accepted: application/json, application/yaml",
    )


def _media(text: str) -> tuple[str, dict[str, str]]:
    media, *parameters = (part.strip() for part in text.split(";"))
    pairs = (part.partition("=") for part in parameters)
    return media.lower(), {name.strip(): value.strip() for name, _, value in pairs}


def _judge(resource: Resource, asked: Asked, query: Query) -> selectors.Judge | None:
    name = asked.name
    return selectors.both(
        (
            selectors.of_labels(query.get("labelSelector", "")),
            selectors.of_fields(query.get("fieldSelector", ""), resource.kind),
            (lambda found: bool(found["metadata"]["name"] == name)) if name else None,
        )
    )


def _check_match(query: Query, *, is_watch: bool, initial: bool | None = None) -> str:
    match = query.get("resourceVersionMatch", "")
    if match not in _MATCHES:
        raise bad_request(
            f"resourceVersionMatch is {shown(match)}, but must be Exact or NotOlderThan"
        )
    if not is_watch and match and not query.get("resourceVersion"):
        raise _bad_options("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if is_watch and match and initial is None:
        raise _bad_options(
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is set"
        )
    if is_watch and initial is not None and match != "NotOlderThan":
        raise _bad_options(
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
    return match


def _bad_options(message: str) -> StatusError:
    return StatusError(422, f"ListOptions is invalid: {message}", causes=[Cause("", message)])


def _list_metadata(page: Page) -> Json:
    found: Json = {"resourceVersion": str(page.revision)}
    if page.token:
        found["continue"] = page.token
        found["remainingItemCount"] = page.remaining
    return found


def _included(query: Query) -> str:
    found = query.get("includeObject", METADATA)
    if found not in INCLUDED:
        raise bad_request(f"includeObject is {shown(found)}, but must be {', '.join(INCLUDED)}")
    return found
