"""Whether an object is what its kind may be: names, unknown fields, metadata, spec.

In: the body of a request as JSON. Out: the object with its defaults, and warnings. Raises
StatusError: 400 for what cannot be read as this kind, 422 with a cause for every field that says
what cannot be.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError

from federation.api.base import mistakes
from federation.api.kind import ApiKind
from federation.api.schema import defaults, prune, unknown_fields
from federation.api.wrong import wrong
from federation.apiserver import metadata as of_metadata
from federation.apiserver.statuses import Cause, StatusError, bad_request, invalid
from federation.model.errors import shown

Json = dict[str, Any]
Check = Callable[[Json], Iterable[Cause]]
"""What is wrong with an object beyond what its model says."""

STRICT, WARN, IGNORE = "Strict", "Warn", "Ignore"
VALIDATIONS = (STRICT, WARN, IGNORE)
_MOST_WARNINGS = 20


def envelope(kind: ApiKind, body: Any, namespace: str, name: str = "") -> Json:
    """The body as an object of this kind at this place; `name` is that of the path, "" for none."""
    if not isinstance(body, dict):
        raise bad_request("the body of the request must be an object")
    version, said = body.get("apiVersion", kind.api_version), body.get("kind", kind.kind)
    if (version, said) != (kind.api_version, kind.kind):
        raise bad_request(
            f"the object in the body is {shown(said)} of {shown(version)}, but the path is for "
            f"{kind.kind} of {kind.api_version}"
        )
    metadata = body.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise bad_request(f"metadata is {shown(metadata)}, but must be an object")
    own = {key: value for key, value in metadata.items() if value is not None}
    for field, wanted in (("namespace", namespace), ("name", name)):
        found = own.get(field) or ""
        if wanted and found not in ("", wanted):
            raise bad_request(
                f"the {field} of the object ({shown(found)}) does not match the {field} on the "
                f"request ({wanted})"
            )
        if wanted:
            own[field] = wanted
    if not kind.namespaced:
        own.pop("namespace", None)
    if not isinstance(own.get("resourceVersion", ""), str):
        raise bad_request("metadata.resourceVersion must be text")
    return {**body, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": own}


def strictly(
    kind: ApiKind, found: Json, validation: str, twice: Iterable[str] = ()
) -> tuple[Json, tuple[str, ...]]:
    """The object without fields that nobody knows, and a warning for each of them.

    Strict validation refuses them instead (400), and keys that were written `twice`.
    """
    unknown = [f'unknown field "{field}"' for field in unknown_fields(kind.schema, found)]
    doubled = [f'duplicate field "{field}"' for field in twice]
    warnings = tuple([*unknown, *doubled][:_MOST_WARNINGS])
    if warnings and validation == STRICT:
        raise bad_request(
            f"{kind.kind} in version {kind.version!r} cannot be handled as a {kind.kind}: strict "
            f"decoding error: {', '.join(warnings)}"
        )
    pruned: Json = prune(kind.schema, found)
    return pruned, (warnings if validation == WARN else ())


def judged(kind: ApiKind, found: Json, check: Check | None = None) -> Json:
    """The object with the defaults of its kind; raises StatusError (422)."""
    well_formed(kind, found)
    whole: Json = defaults(kind.schema, found)
    name = str(found["metadata"].get("name") or found["metadata"].get("generateName") or "")
    causes = [
        *of_metadata.mistakes(found["metadata"], is_label=kind.is_label),
        *_of_spec(kind, whole),
    ]
    if not causes and check is not None:
        causes = list(check(whole))
    if causes:
        raise invalid(kind, name, causes[:_MOST_WARNINGS])
    return whole


def well_formed(kind: ApiKind, found: Json) -> None:
    """Raises StatusError (422) for what is not as the schema has it; a spec is judged by its model.

    Of nothing else can it be relied upon what type it has.
    """
    but = ("spec",) if kind.spec is not None else ()
    causes = [Cause(path, said) for path, said in wrong(kind.schema, found, but)]
    if causes:
        raise invalid(kind, str(found["metadata"].get("name") or ""), causes)


def _of_spec(kind: ApiKind, found: Json) -> Iterable[Cause]:
    if kind.spec is None:
        return
    spec = found.get("spec", {})
    try:
        kind.spec.model_validate({} if spec is None else spec)
    except ValidationError as error:
        for field, said in mistakes(error):
            path = f"spec.{field}" if field else "spec"
            reason = "FieldValueRequired" if said.endswith("is missing") else "FieldValueInvalid"
            yield Cause(path, said.removeprefix(f"{field} ") if field else said, reason)


def validation_of(text: str) -> str:
    """The value of `fieldValidation`; raises StatusError (400)."""
    if text and text not in VALIDATIONS:
        raise bad_request(f"fieldValidation is {shown(text)}, but must be {', '.join(VALIDATIONS)}")
    return text or WARN


def only_read(kind: ApiKind) -> StatusError:
    """The refusal of a write to a view."""
    return StatusError(
        405,
        f"{kind.resource} is a view of what the clusterset does: it can be read and watched, and "
        "not written",
        kind=kind,
    )
