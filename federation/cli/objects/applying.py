"""Server-side apply of documents: all are checked by the controller before the first is applied.

In: manifests. Out: for each the object as it is and as it would be, then as it is applied. What is
wrong with any of them is said of all of them, and nothing is applied.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from federation.cli.io import IO
from federation.cli.objects.manifests import Manifest
from federation.cli.objects.session import Session
from federation.cli.objects.shown import plain
from federation.model.errors import Conflict, FedmeshError, InvalidInput, NotReady

Json = dict[str, Any]

_OF_THE_API = ("resourceVersion", "generation", "uid", "creationTimestamp")
_FORCE = "--force-conflicts takes over fields that others own"
CREATED, CONFIGURED, UNCHANGED = "created", "configured", "unchanged"


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that the controller would take: the object before (None: new) and after."""

    manifest: Manifest
    before: Json | None
    after: Json

    @property
    def outcome(self) -> str:
        """What applying it does, in a word."""
        return outcome(self.before, self.after)


def check(
    manifests: Sequence[Manifest], session: Session, io: IO, *, force: bool
) -> tuple[Checked, ...]:
    """What would become of each; raises the error of the first that is refused.

    Those of the others are said before.
    """
    found, errors = [], []
    for manifest in manifests:
        try:
            found.append(_checked(manifest, session, force=force))
        except (InvalidInput, Conflict, NotReady) as error:
            errors.append(_at(manifest, error))
    for other in errors[1:]:
        io.say(f"fedctl: {other}")
    if errors:
        raise errors[0]
    return tuple(found)


def _checked(manifest: Manifest, session: Session, *, force: bool) -> Checked:
    before = session.objects.find(manifest.place)
    _, after = session.objects.apply(manifest.document, manifest.place, force=force, is_dry=True)
    return Checked(manifest, before, after)


def apply(checked: Checked, session: Session, *, force: bool) -> str:
    """Apply a document; returns what that did, in a word."""
    manifest = checked.manifest
    try:
        is_new, after = session.objects.apply(
            manifest.document, manifest.place, force=force, is_dry=False
        )
    except FedmeshError as error:
        raise _at(manifest, error) from error
    return CREATED if is_new else outcome(checked.before, after)


def outcome(before: Json | None, after: Json) -> str:
    """What happened, as people see it: who owns a field, and what is seen, is no change."""
    if before is None:
        return CREATED
    return UNCHANGED if stated(before) == stated(after) else CONFIGURED


def stated(found: Json) -> Json:
    """An object as people state it: without status, and without what the controller keeps."""
    metadata = plain(found).get("metadata") or {}
    own = {name: value for name, value in metadata.items() if name not in _OF_THE_API}
    return {**{n: v for n, v in found.items() if n != "status"}, "metadata": own}


def _at(manifest: Manifest, error: FedmeshError) -> FedmeshError:
    """The error with where the document stands, and what helps."""
    hint = f": {_FORCE}" if isinstance(error, Conflict) and "conflict with" in str(error) else ""
    return type(error)(f"{manifest.where}: {manifest.place.title}: {error}{hint}")
