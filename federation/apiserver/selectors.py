"""Selectors of lists and watches: labels and fields, as Kubernetes writes them.

In: the text of `labelSelector` or `fieldSelector`. Out: a judge of objects. Raises StatusError
(400) for text that is no selector, and for fields by which a kind cannot be selected.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from federation.api.kind import ApiKind
from federation.apiserver.paths import value_at
from federation.apiserver.statuses import bad_request
from federation.model.errors import shown

Json = dict[str, Any]
Judge = Callable[[Json], bool]

LONGEST = 8_192
_KEY = r"[A-Za-z0-9]([-A-Za-z0-9_./]{0,315}[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_EQUALS = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_AMONG = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_THERE = re.compile(rf"(!?)\s*({_KEY})")
_PARTS = re.compile(r",(?![^(]*\))")
_FIELD = re.compile(r"([A-Za-z0-9_.\-]+)(==|!=|=)(.*)", re.DOTALL)
_NAME = "metadata.name"
_ALWAYS = (_NAME, "metadata.namespace")


def of_labels(text: str) -> Judge | None:
    """A judge by labels; None when everything is selected."""
    if not text.strip():
        return None
    if len(text) > LONGEST:
        raise bad_request(f"labelSelector has {len(text)} characters, but must have {LONGEST}")
    judges = [_requirement(part.strip(), text) for part in _PARTS.split(text)]

    def judge(found: Json) -> bool:
        labels = found.get("metadata", {}).get("labels") or {}
        return all(holds(labels) for holds in judges)

    return judge


def _requirement(part: str, text: str) -> Judge:
    if match := _EQUALS.fullmatch(part):
        key, operator, value = match[1], match[3], match[4]
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _AMONG.fullmatch(part):
        key, operator = match[1], match[3]
        values = {value.strip() for value in match[4].split(",")}
        if all(re.fullmatch(_VALUE, value) for value in values):
            if operator == "in":
                return lambda labels: labels.get(key) in values
            return lambda labels: labels.get(key) not in values
    if match := _THERE.fullmatch(part):
        key, is_wanted = match[2], not match[1]
        return lambda labels: (key in labels) is is_wanted
    raise bad_request(
        f"labelSelector is {shown(text)}, but {shown(part)} in it must be KEY=VALUE, KEY!=VALUE, "
        "KEY in (A,B), KEY notin (A,B), KEY or !KEY"
    )


def of_fields(text: str, kind: ApiKind) -> Judge | None:
    """A judge by fields; None when everything is selected."""
    wanted = _wanted_fields(text)
    if not wanted:
        return None
    for field, _, _ in wanted:
        if field not in (*_ALWAYS, *kind.selectable):
            known = ", ".join((*_ALWAYS, *kind.selectable))
            raise bad_request(
                f"field label not supported: {shown(field)}: {kind.resource} can be selected by "
                f"{known}"
            )
    return lambda found: all(
        (str(value_at(found, field) or "") == value) is is_equal
        for field, is_equal, value in wanted
    )


def _wanted_fields(text: str) -> list[tuple[str, bool, str]]:
    """Each field, whether it must be equal to a value or must not, and the value."""
    if len(text) > LONGEST:
        raise bad_request(f"fieldSelector has {len(text)} characters, but must have {LONGEST}")
    wanted: list[tuple[str, bool, str]] = []
    for part in re.split(r"(?<!\\),", text.strip()):
        if not part:
            continue
        match = _FIELD.fullmatch(part)
        if match is None:
            raise bad_request(f"fieldSelector: {shown(part)} must be FIELD=VALUE or FIELD!=VALUE")
        field, operator, value = match[1], match[2], re.sub(r"\\([\\,=])", r"\1", match[3])
        wanted.append((field, operator != "!=", value))
    return wanted


def both(judges: Iterable[Judge | None]) -> Judge | None:
    """What all of them select."""
    every = [judge for judge in judges if judge is not None]
    if not every:
        return None
    return lambda found: all(judge(found) for judge in every)


def name_wanted(text: str) -> str:
    """The one name that a field selector asks for; "" when it does not.

    Nothing of another name is selected by `of_fields`: roles for single objects rely on that.
    """
    names = [
        value for field, is_equal, value in _wanted_fields(text) if is_equal and field == _NAME
    ]
    return names[0] if names else ""
