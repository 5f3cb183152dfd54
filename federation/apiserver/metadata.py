"""What metadata may say, as Kubernetes checks it (ObjectMeta of meta/v1).

In: the metadata of an object, as JSON. Out: what is wrong with it, as causes of an Invalid.
"""

import re
from collections.abc import Iterator
from typing import Any

from federation.apiserver.statuses import Cause
from federation.model.errors import shown

Json = dict[str, Any]

MOST_ANNOTATION_BYTES = 256 * 1024
"""Keys and values of all annotations, as in Kubernetes."""
MOST_FINALIZERS = 32
LONGEST_MANAGER = 128
"""Of a `fieldManager`, as in Kubernetes."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
_PREFIX = re.compile(r"[a-z0-9][-.a-z0-9]{0,252}")
_NAME_OF_KEY = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', start "
    "and end with an alphanumeric character, and be at most 63 characters long"
)
_KEY_RULE = "must be NAME or PREFIX/NAME, such as team or example.com/team"
_VALUE_RULE = "must be letters, digits, '-', '_' and '.', at most 63, or empty"


def mistakes(metadata: Json, *, is_label: bool) -> Iterator[Cause]:
    """What is wrong. `is_label`: the name must be one DNS label."""
    yield from _name(metadata, is_label=is_label)
    namespace = metadata.get("namespace")
    if namespace and not (isinstance(namespace, str) and _LABEL.fullmatch(namespace)):
        yield _bad("metadata.namespace", namespace, _LABEL_RULE)
    yield from _generate_name(metadata.get("generateName", ""))
    yield from _labels(metadata.get("labels"))
    yield from _annotations(metadata.get("annotations"))
    yield from _finalizers(metadata.get("finalizers"))
    yield from _owners(metadata.get("ownerReferences"))


def _bad(field: str, value: object, rule: str) -> Cause:
    return Cause(field, f"Invalid value: {shown(value)}: {rule}")


def _name(metadata: Json, *, is_label: bool) -> Iterator[Cause]:
    name = metadata.get("name")
    if not name:
        yield Cause(
            "metadata.name",
            "Required value: name or generateName is required",
            "FieldValueRequired",
        )
    elif not isinstance(name, str) or not (_LABEL if is_label else _SUBDOMAIN).fullmatch(name):
        yield _bad("metadata.name", name, _LABEL_RULE if is_label else _SUBDOMAIN_RULE)


def _generate_name(found: Any) -> Iterator[Cause]:
    if not isinstance(found, str) or (found and not _PREFIX.fullmatch(found)):
        yield _bad("metadata.generateName", found, f"the beginning of a name: {_SUBDOMAIN_RULE}")


def _labels(found: Any) -> Iterator[Cause]:
    if found is None:
        return
    if not isinstance(found, dict):
        yield _bad("metadata.labels", found, "must be a mapping")
        return
    for key, value in found.items():
        if not is_key(key):
            yield _bad("metadata.labels", key, _KEY_RULE)
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            yield _bad("metadata.labels", value, _VALUE_RULE)


def _annotations(found: Any) -> Iterator[Cause]:
    if found is None:
        return
    if not isinstance(found, dict):
        yield _bad("metadata.annotations", found, "must be a mapping")
        return
    size = 0
    for key, value in found.items():
        if not is_key(key.lower()):
            yield _bad("metadata.annotations", key, _KEY_RULE)
        elif not isinstance(value, str):
            yield _bad(f"metadata.annotations[{key[:80]}]", value, "must be text")
        else:
            size += len(key.encode()) + len(value.encode(errors="surrogatepass"))
    if size > MOST_ANNOTATION_BYTES:
        yield Cause(
            "metadata.annotations",
            f"Too long: may not be more than {MOST_ANNOTATION_BYTES} bytes",
            "FieldValueTooLong",
        )


def _finalizers(found: Any) -> Iterator[Cause]:
    if found is None:
        return
    if not isinstance(found, list) or len(found) > MOST_FINALIZERS:
        yield _bad("metadata.finalizers", found, f"must be a list of at most {MOST_FINALIZERS}")
        return
    for index, value in enumerate(found):
        if not isinstance(value, str) or not is_key(value):
            yield _bad(f"metadata.finalizers[{index}]", value, _KEY_RULE)


def _owners(found: Any) -> Iterator[Cause]:
    if found is None:
        return
    if not isinstance(found, list):
        yield _bad("metadata.ownerReferences", found, "must be a list")
        return
    for index, owner in enumerate(found):
        for field in ("apiVersion", "kind", "name", "uid"):
            value = owner.get(field) if isinstance(owner, dict) else None
            if not isinstance(value, str) or not value:
                yield _bad(f"metadata.ownerReferences[{index}].{field}", value, "must be text")


def is_key(text: str) -> bool:
    """Whether this is a qualified name: `NAME`, or `PREFIX/NAME` with a DNS subdomain."""
    prefix, slash, name = text.rpartition("/")
    if slash and not _SUBDOMAIN.fullmatch(prefix):
        return False
    return bool(_NAME_OF_KEY.fullmatch(name))


def is_field_manager(text: str) -> bool:
    """Whether this may name who writes a field."""
    return len(text) <= LONGEST_MANAGER and text.isprintable()
