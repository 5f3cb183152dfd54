"""The page docs/reference/kinds.md, made of the kinds that the API serves.

In: the rows of `federation.api.kinds`. Out: the page as text; `python -m tests.docs.kinds` writes
it, a unit test checks it.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter

from federation.api.base import Label, OptionalLabel, OptionalSubdomain, Subdomain
from federation.api.kind import ApiKind, Json
from federation.api.kinds import CRD, KINDS, REVIEWS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "kinds.md"
_HEAD = """\
# Kinds

<!-- written by `make docs`, do not edit -->

For everybody: the kinds that the controller's API serves, with every field. `kubectl explain` says
the same. What people want is `spec`, what is seen is `status`, which the controller alone writes,
unless a kind lists `status` with update and patch. Fields that a kind does not have are left out
with a warning, and refused where the request asks for strict validation, as kubectl does.
"""
_BOUNDS = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minimum", "from {}"),
    ("maximum", "to {}"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
    ("maxProperties", "at most {}"),
)
_SHAPES = {
    TypeAdapter(of).json_schema()["pattern"]: words
    for of, words in (
        (Label, "a DNS label"),
        (OptionalLabel, "a DNS label"),
        (Subdomain, "a DNS name"),
        (OptionalSubdomain, "a DNS name"),
    )
}
"""Patterns of names, in words."""


def page() -> str:
    """The whole page."""
    kinds = [kind for kind in KINDS if kind not in (*REVIEWS, CRD)]
    return "\n".join([_HEAD, *(_section(kind) for kind in kinds), _others()])


def _section(kind: ApiKind) -> str:
    scope = "in a namespace" if kind.namespaced else "of the clusterset"
    verbs = ", ".join(kind.verbs)
    short = (
        f", short {', '.join(f'`{name}`' for name in kind.short_names)}" if kind.short_names else ""
    )
    lines = [
        f"## {kind.kind}",
        "",
        kind.schema.get("description", kind.description),
        "",
        f"`{kind.api_version}`, {scope}: `kubectl get {kind.plural}`{short}. Verbs: {verbs}.",
        "",
        *_fields(kind),
        *_below(kind),
    ]
    return "\n".join(lines)


def _fields(kind: ApiKind) -> Iterator[str]:
    known: Json = kind.schema.get("properties", {})
    rows = [
        row
        for part, schema in known.items()
        if part not in ("apiVersion", "kind", "metadata")
        for row in _rows(part, schema, part in kind.schema.get("required", ()))
    ]
    if not rows:
        yield from ("It has nothing but its metadata.", "")
        return
    yield from ("| field | type | default | meaning |", "| --- | --- | --- | --- |", *rows, "")


def _rows(path: str, schema: Json, required: bool) -> Iterator[str]:
    meaning = schema.get("description", "").replace("|", "\\|").replace("\n", " ")
    words = _SHAPES.get(schema.get("pattern", ""))
    bounds = [words] if words else []
    bounds += [text.format(schema[name]) for name, text in _BOUNDS if name in schema]
    if "enum" in schema:
        bounds.append(f"one of {', '.join(f'`{value}`' for value in schema['enum'])}")
    of = "needed" if required else _default(schema)
    limits = f" ({'; '.join(bounds)})" if bounds else ""
    yield f"| `{path}` | {_type(schema)} | {of} | {meaning}{limits.replace('|', chr(92) + '|')} |"
    inner, at = schema, path
    if schema.get("type") == "array":
        inner, at = schema["items"], f"{path}[]"
    for name, field in inner.get("properties", {}).items():
        yield from _rows(f"{at}.{name}", field, name in inner.get("required", ()))


def _default(schema: Json) -> str:
    found = schema.get("default")
    return "" if found in (None, {}) else f"`{found}`"


def _type(schema: Json) -> str:
    of = schema.get("type", "any")
    if of == "array":
        return f"list of {_type(schema['items'])}"
    if of == "object" and "additionalProperties" in schema:
        return "map"
    return str(of)


def _below(kind: ApiKind) -> Iterator[str]:
    if not kind.subresources:
        return
    yield from ("| below it | verbs | what it is |", "| --- | --- | --- |")
    for below in kind.subresources:
        yield f"| `{below.name}` | {', '.join(below.verbs)} | {below.description} |"
    yield ""


def _others() -> str:
    names = ", ".join(f"{kind.kind} (`{kind.api_version}`)" for kind in REVIEWS)
    return (
        "## Kinds for tools\n\n"
        f"{names} answer what a caller may do and who he is. CustomResourceDefinitions "
        "(`apiextensions.k8s.io/v1`) can be read, so that tools find the kinds above and their "
        "schemas.\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page())
