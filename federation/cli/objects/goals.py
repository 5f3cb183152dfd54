"""What `fedctl wait` waits for: a condition, a value, that an object comes or goes.

In: the text of `--for`. Out: a `Goal`, which judges an object, None where there is none. Raises
InvalidInput.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from federation.apiserver.paths import steps, value_at
from federation.model.errors import InvalidInput, shown

Json = dict[str, Any]

_FORMS = "condition=TYPE[=STATUS], jsonpath=PATH[=VALUE], create or delete"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is waited for; `reached` is how a line says it. `is_gone`: the object must go.

    `needs_object`: there is nothing to wait for when the object is not there.
    """

    reached: str
    holds: Callable[[Json | None], bool]
    needs_object: bool = True
    is_gone: bool = False


def goal_of(text: str) -> Goal:
    """The goal that `--for` states."""
    word, _, rest = text.partition("=")
    match word.lower():
        case "delete" if not rest:
            return Goal("deleted", lambda found: found is None, needs_object=False, is_gone=True)
        case "create" if not rest:
            return Goal("created", lambda found: found is not None, needs_object=False)
        case "condition" if rest:
            return _condition(rest)
        case "jsonpath" if rest:
            return _value(rest)
    raise InvalidInput(f"--for is {shown(text)}, but must be {_FORMS}")


def _condition(text: str) -> Goal:
    type, _, wanted = text.partition("=")
    status = (wanted or "True").lower()

    def holds(found: Json | None) -> bool:
        if found is None:
            return False
        generation = found.get("metadata", {}).get("generation")
        return any(
            str(c.get("type")).lower() == type.lower()
            and str(c.get("status")).lower() == status
            and not _is_older(c.get("observedGeneration"), generation)
            for c in conditions(found)
        )

    return Goal("condition met", holds)


def _is_older(observed: Any, generation: Any) -> bool:
    """Whether a condition was made of an object before it was changed."""
    return isinstance(observed, int) and isinstance(generation, int) and observed < generation


def conditions(found: Json) -> list[Json]:
    """The conditions in the status of an object."""
    status = found.get("status")
    listed = status.get("conditions") if isinstance(status, dict) else None
    return [c for c in listed if isinstance(c, dict)] if isinstance(listed, list) else []


def _value(text: str) -> Goal:
    path, wanted = _parted(text)
    try:
        steps(path)
    except ValueError as error:
        raise InvalidInput(
            f"--for=jsonpath: {shown(text)} must be like {{.status.state}}=live or "
            "{.status.conditions[?(@.type=='Ready')].status}=True"
        ) from error

    def holds(found: Json | None) -> bool:
        value = value_at(found, path)
        return value is not None if wanted is None else _text(value) == wanted

    return Goal("condition met", holds)


def _parted(text: str) -> tuple[str, str | None]:
    """A path and the value that is wanted there; a path in braces may have `=` in it."""
    plain = text.strip("'\"") if not text.startswith("{") else text
    if plain.startswith("{"):
        path, brace, rest = plain[1:].partition("}")
        if not brace or rest[:1] not in ("", "="):
            return " ", None  # is no path
        return path, rest[1:] if rest else None
    path, equals, wanted = plain.partition("=") if "[?" not in plain else (plain, "", "")
    return path, wanted if equals else None


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
