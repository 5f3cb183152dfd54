"""Objects as a command shows them: JSON, YAML, names; and the parts that are not for people.

In: objects as the controller answers them. Out: text.
"""

import json
from typing import Any

from federation.cli.io import IO
from federation.cli.objects.options import Form
from federation.client.discovery import ServedKind

Json = dict[str, Any]


def plain(found: Json) -> Json:
    """An object without who owns which of its fields."""
    metadata = found.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return found
    own = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**found, "metadata": own}


def list_of(items: list[Json]) -> Json:
    """Several objects as one document, which can be applied again."""
    return {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}


def as_yaml(found: Any) -> str:
    """A value as YAML, in the order that it has."""
    import yaml  # noqa: PLC0415 - most commands do not need it

    text: str = yaml.safe_dump(found, sort_keys=False, width=100)
    return text


def show_document(found: Json, form: Form, io: IO, *, first: bool = True) -> None:
    """An object, or a list of them, as JSON or YAML; `first`: none was shown before."""
    if form is Form.JSON:
        io.result(json.dumps(found, indent=2))
        return
    io.out.write(f"{'' if first else '---' + chr(10)}{as_yaml(found)}")
    io.out.flush()


def title_of(kind: ServedKind, found: Json) -> str:
    """How lines name an object."""
    return kind.title(str(found.get("metadata", {}).get("name", "")))
