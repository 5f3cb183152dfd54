"""Lists of objects shown in every form, once or for as long as somebody reads.

In: targets, and how to show them. Out: text on `out`; what there is none of is said on `err`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from federation.cli.io import IO
from federation.cli.objects.events import time_of
from federation.cli.objects.follow import follow, items_of, object_of
from federation.cli.objects.options import Form
from federation.cli.objects.session import Session
from federation.cli.objects.shown import list_of, plain, show_document, title_of
from federation.cli.objects.tables import Sheet, merged
from federation.cli.objects.targets import Target
from federation.client.discovery import ServedKind
from federation.client.objects import TABLE, Selection
from federation.client.rest import PLAIN
from federation.model.errors import FedmeshError, InvalidInput

Json = dict[str, Any]
Found = tuple[ServedKind, list[Json]]
"""Objects of a kind, or Tables of them."""


@dataclass(frozen=True, slots=True)
class Listed:
    """How objects are selected and shown; `by_time`: events, the newest last."""

    form: Form = Form.TABLE
    every: bool = False
    labels: str = ""
    fields: str = ""
    managed: bool = False
    by_time: bool = False

    @property
    def accept(self) -> str:
        """What is asked for."""
        return TABLE if self.form.is_table else PLAIN

    def sheet(self, kind: ServedKind, *, is_titled: bool = False) -> Sheet:
        """How tables are shown."""
        has_namespace = self.every and kind.namespaced
        return Sheet(kind, self.form is Form.WIDE, has_namespace, is_titled)

    def selection(self, session: Session, kind: ServedKind) -> Selection:
        """What is selected of a kind."""
        namespace = "" if self.every else session.within(kind)
        return Selection(kind, namespace, self.labels, self.fields)

    def document(self, found: Json) -> Json:
        """An object as it is shown."""
        return found if self.managed else plain(found)


@dataclass(frozen=True, slots=True)
class Listing:
    """One kind that is watched."""

    how: Listed
    selection: Selection


def show(session: Session, targets: Sequence[Target], how: Listed, io: IO) -> int:
    """Show what there is; of several kinds those that can be had. Returns the exit code."""
    _check(targets, how)
    found, code = [], 0
    for target in targets:
        try:
            found.append((target.kind, _found(session, target, how)))
        except FedmeshError as error:
            if len(targets) == 1:
                raise
            io.say(f"fedctl: {target.kind.plural}: {error}")
            code = code or error.exit_code
    if how.form.is_table:
        _tables(found, how, session, io)
    elif how.form is Form.NAME:
        for kind, objects in found:
            for one in objects:
                io.result(title_of(kind, one))
    else:
        documents = [how.document(one) for _, objects in found for one in objects]
        is_one = len(targets) == 1 and len(targets[0].names) == 1
        show_document(documents[0] if is_one else list_of(documents), how.form, io)
    return code


def _check(targets: Sequence[Target], how: Listed) -> None:
    if any(target.names for target in targets):
        if how.labels or how.fields:
            raise InvalidInput("names and selectors do not go together: say one of them")
        if how.every:
            raise InvalidInput("an object is in one namespace: say -n, not -A")


def _tables(found: Sequence[Found], how: Listed, session: Session, io: IO) -> None:
    shown = 0
    for kind, tables in found:
        table = merged(tables)
        rows = table.get("rows") or []
        if how.by_time:
            rows.sort(key=lambda row: time_of(row["object"]))
        if rows and shown:
            io.result("")
        how.sheet(kind, is_titled=len(found) > 1).show(table, io)
        shown += len(rows)
    if found and not shown:
        kinds = ", ".join(kind.plural for kind, _ in found)
        namespaces = {how.selection(session, kind).namespace for kind, _ in found} - {""}
        io.say(f"no {kinds}" + "".join(f" in namespace {name}" for name in namespaces))


def _found(session: Session, target: Target, how: Listed) -> list[Json]:
    """The objects, or the Tables, that are meant; of Tables at least one."""
    if target.names:
        found = (session.place(target.kind, name) for name in target.names)
        return [session.objects.get(place, how.accept) for place in found]
    listed = session.objects.list(how.selection(session, target.kind), how.accept)
    if how.form.is_table:
        return [listed]
    return [_whole(target.kind, found) for found in items_of(listed)]


def _whole(kind: ServedKind, found: Json) -> Json:
    """An item of a list, which need not say of which kind it is."""
    return {"apiVersion": kind.api_version, "kind": kind.kind, **found}


def listing(session: Session, targets: Sequence[Target], how: Listed) -> Listing:
    """What is to be watched: one kind, or one object; raises InvalidInput for more."""
    _check(targets, how)
    if len(targets) != 1 or len(targets[0].names) > 1:
        raise InvalidInput("--watch shows one kind, or one object")
    (target,) = targets
    if target.names:
        place = session.place(target.kind, target.names[0])
        session.objects.get(place)  # one that is not there is probably a slip of the pen
        selection = session.one(place)
    else:
        selection = how.selection(session, target.kind)
    return Listing(how, selection)


def stay(listing: Listing, session: Session, io: IO) -> NoReturn:
    """Show what there is, and what happens to it, until somebody interrupts it."""
    how, selection = listing.how, listing.selection
    sheet, first = how.sheet(selection.kind), True
    listed = session.objects.list(selection, how.accept)
    items = items_of(listed)
    if how.by_time:
        items.sort(key=lambda item: time_of(object_of(item)))
    if how.form.is_table:
        if items:
            sheet.show(merged(items), io)
    else:
        for item in items:
            _show_one(_whole(selection.kind, item), selection.kind, how, io, first=first)
            first = False
    for _, item in follow(session, selection, listed, how.accept, io.say):
        if how.form.is_table:
            sheet.add(item, io)
        else:
            _show_one(item, selection.kind, how, io, first=first)
            first = False
    raise AssertionError  # a watch does not end by itself


def _show_one(found: Json, kind: ServedKind, how: Listed, io: IO, *, first: bool) -> None:
    if how.form is Form.NAME:
        io.result(title_of(kind, found))
    else:
        show_document(how.document(found), how.form, io, first=first)
