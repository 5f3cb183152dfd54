"""What a document says that has no effect, and was probably meant: a sentence for each.

In: a document as YAML gave it, and the model of its kind. Out: sentences. Nothing is refused for
it: Kubernetes itself drops unknown fields, and later versions of it have more. But whoever
misspells `ports` or an annotation of fedmesh should hear of it. Used by
`federation.api.parse`.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import chain, islice
from typing import Any, get_args

from federation.api.base import Theirs
from federation.model import annotations

MOST = 10
"""Sentences about one document; a file of many mistakes is mended a few at a time."""
_NEAR, _SOMEHOW_NEAR = 0.8, 0.7
"""How alike words are that look like one of ours, and what may have been meant by a wrong one."""
_LONGEST = 80
_SERVICE_NAME = "kubernetes.io/service-name"


def remarks(kind: str, model: type[Theirs], document: Mapping[Any, Any]) -> tuple[str, ...]:
    """What is said of a document that is right otherwise."""
    every = chain(_unknown(model, document, ""), _notes(kind, document), _labels(kind, document))
    found = tuple(islice(every, MOST + 1))  # no further: comparing words takes its time
    return found if len(found) <= MOST else (*found[:MOST], "and more of that kind")


def _unknown(model: type[Theirs], found: Mapping[Any, Any], place: str) -> Iterator[str]:
    """Fields that nobody knows, where all fields that there are in Kubernetes are listed."""
    fields = _fields(model)
    for name, value in found.items():
        if name in fields:
            inner = fields[name]
            if inner is not None:
                yield from _inside(inner, value, f"{place}{name}")
        elif model.others and name not in model.others:
            known = [*fields, *model.others]
            meant = _meant(name, known)
            yield f"{place}{_short(name)} is not a known field{meant} and has no effect"


@cache
def _fields(model: type[Theirs]) -> dict[str, type[Theirs] | None]:
    """The fields of a model, each with the model that is in it."""
    found = model.model_fields.items()
    return {field.alias or name: _model_in(field.annotation) for name, field in found}


def _inside(model: type[Theirs], value: object, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _unknown(model, value, f"{place}.")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield from _unknown(model, item, f"{place}[{index}].")


def _model_in(annotation: Any) -> type[Theirs] | None:
    """The model in `Model`, `list[Model]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Theirs):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _notes(kind: str, document: Mapping[Any, Any]) -> Iterator[str]:
    """Annotations of fedmesh: unknown ones, those in another place, values that mean nothing."""
    metadata = document.get("metadata")
    notes = metadata.get("annotations") if isinstance(metadata, dict) else None
    known = annotations.OF_PODS if kind == "Pod" else ()
    yield from _annotations(notes, known, "annotation")
    spec = document.get("spec")
    if kind == "ServiceExport" and isinstance(spec, dict):
        told = spec.get("exportedAnnotations")
        yield from _annotations(told, annotations.OF_EXPORTS, "exported annotation")


def _annotations(notes: object, known: tuple[str, ...], what: str) -> Iterator[str]:
    every = (*annotations.OF_PODS, *annotations.OF_EXPORTS)
    for name, value in notes.items() if isinstance(notes, dict) else ():
        text = str(name)
        if text in known:
            word = str(value).lower() if text == annotations.SIDECAR else str(value)
            if text != annotations.STATUS and word not in ("true", "false"):
                yield f"{what} {text} is {_short(value)!r}, but must be 'true' or 'false'"
        elif text in annotations.OF_EXPORTS:
            yield f"{what} {text} belongs under spec.exportedAnnotations of the ServiceExport"
        elif text in annotations.OF_PODS:
            yield f"{what} {text} belongs to a Pod"
        elif "fedmesh" in text.partition("/")[0].lower() or _is_near(text, every):
            yield f"{what} {_short(text)} is not known{_meant(text, every)} and has no effect"


def _labels(kind: str, document: Mapping[Any, Any]) -> Iterator[str]:
    """Without its label an EndpointSlice belongs to no Service."""
    metadata = document.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    if kind != "EndpointSlice" or not isinstance(labels, dict) or _SERVICE_NAME in labels:
        return
    for name in get_close_matches(_SERVICE_NAME, list(map(str, labels)), 1, _NEAR):
        yield f"label {_short(name)} is not known (did you mean {_SERVICE_NAME}?)"


def _is_near(text: str, known: tuple[str, ...]) -> bool:
    looks_like_it = text[:1].lower() == known[0][0] and len(text) <= _LONGEST
    return looks_like_it and bool(get_close_matches(text, known, 1, _NEAR))


def _meant(name: object, known: Any) -> str:
    near = get_close_matches(str(name)[:_LONGEST], list(known), 1, _SOMEHOW_NEAR)
    return f" (did you mean {near[0]}?)" if near else ""


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
