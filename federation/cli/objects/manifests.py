"""Documents of files, folders and stdin as a verb takes them, each with where it stands.

In: what `-f` names. Out: a `Manifest` for each document; those of a List are its own. All is read
before anything is sent. Raises InvalidInput with the file and the line.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federation.cli.objects.session import Session
from federation.cli.objects.shown import plain
from federation.client.objects import Place
from federation.model.errors import InvalidInput, shown
from federation.runtime.yamldocs import MAX_BYTES, YamlError, load_documents

Json = dict[str, Any]

STDIN = "-"
MOST_FILES, MOST_DOCUMENTS = 1_000, 10_000
_ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A document, the object that it is about, and where it stands: FILE:LINE."""

    document: Json
    place: Place
    where: str


def read_manifests(files: Sequence[str], session: Session) -> tuple[Manifest, ...]:
    """All documents; raises InvalidInput when there are none, or two for one object."""
    found: dict[Place, Manifest] = {}
    for where, document in _documents(files):
        made = _manifest(document, where, session)
        if made.place in found:
            first = found[made.place].where
            raise InvalidInput(f"{where}: {made.place.title} is stated already at {first}")
        if len(found) >= MOST_DOCUMENTS:
            raise InvalidInput(f"{where}: there are more than {MOST_DOCUMENTS} documents")
        found[made.place] = made
    if not found:
        raise InvalidInput(f"there is no document in {', '.join(files)}")
    return tuple(found.values())


def _documents(files: Sequence[str]) -> Iterator[tuple[str, object]]:
    if not files:
        raise InvalidInput("name a file or a folder with -f, or - for stdin")
    for name in files:
        if name == STDIN:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
            yield from _parsed(data, "stdin")
            continue
        for file in _files(Path(name)):
            try:
                with file.open("rb") as opened:
                    data = opened.read(MAX_BYTES + 1)
            except OSError as error:
                raise InvalidInput(f"{file} cannot be read: {error.strerror}") from error
            yield from _parsed(data, str(file))


def _files(path: Path) -> list[Path]:
    """The file itself, or those of a folder, in order; not those of folders in it."""
    if not path.is_dir():
        return [path]
    found = sorted(f for f in path.iterdir() if f.suffix in _ENDINGS and f.is_file())
    if not found:
        raise InvalidInput(f"folder {path} has no file *{', *'.join(_ENDINGS)}")
    if len(found) > MOST_FILES:
        raise InvalidInput(f"folder {path} has {len(found)} files, but at most {MOST_FILES}")
    return found


def _parsed(data: bytes, name: str) -> Iterator[tuple[str, object]]:
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{name} has more than {MAX_BYTES} bytes")
    try:
        documents = load_documents(data.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is not UTF-8") from error
    except YamlError as error:
        raise InvalidInput(str(error)) from error
    for line, document in documents:
        yield from _items(document, f"{name}:{line}")


def _items(document: object, where: str) -> Iterator[tuple[str, object]]:
    """The document, or what is in it when it is a List."""
    is_list = isinstance(document, dict) and str(document.get("kind", "")).endswith("List")
    items = document.get("items") if isinstance(document, dict) and is_list else None
    if not isinstance(items, list):
        yield where, document
        return
    for number, item in enumerate(items):
        yield f"{where} items[{number}]", item


def _manifest(document: object, where: str, session: Session) -> Manifest:
    if not isinstance(document, dict):
        raise InvalidInput(f"{where}: {shown(document)} is no object")
    version, kind = (_text(document, field, where) for field in ("apiVersion", "kind"))
    served = session.kinds.of_document(version, kind)
    if served is None:
        raise InvalidInput(f"{where}: {_unknown(version, kind, session)}")
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        raise InvalidInput(f"{where}: metadata is {shown(metadata)}, but must be a mapping")
    name = _text(metadata, "name", where, "metadata.")
    within = metadata.get("namespace") or ""
    if not isinstance(within, str):
        raise InvalidInput(f"{where}: metadata.namespace is {shown(within)}, but must be text")
    if not served.namespaced:
        place = Place(served, "", name)
    elif within and session.namespace and within != session.namespace:
        raise InvalidInput(
            f"{where}: metadata.namespace is {shown(within)}, but -n says {session.namespace}"
        )
    else:
        place = Place(served, within or session.within(served), name)
    return Manifest(_sent(document), place, where)


def _sent(document: Json) -> Json:
    """A document without what only the controller says, so that what `get` shows can be applied.

    Its resourceVersion stays: who sends one wants to change just that.
    """
    found = plain(document)
    return {name: value for name, value in found.items() if name != "status"}


def _text(found: Json, field: str, where: str, before: str = "") -> str:
    value = found.get(field)
    if not isinstance(value, str) or not value:
        said = "missing" if value is None else f"{shown(value)}, but must be text"
        raise InvalidInput(f"{where}: {before}{field} is {said}")
    return value


def _unknown(version: str, kind: str, session: Session) -> str:
    """What is wrong with a kind that the controller does not serve."""
    others = [k for k in session.kinds.all if k.kind.lower() == kind.lower()]
    if others:
        said = " or ".join(f"{k.kind} of {k.api_version}" for k in others)
        return f"the controller has no {shown(kind)} of {shown(version)}, but {said}"
    return f"the controller has no kind {shown(kind)}: see fedctl api-resources"
