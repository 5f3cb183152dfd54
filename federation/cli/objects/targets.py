"""Which objects the words of a command line mean.

In: `KIND`, `KIND,KIND`, `KIND NAME...`, `KIND/NAME...`, or a category. Out: a `Target` for each
kind. Raises InvalidInput.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from federation.cli.objects.session import Session
from federation.client.discovery import Kinds, ServedKind
from federation.client.objects import Place
from federation.model.errors import InvalidInput, shown


@dataclass(frozen=True, slots=True)
class Target:
    """A kind, and the names of the objects that are meant; without any: all of them."""

    kind: ServedKind
    names: tuple[str, ...] = ()


def targets(words: Sequence[str], kinds: Kinds) -> tuple[Target, ...]:
    """What is meant by words."""
    if not words:
        raise InvalidInput("name a kind, for example trafficpolicies: see fedctl api-resources")
    if any("/" in word for word in words):
        return _slashed(words, kinds)
    names = tuple(map(_name, words[1:]))
    return tuple(Target(kind, names) for kind in _kinds(words[0], kinds))


def places(words: Sequence[str], session: Session) -> tuple[Place, ...]:
    """The objects that words mean, each by its name; raises InvalidInput for a kind alone."""
    found = targets(words, session.kinds)
    for target in found:
        if not target.names:
            raise InvalidInput(f"say which of the {target.kind.plural}: {words[0]} NAME")
    return tuple(session.place(target.kind, name) for target in found for name in target.names)


def _kinds(text: str, kinds: Kinds) -> Iterable[ServedKind]:
    found: dict[ServedKind, None] = {}
    for word in text.split(","):
        found.update(dict.fromkeys(kinds.of_category(word) or (kinds.find(word),)))
    return found


def _slashed(words: Sequence[str], kinds: Kinds) -> tuple[Target, ...]:
    found = []
    for word in words:
        kind, slash, name = word.partition("/")
        if not slash:
            raise InvalidInput(
                f"{shown(word)} stands beside KIND/NAME: say KIND/NAME for each, or KIND NAME..."
            )
        found.append(Target(kinds.find(kind), (_name(name),)))
    return tuple(found)


def _name(text: str) -> str:
    if not text or "/" in text or text in (".", ".."):
        raise InvalidInput(f"{shown(text)} is no name of an object")
    return text
