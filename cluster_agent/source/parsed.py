"""What the text of a file says, as values: its objects with their places, or what is wrong with it.

In: a text and the name to call it by. Out: a `Parsed`, whatever the text is. Documents without
apiVersion and kind are other programs' (kustomization.yaml, values.yaml) and passed over. Next:
`cluster_agent.source.folder`.
"""

from dataclasses import dataclass, field

from cluster_agent.source.objects import Key, Problem
from federation.api.base import Document
from federation.api.parse import half_said, is_kubernetes, parse_document, unfold
from federation.model.errors import InvalidInput
from federation.runtime.escapes import visible
from federation.runtime.yamldocs import YamlError, load_documents

_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Parsed:
    """The objects of one file, each with `file:line`, and where documents of others begin.

    `fault`: why there are none, though the file may have some. `is_blank`: it has no text.
    """

    objects: dict[Key, tuple[Document, str]] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)
    fault: Problem | None = None
    is_blank: bool = False


def parse(name: str, text: str) -> Parsed:
    """What a text says."""
    if not text.strip():
        return Parsed(is_blank=True)
    try:
        return _read(name, text)
    except (InvalidInput, YamlError) as error:
        return broken(str(error))
    except Exception as error:  # noqa: BLE001 - whatever its fault is, no other file suffers by it
        reason = visible(f"{type(error).__name__}: {error}")[:_LONGEST_REASON]
        return broken(f"{name}: the file cannot be read ({reason})")


def broken(said: str) -> Parsed:
    """A file with a fault, said as `place: what is wrong`."""
    where, _, message = said.partition(": ")
    return Parsed(fault=Problem(where, message))


def _read(name: str, text: str) -> Parsed:
    found = Parsed()
    for line, whole in load_documents(text, name):
        where = f"{name}:{line}"
        for document in unfold(whole, where):
            parsed = parse_document(document, where)
            if parsed is None or not isinstance(document, dict):
                if not is_kubernetes(document):
                    found.strange.append(where)
                said = half_said(document)
                found.remarks.extend(Problem(where, text, is_remark=True) for text in said)
                continue
            key = Key(str(document["kind"]), parsed.namespace, parsed.name)
            if key in found.objects:
                raise InvalidInput(f"{where}: {called(key)} is already in {found.objects[key][1]}")
            found.objects[key] = (parsed, where)
            for remark in parsed.remarks:
                found.remarks.append(Problem(where, f"{called(key)}: {remark}", is_remark=True))
    return found


def called(key: Key) -> str:
    """An object for a person."""
    return f"{key.kind} {key.namespace}/{key.name}"
