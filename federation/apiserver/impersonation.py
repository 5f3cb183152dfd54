"""Asking in the name of somebody else: the headers `Impersonate-*` of Kubernetes.

In: who asks, the headers, and whether he is an admin of the clusterset. Out: who he is from then
on. Never ignored: who may not do this is refused, or he would act with his own rights unawares.
"""

from collections.abc import Iterable
from urllib.parse import unquote

from federation.apiserver.caller import Caller, known
from federation.model.errors import Denied, InvalidInput, shown

MOST_VALUES = 100
LONGEST = 1024
_PREFIX = "impersonate-"
_EXTRA = "impersonate-extra-"


def impersonated(headers: Iterable[tuple[str, str]], caller: Caller, *, is_admin: bool) -> Caller:
    """Who the caller is for this request, himself where no header says otherwise.

    Raises Denied for one who is no admin, and InvalidInput for headers that say no user.
    """
    found = [(n.lower(), value) for n, value in headers if n.lower().startswith(_PREFIX)]
    if not found:
        return caller
    if not is_admin:
        raise Denied(
            f"user {caller.name} may not act in the name of others: only an admin of the clusterset"
        )
    _check(found)
    users, uids = _all(found, "impersonate-user"), _all(found, "impersonate-uid")
    if len(users) != 1 or not users[0] or len(uids) > 1:
        raise InvalidInput("who is impersonated must be said by exactly one Impersonate-User")
    extra: dict[str, list[str]] = {}
    for name, value in found:
        if name.startswith(_EXTRA):
            extra.setdefault(unquote(name.removeprefix(_EXTRA)), []).append(value)
    return known(
        users[0],
        tuple(_all(found, "impersonate-group")),
        caller.how,
        uid="".join(uids),
        extra=tuple((name, tuple(values)) for name, values in sorted(extra.items())),
        by=caller,
    )


def _check(found: list[tuple[str, str]]) -> None:
    if len(found) > MOST_VALUES:
        raise InvalidInput(
            f"there are {len(found)} headers Impersonate-*, but {MOST_VALUES} at most"
        )
    for name, value in found:
        if len(value) > LONGEST or not value.isprintable():
            raise InvalidInput(
                f"header {name[:80]} is {shown(value)}, but must be printable text of at most "
                f"{LONGEST} characters"
            )
        is_known = name.startswith(_EXTRA) or name.removeprefix(_PREFIX) in ("user", "group", "uid")
        if not is_known:
            raise InvalidInput(
                f"header {name[:80]} is not known: nobody would be impersonated by it"
            )


def _all(found: list[tuple[str, str]], wanted: str) -> list[str]:
    return [value for name, value in found if name == wanted]
