"""Lists in pages: what is asked for by `limit`, and gone on with by `continue`.

A page that is followed by others belongs to one moment: the rest of the list is kept as it was, by
reference, for some minutes and for so many lists at most. After that the caller is told to list
again (410), as by Kubernetes.
"""

import base64
import binascii
import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from federation.apiserver.collection import Held
from federation.apiserver.statuses import bad_request, expired

MOST_LISTS = 64
KEPT_SECONDS = 300.0
LARGEST_LIMIT = 10_000
_LONGEST_TOKEN = 1_024


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `token` leads to the next one, "" after the last."""

    items: tuple[Held, ...]
    revision: int
    token: str
    remaining: int


@dataclass(frozen=True, slots=True)
class _List:
    items: tuple[Held, ...]
    revision: int
    made: float
    owner: str


class Pages:
    """The lists that are being read in pages. `now` is the loop's time."""

    def __init__(self) -> None:
        self._lists: OrderedDict[str, _List] = OrderedDict()

    def first(
        self, items: tuple[Held, ...], revision: int, limit: int, owner: str, now: float
    ) -> Page:
        """The beginning of a list; `owner` names what it is a list of, and for whom."""
        if not limit or limit >= len(items):
            return Page(items, revision, "", 0)
        id = secrets.token_hex(8)
        self._lists[id] = _List(items, revision, now, owner)
        while len(self._lists) > MOST_LISTS:
            self._lists.popitem(last=False)
        return self._page(id, 0, limit)

    def next(self, token: str, limit: int, owner: str, now: float) -> Page:
        """What follows; raises StatusError for a token that is none, or is too old."""
        id, start = _read(token)
        found = self._lists.get(id)
        if found is None or now - found.made > KEPT_SECONDS or found.owner != owner:
            raise expired(
                "The provided continue parameter is too old to display a consistent list result: "
                "start a new list without the continue parameter"
            )
        return self._page(id, start, limit)

    def _page(self, id: str, start: int, limit: int) -> Page:
        found = self._lists[id]
        end = min(len(found.items), start + limit) if limit else len(found.items)
        remaining = len(found.items) - end
        token = _token(id, end) if remaining else ""
        if not remaining:
            del self._lists[id]
        return Page(found.items[start:end], found.revision, token, remaining)


def _token(id: str, start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([id, start]).encode()).decode()


def _read(token: str) -> tuple[str, int]:
    try:
        id, start = json.loads(base64.urlsafe_b64decode(token[:_LONGEST_TOKEN]))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise bad_request("continue key is not valid: take it from the list before") from None
    if (
        not isinstance(id, str)
        or not isinstance(start, int)
        or isinstance(start, bool)
        or start < 0
    ):
        raise bad_request("continue key is not valid: take it from the list before")
    return id, start
