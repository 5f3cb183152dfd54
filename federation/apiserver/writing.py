"""Writes as clients send them: bodies, kinds of patches, options; what they become at a resource.

In: a resource, the place, the body and the parameters. Out: `Written`, with the HTTP status. Raises
StatusError.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from federation.apiserver.bodies import object_of, read_body
from federation.apiserver.judging import envelope, strictly, validation_of
from federation.apiserver.metadata import is_field_manager
from federation.apiserver.patching.conflicts import ApplyConflict
from federation.apiserver.patching.json_patch import apply_json_patch
from federation.apiserver.patching.managers import apply
from federation.apiserver.patching.merge_patch import merge_patch
from federation.apiserver.patching.strategic import strategic_merge
from federation.apiserver.requests import Asked, is_dry, truth
from federation.apiserver.resource import Place, Resource, Wish, Written
from federation.apiserver.statuses import (
    AlreadyExistsError,
    Cause,
    StatusError,
    bad_request,
    not_found,
)
from federation.model.errors import InvalidInput, shown
from federation.runtime.clock import utc_now

Json = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = ("application/apply-patch+yaml", "application/apply-patch+json")
_OK, _CREATED = 200, 201
_POLICIES = ("", "Background", "Foreground", "Orphan")


@dataclass(frozen=True, slots=True)
class Sent:
    """The parts of a request that writes."""

    data: bytes
    media: str
    query: Mapping[str, str]
    dry_runs: tuple[str, ...]
    agent: str

    @property
    def type(self) -> str:
        """The media type without parameters."""
        return self.media.partition(";")[0].strip().lower()

    def body(self) -> tuple[Any, tuple[str, ...]]:
        """The values in the body, and the keys that occur twice."""
        return read_body(self.data, self.media)

    def wish(self) -> Wish:
        """How it wants to write; raises StatusError (400)."""
        manager = self.query.get("fieldManager", "")
        if manager and not is_field_manager(manager):
            raise bad_request(
                f"fieldManager is {shown(manager)}, but must be at most 128 printable characters"
            )
        return Wish(
            manager=manager or self.agent.partition("/")[0][:128] or "unknown",
            validation=validation_of(self.query.get("fieldValidation", "")),
            is_dry=is_dry(list(self.dry_runs)),
            force=truth(self.query, "force"),
        )


async def create(resource: Resource, asked: Asked, sent: Sent) -> tuple[int, Written]:
    """POST of an object."""
    body, twice = sent.body()
    return _CREATED, await resource.create(body, asked.namespace, sent.wish(), twice)


async def update(resource: Resource, asked: Asked, sent: Sent) -> tuple[int, Written]:
    """PUT of an object."""
    body, twice = sent.body()
    return _OK, await resource.update(body, _place(asked), sent.wish(), twice)


async def patch(resource: Resource, asked: Asked, sent: Sent) -> tuple[int, Written]:
    """PATCH of an object, by what the media type says."""
    wish = sent.wish()
    if sent.type in APPLY:
        return await _apply(resource, asked, sent, wish)
    if wish.force:
        raise bad_request("force may be set for server-side apply only")
    if sent.type == JSON_PATCH:
        operations, _ = sent.body()
        revision = ""
    elif sent.type in (MERGE_PATCH, STRATEGIC):
        part = object_of(sent.body()[0])
        metadata = part.get("metadata")
        said = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        revision = said if isinstance(said, str) else ""
    else:
        raise StatusError(
            415,
            f"the body of the request was in an unknown format - accepted media types include: "
            f"{JSON_PATCH}, {MERGE_PATCH}, {APPLY[0]}",
        )
    kind = resource.kind
    if sent.type == STRATEGIC and kind.group:
        raise StatusError(
            415,
            f"{kind.resource} cannot be patched by a strategic merge patch: send {MERGE_PATCH}",
        )

    warnings: tuple[str, ...] = ()

    def change(before: Json) -> Json:
        nonlocal warnings
        if sent.type == JSON_PATCH:
            after = apply_json_patch(before, operations)
        elif sent.type == STRATEGIC:
            after = strategic_merge(before, part, kind.schema)
        else:
            after = merge_patch(before, part)
        whole = envelope(kind, after, asked.namespace, asked.name)
        found, warnings = strictly(kind, whole, wish.validation)
        return found

    try:
        found = await resource.change(_place(asked), replace(wish, revision=revision), change)
    except InvalidInput as error:
        raise StatusError(
            422, str(error), kind=kind, name=asked.name, causes=[Cause("patch", str(error))]
        ) from error
    return _OK, found._replace(warnings=warnings)


async def _apply(resource: Resource, asked: Asked, sent: Sent, wish: Wish) -> tuple[int, Written]:
    """Server-side apply (KEP-555)."""
    kind = resource.kind
    if not sent.query.get("fieldManager"):
        raise bad_request(
            "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for "
            "apply patch"
        )
    body, twice = read_body(sent.data, "application/yaml")
    said, warnings = strictly(
        kind, envelope(kind, body, asked.namespace, asked.name), wish.validation, twice
    )
    revision = said["metadata"].get("resourceVersion", "")

    def change(before: Json | None) -> Json:
        return apply(
            before,
            said,
            wish.manager,
            force=wish.force,
            schema=kind.schema,
            now=utc_now(),
            subresource=asked.subresource,
        ).object

    try:
        if resource.collection.get(asked.namespace, asked.name) is None:
            if asked.subresource:
                raise not_found(kind, asked.name)
            if said["metadata"].get("uid") or revision:
                raise not_found(kind, asked.name)
            with suppress(AlreadyExistsError):  # meanwhile: it is changed then
                made = await resource.create(change(None), asked.namespace, wish, tracked=False)
                return _CREATED, made._replace(warnings=warnings)
        wanted = replace(wish, revision=revision)
        found = await resource.change(_place(asked), wanted, change, tracked=False)
    except ApplyConflict as error:
        causes = [Cause(c.field, c.message, "FieldManagerConflict") for c in error.conflicts]
        raise StatusError(409, str(error), kind=kind, name=asked.name, causes=causes) from error
    return _OK, found._replace(warnings=warnings)


def delete_wish(sent: Sent) -> Wish:
    """The options of a deletion, from the body and the parameters; raises StatusError (400)."""
    options: Json = {}
    if sent.data.strip():
        options = object_of(sent.body()[0])
    if options.get("kind", "DeleteOptions") != "DeleteOptions":
        raise bad_request(
            f"the body must be DeleteOptions, but its kind is {shown(options['kind'])}"
        )
    dry = options.get("dryRun") or []
    if not isinstance(dry, list):
        raise bad_request(f"dryRun is {shown(dry)}, but must be a list")
    policy = options.get("propagationPolicy") or sent.query.get("propagationPolicy") or ""
    if policy not in _POLICIES:
        raise bad_request(
            f"propagationPolicy is {shown(policy)}, but must be {', '.join(_POLICIES[1:])}"
        )
    conditions = options.get("preconditions") or {}
    if not isinstance(conditions, dict):
        raise bad_request(f"preconditions is {shown(conditions)}, but must be an object")
    return replace(
        sent.wish(),
        is_dry=is_dry([*map(str, dry), *sent.dry_runs]),
        uid=str(conditions.get("uid") or ""),
        revision=str(conditions.get("resourceVersion") or ""),
    )


def _place(asked: Asked) -> Place:
    return Place(asked.namespace, asked.name, asked.subresource)
