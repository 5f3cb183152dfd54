"""fedctl's contexts: the controllers that a person operates, each under a name, in one file.

In: the file's document. Out: one context as values, the names, and documents with one context more
or less. What a context says is checked when it is used: a wrong one leaves the others alone. A file
of three fields, as the demo writes it, is one context.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federation.model.errors import Conflict, InvalidInput, NotReady, shown

FIELDS = ("controller", "ca_file", "token_file", "certificate_file", "key_file")
ONLY = "fedmesh"
"""The name of the context of a file that has no names."""
_FILE_FIELDS = ("contexts", "current")
_NEEDED = ("controller", "ca_file")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Config:
    """One context: which controller, how to know it, and as whom; paths are absolute.

    Either there is a `token_file`, or a `certificate_file` with its `key_file`.
    """

    controller: str
    ca_file: Path
    token_file: Path | None
    certificate_file: Path | None = None
    key_file: Path | None = None
    name: str = ONLY

    @property
    def shows(self) -> str:
        """By what the controller knows who asks."""
        return f"certificate {self.certificate_file}" if self.certificate_file else "token"


@dataclass(frozen=True, slots=True)
class Contexts:
    """All contexts of the file at `path`, as they are written there, and which one is used."""

    path: Path
    all: Mapping[str, Any]
    current: str = ""

    def chosen(self, name: str = "") -> str:
        """The name of the context to use: the one asked for, or the current one.

        Raises InvalidInput when there is none, or when it is not clear which.
        """
        if name or self.current:
            return name or self.current
        if len(self.all) == 1:
            return next(iter(self.all))
        if not self.all:
            raise InvalidInput(f"configuration {self.path} has no context: 'fedctl init' makes one")
        raise InvalidInput(
            f"configuration {self.path} has {len(self.all)} contexts and no current one: choose "
            "one by 'fedctl context use NAME' or --context NAME"
        )

    def config(self, name: str = "") -> Config:
        """The context of this name, or the current one; raises InvalidInput with one sentence."""
        chosen = self.chosen(name)
        return _config(self.path, chosen, self._known(chosen))

    def using(self, name: str) -> "Contexts":
        """The same with another current context; raises InvalidInput for one that is not there."""
        self._known(name)
        return Contexts(self.path, self.all, name)

    def without(self, name: str) -> "Contexts":
        """The same without a context; raises NotReady when it is not there."""
        if name not in self.all:
            raise NotReady(_unknown(self, name))
        rest = {key: value for key, value in self.all.items() if key != name}
        return Contexts(self.path, rest, "" if self.current == name else self.current)

    def adding(self, name: str, context: Mapping[str, str]) -> "Contexts":
        """The same with a context more, which becomes the current one when there is none.

        Raises Conflict when another one has the name: nothing is replaced.
        """
        check_name(name)
        found = self.all.get(name)
        if found is not None and found != context:
            raise Conflict(
                f"configuration {self.path} has another context {name}: choose another name by "
                f"--context NAME, or say 'fedctl context delete {name}' first"
            )
        current = self.current or (next(iter(self.all)) if len(self.all) == 1 else "")
        return Contexts(self.path, {**self.all, name: dict(context)}, current or name)

    def document(self) -> dict[str, Any]:
        """What stands in the file."""
        named: dict[str, Any] = {"current": self.current} if self.current else {}
        return {**named, "contexts": dict(self.all)}

    def _known(self, name: str) -> Any:
        if name not in self.all:
            raise InvalidInput(_unknown(self, name))
        return self.all[name]


def check_name(name: str) -> str:
    """A name that a context may have; raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"context is {shown(name)}, but must be 1 to 63 characters from A-Z a-z 0-9 . _ -"
        )
    return name


def parse_contexts(path: Path, found: object) -> Contexts:
    """The contexts in a document; raises InvalidInput with one sentence."""
    if not isinstance(found, dict):
        raise InvalidInput(
            f"configuration {path} must be a mapping of {', '.join(_FILE_FIELDS)}, or of "
            f"{', '.join(FIELDS)}"
        )
    if not set(found) & set(_FILE_FIELDS):
        return Contexts(path, {ONLY: found}, ONLY)
    _check_fields(f"configuration {path}", found, _FILE_FIELDS)
    contexts, current = found.get("contexts") or {}, found.get("current") or ""
    if not isinstance(contexts, dict):
        raise InvalidInput(f"configuration {path}: contexts is {shown(contexts)}, but must be a "
                           "mapping of name to context")  # fmt: skip
    for name in contexts:
        check_name(str(name))
    if not isinstance(current, str) or (current and current not in contexts):
        raise InvalidInput(
            f"configuration {path}: current is {shown(current)}, but must be a context of the "
            f"file{_those(contexts)}: correct it, or choose one by 'fedctl context use NAME'"
        )
    return Contexts(path, {str(name): value for name, value in contexts.items()}, current)


def _config(path: Path, name: str, found: object) -> Config:
    where = f"configuration {path}: context {name}" if name != ONLY else f"configuration {path}"
    if not isinstance(found, dict):
        raise InvalidInput(f"{where} must be a mapping of {', '.join(FIELDS)}")
    _check_fields(where, found, FIELDS)
    for field in (*_NEEDED, *(f for f in FIELDS if f in found and f not in _NEEDED)):
        value = found.get(field)
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"{where}: {field} is {shown(value)}, but must be text")
    is_pair = "certificate_file" in found and "key_file" in found
    is_half = "certificate_file" in found or "key_file" in found
    if ("token_file" in found) is is_half or is_half is not is_pair:
        raise InvalidInput(f"{where} must have either token_file, or certificate_file and key_file")
    here = path.absolute().parent
    paths = {
        field: here / Path(found[field]).expanduser() for field in FIELDS[1:] if field in found
    }
    return Config(
        found["controller"],
        paths["ca_file"],
        paths.get("token_file"),
        paths.get("certificate_file"),
        paths.get("key_file"),
        name,
    )


def _check_fields(where: str, found: dict[Any, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(str(key) for key in set(found) - set(known))
    if unknown:
        raise InvalidInput(f"{where}: field {unknown[0]} is not known, only {', '.join(known)}")


def _unknown(contexts: Contexts, name: str) -> str:
    return (
        f"configuration {contexts.path} has no context {shown(name)}{_those(contexts.all)}: "
        "'fedctl context list' shows them"
    )


def _those(contexts: Mapping[Any, Any]) -> str:
    return f", only {', '.join(sorted(map(str, contexts)))}" if contexts else ""
